"""Files that are there in full or not at all: a full disk leaves no half of a recording behind."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from deid_stream.errors import ConfigError


@contextlib.contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` when all of it has been written. What is no plain file (a
    pipe, a device) is written as it is.

    Raises ConfigError naming the path and what the system says; what stood there before is then still there.
    """
    plain = path.is_file() or not path.exists()
    part = path.with_name(f".{path.name}.{os.getpid()}.part") if plain else path
    try:
        with part.open("wb") as out:
            yield out
        if plain:
            part.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or type(error).__name__}") from None
    finally:
        if plain:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """``value`` as indented JSON. Raises ConfigError as ``written`` does."""
    with written(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
