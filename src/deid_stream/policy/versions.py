"""The order of a policy's versions: the whole numbers in them, compared from left to right.

``3`` < ``4``, ``v2`` < ``v10``, ``2.9`` < ``3``, ``2026-11-24`` < ``2026-12-01``. Letters do not count: ``v3``, ``3``
and ``3-final`` are the same version. A version without a number has no order and is refused, since nobody could tell
an old policy that comes again from a new one.
"""

import re
from typing import Final

from deid_stream.errors import PolicyError

MAX_CHARS: Final = 64
_NUMBER = re.compile("[0-9]+")

Order = tuple[int, ...]
"""Compares as the versions do; a version that goes on where another one ends is the later one."""


def order_of(version: int | str) -> Order:
    """Raises PolicyError where the version is too long, has blanks, or has no number."""
    text = str(version)
    if not 0 < len(text) <= MAX_CHARS or not text.isprintable() or " " in text:
        raise PolicyError(f"version must be a number or 1 to {MAX_CHARS} printable characters without blanks")
    numbers = tuple(int(number) for number in _NUMBER.findall(text))
    if not numbers:
        raise PolicyError("version holds no number, so it has no order; number the versions, for example 4 or v4")
    if text.startswith("-"):
        raise PolicyError("version must not be negative")
    return numbers
