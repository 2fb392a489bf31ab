"""Files that are there in full or not at all: a full disk leaves no half of a recording behind."""

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
    """A file to write, which takes the place of ``path`` when all of it has been written. Pipes and devices are
    written in place.

    The file is this user's alone (mode 0600), or has the mode of the one it replaces. It grows under a name that nobody
    can guess and that must not exist, so a link that somebody put there is not followed; a link at ``path`` itself is
    replaced, and what it points to stays. Raises ConfigError naming the path and what the system says; what stood there
    before is then still there.
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
    """``value`` as indented JSON. Raises ConfigError as ``atomic_writer`` does."""
    with atomic_writer(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
