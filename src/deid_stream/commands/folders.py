"""Folders for what commands hand over about people."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from deid_stream.errors import ConfigError


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[None]:
    """Makes the folder ``out``, or takes an empty one, for a ``with`` block. Files that any code of this process
    creates in the block can be read by this user only. At the end of the block, a folder that was made here and is
    still empty is removed. Raises ConfigError where the folder cannot be made, or is not empty: its files might be
    another person's export, and would be handed over with the new one."""
    made = not out.exists()
    before = os.umask(0o077)
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
            filled = any(out.iterdir())
        except OSError as error:
            raise ConfigError(f"cannot write {out}: {error.strerror}; give another folder") from error
        if filled:
            raise ConfigError(f"{out} is not empty; give a new folder")
        yield
    finally:
        os.umask(before)
        if made:
            with contextlib.suppress(OSError):  # there is something in it
                out.rmdir()
