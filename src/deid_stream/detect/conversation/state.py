"""The state that is kept from turn to turn: types, counters and keyed digests, nothing that was said."""

import msgspec

from deid_stream.detect.conversation.known import KnownValues
from deid_stream.model.entities import EntityType


class Asked(msgspec.Struct):
    """An open question: who asked, for which types, and for how many answers it stays open."""

    by: str
    types: list[EntityType]
    turns_left: int
    pending: list[EntityType] = []
    """Of these types, those that no turn may have answered yet: they stay open beside the next question."""


class Broken(msgspec.Struct):
    """A speaker's turn ended in the middle of a dictated value of this type; ``digits`` of it have come so far."""

    entity_type: EntityType
    turns_left: int
    digits: int = 0
    pieces: int = 1
    """Turns that it has come in; a value that comes piece by piece may be long."""


class ReadBack(msgspec.Struct):
    """A number was just said or read back: a correction of a few digits belongs to it."""

    entity_type: EntityType
    turns_left: int


class ConversationState(msgspec.Struct):
    """All that outlives a turn. Content-free: types, counters, keyed digests. JSON-able, restores exactly."""

    asked: Asked | None = None
    last_types: list[EntityType] = []
    """What was asked for last; "can you spell that" opens it again."""
    broken: dict[str, Broken] = {}
    known: KnownValues = msgspec.field(default_factory=KnownValues)
    last_turns: dict[str, str] = {}
    """Keyed digest of each speaker's last turn, to recognise a ``prev`` that was a turn itself."""
    turns: int = 0
    heard: dict[str, dict[str, int]] = {}
    """Hits by language over the last turns of each speaker."""
    read_back: ReadBack | None = None
    removed: dict[str, int] = {}
    """Guesses that were let go, by the id of the rule that decided so; for the audit."""
    quantity_asked: bool = False
    """The last question asked for a number or a thing that identifies nobody ("how many", "which bank")."""
