"""Writes files so that they are there in full or not at all: a full disk leaves no half of a recording behind."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from deid_stream.errors import ConfigError


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write; when the block ends without an exception, the file replaces ``path``. Pipes and devices
    are written directly.

    The file can be read by this user only (mode 0600), or has the mode of the file that it replaces. Until then its
    name is random and new, so a link that somebody prepared is not followed. A link at ``path`` is replaced; its target
    stays as it was. Raises ConfigError with the path and the system's message; the old file is then unchanged.
    """
    try:
        if not path.is_file() and path.exists():
            with path.open("wb") as out:
                yield out
            return
        mode = stat.S_IMODE(path.lstat().st_mode) if path.is_file() and not path.is_symlink() else 0o600
        # O_EXCL and O_NOFOLLOW, mode 0600
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        part = Path(name)
        try:
            with open(descriptor, "wb") as out:
                yield out
                os.chmod(part, mode)
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or type(error).__name__}") from None


def write_json(path: Path, value: object) -> None:
    """Write ``value`` to ``path`` as indented JSON. Raises ConfigError where the file cannot be written."""
    with atomic_writer(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
