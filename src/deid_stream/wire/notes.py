"""Names of fields that were left out of an output, for the metric that counts them."""

from collections.abc import Callable
from typing import Final

Note = Callable[[str], object]
"""Called with the field's name: one of ``DROPPED``."""

FREE_TEXT: Final = "free_text"
"""A field that the deployment names as free text, and that is no text or too long."""
METADATA: Final = "metadata"
"""All of ``metadata``, where it is no JSON object: text that holds one, say."""
SUBJECT: Final = "subject"
"""The person on the line, where it is neither text nor a number, or too long."""
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
    FREE_TEXT,
    METADATA,
    SUBJECT,
    "other",
)
"""``other``: any field of a call's metadata that is not known here."""


def ignore(_field: str) -> None:
    """Count nothing."""
