"""Reads small files that settings name: a settings file, a password, a key."""

import os
from pathlib import Path
from typing import Final

from deid_stream.errors import ConfigError, DigestKeyError

MAX_BYTES: Final = 65_536


def text_of(path: Path, what: str) -> str:
    """The text of the file that ``what`` names. Raises ConfigError, which tells nothing of what the file holds."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) <= MAX_BYTES:
            return raw.decode()
    except OSError as error:
        raise ConfigError(f"cannot read {what}: {error.strerror}; correct the path, or who may read it") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not UTF-8; save it as UTF-8") from None
    raise ConfigError(f"{what} is larger than {MAX_BYTES} bytes; is it the right file?")


def secret_of(value: str, file: str, name: str) -> str:
    """A secret that stands in the setting (``value``) or in a ``file``, which the setting ``name`` names. Raises
    ConfigError where the file cannot be read or is empty."""
    if not file:
        return value
    text = text_of(Path(file), name).strip()
    if not text:
        raise ConfigError(f"the file that {name} names is empty; put the secret into it, or leave {name} out")
    return text


def check_mode(file: str, name: str) -> None:
    """Raises DigestKeyError where anyone but the owner and the group may use the file, or the group may write it."""
    path = Path(file)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return  # reading it will say what is wrong
    if os.name == "posix" and mode & 0o027 and not path.is_dir():
        raise DigestKeyError(f"{name} has the mode {mode:04o}, so that others may read it; chmod 600 it")
