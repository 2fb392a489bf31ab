"""The outputs of a session, ready for the policy gate and the encoders. None of them holds anything raw."""

from enum import StrEnum

import msgspec

from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioChunk, Word
from deid_stream.model.json import JsonObject
from deid_stream.units import CharIndex, Ms


class Entity(msgspec.Struct, frozen=True):
    """One redaction, with offsets into the sanitized text."""

    entity_type: EntityType
    start: CharIndex
    end: CharIndex
    start_ms: Ms | None
    end_ms: Ms | None
    channel: int
    score: float
    detector: str
    operator: str


class SanitizedSegment(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    customer_id: str
    seq: int
    """Position among the channel's released segments, from 0; with call and channel it is the record id."""
    segment_id: str
    revision: int
    channel: int
    language: str
    start_ms: Ms
    end_ms: Ms
    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    is_final: bool = True
    time_ms: Ms = 0
    """Record time of the source segment."""
    allowed_ms: Ms = 0
    """Record time of the record that allowed the release, for ``deid_holdback_ms``."""


class SanitizedAudio(msgspec.Struct, frozen=True, kw_only=True):
    chunk: AudioChunk
    """The source chunk; ``data`` below replaces its bytes (the same object when nothing was redacted)."""
    data: bytes
    redacted_ms: Ms
    allowed_ms: Ms = 0
    disguised: bytes | None = None
    """What training gets instead of ``data`` where the policy asks for a disguised voice."""


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Sanitized call metadata for ``deid.calls``, once, when the call closes."""

    call_id: str
    customer_id: str
    time_ms: Ms
    duration_ms: Ms
    channels: int
    segments: int
    audio_chunks: int
    redactions: dict[str, int]
    redacted_audio_ms: dict[str, int]
    withheld: bool = False
    complete: bool = True
    """The call's end was seen and nothing of it was missing."""
    incomplete_reason: str | None = None
    """Why it is not complete: ``no_end``, ``no_transcript``, ``no_audio``, ``audio_missing``, ``records_lost``."""
    refused: int = 0
    """Source records of the call that were refused: each is a dead letter."""
    metadata: JsonObject = {}


class AuditAction(StrEnum):
    REDACTED = "redacted"
    WITHHELD = "withheld"
    PERMITTED = "permitted"
    """Training gets the call from here on, after a part of it was withheld."""
    SILENCED = "silenced"
    CORRECTED = "corrected"
    DROPPED = "dropped"
    CLOSED = "closed"
    RETRACTED = "retracted"
    QUARANTINED = "quarantined"
    DELETED = "deleted"
    """Somebody has asked for it."""
    EXPIRED = "expired"
    """Its retention has ended."""
    REQUESTED = "requested"
    """A privacy request has come or stands elsewhere: the receipt."""
    KEYS = "keys"
    """Somebody destroys or rotates a customer's keys, or has wrapped all of them anew."""
    ACCESSED = "accessed"
    """Somebody was given a call, its sanitized sound, or whom a privacy request is about."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the content-free ledger. ``reason`` is from a closed list, never free text."""

    call_id: str
    customer_id: str
    action: AuditAction
    reason: str
    time_ms: Ms
    channel: int | None = None
    seq: int | None = None
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    counts: dict[str, int] = {}
    rules: dict[str, int] = {}
    """Ids of rules (docs/detection.md): of ``redacted`` those that found what went, of ``closed`` those by which the
    detector let its own guesses go, over the whole call."""


class SeqRange(msgspec.Struct, frozen=True, array_like=True):
    """The records ``call_id/channel/first`` to ``call_id/channel/last``, both included. ``channel`` None: interleaved
    audio."""

    channel: int | None
    first: int
    last: int


class Retraction(msgspec.Struct, frozen=True, kw_only=True):
    """Records of the call that have left and must be taken back from analytics and training: their keys are made of
    the call and these ranges. A range may name a record that never left; its tombstone does no harm."""

    call_id: str
    customer_id: str
    time_ms: Ms
    reason: str
    """From a closed list: ``minor``."""
    transcripts: tuple[SeqRange, ...] = ()
    audio: tuple[SeqRange, ...] = ()


Output = SanitizedSegment | SanitizedAudio | CallSummary | AuditEntry | Retraction
