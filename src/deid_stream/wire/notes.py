"""Fields that are left out rather than passed on, told to whoever counts them."""

from collections.abc import Callable
from typing import Final

Note = Callable[[str], object]
"""Called with the field's name: one of ``DROPPED``."""

DROPPED: Final = (
    "ce_time",
    "confidence",
    "language",
    "direction",
    "region",
    "queue",
    "disposition",
    "from",
    "to",
    "other",
)
"""``other``: whatever field of a call's metadata nobody here knows."""


def ignore(_field: str) -> None:
    """Count nothing."""
