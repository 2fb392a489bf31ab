"""What a recognizer guesses (a detection) and what was decided (a span). Neither holds text."""

import msgspec

from deid_stream.model.entities import EntityType
from deid_stream.units import CharIndex, Ms


class Detection(msgspec.Struct, frozen=True, order=True):
    """A scored guess over ``text[start:end]`` of one turn; guesses may overlap."""

    start: CharIndex
    end: CharIndex
    entity_type: EntityType
    score: float
    detector: str


class Span(msgspec.Struct, frozen=True, order=True):
    """Resolved: half-open, within its text, never overlapping another span of the same text.

    ``value_id`` numbers the distinct values of a type within a call from 1 (``[PERSON_2]``); 0 means unnumbered.
    """

    start: CharIndex
    end: CharIndex
    entity_type: EntityType
    score: float
    detector: str
    value_id: int = 0


class AudioSpan(msgspec.Struct, frozen=True, order=True):
    """``[start_ms, end_ms)`` of one channel's media time that must not be heard."""

    start_ms: Ms
    end_ms: Ms
    channel: int
    entity_type: str
    """An entity type, or why else it is silenced: ``UNTRANSCRIBED``, ``UNALIGNED``, ``WITHHELD``."""
    level: float = 0.0
    """RMS (int16 scale) of the sound it replaces, for a level-matched tone; 0: not measured."""
