"""Detections (guesses of a recognizer) and spans (what was decided to be redacted). Neither holds text."""

from enum import StrEnum

import msgspec

from deid_stream.model.entities import EntityType
from deid_stream.units import CharIndex, Ms


class Origin(StrEnum):
    """What kind of evidence a detection rests on; the judge and the resolver treat each kind in its own way."""

    RULE = "rule"
    """A pattern or a cue in the turn itself."""
    GAZETTEER = "gazetteer"
    """A word of a list of names, without a cue."""
    QUESTION = "question"
    """The other party had asked for it."""
    TURN = "turn"
    """The turn consists of the value alone."""
    MODEL = "model"
    KNOWN = "known"
    """A value that was found earlier in the call."""
    CUSTOMER = "customer"
    """A term of the customer's deny list."""
    PLACEHOLDER = "placeholder"
    """The recogniser has put it in place of a value; the sound still holds the value."""


class Detection(msgspec.Struct, frozen=True, order=True):
    """A scored guess over ``text[start:end]`` of one turn; guesses may overlap.

    ``detector`` is the id of the rule that made it. ``score`` is 0.5 at the point where a guess is as likely wrong as
    right and 1.0 where nothing else is possible (the scale is in docs/detection.md).
    """

    start: CharIndex
    end: CharIndex
    entity_type: EntityType
    score: float
    detector: str
    origin: Origin = Origin.RULE


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
    """An entity type, or why else it is silenced: ``UNTRANSCRIBED``, ``UNALIGNED``, ``KEY_TONES``, ``WITHHELD``."""
    level: float = 0.0
    """RMS (int16 scale) of the sound it replaces, for a level-matched tone; 0: not measured."""
