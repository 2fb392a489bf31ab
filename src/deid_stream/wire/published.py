"""What this service published, read back: the sanitized records that training jobs and analytics consume.

Fields that a later version adds are ignored, so that a reader outlives the writer. Nothing here decides: whether a
record may be used is said by its permit.
"""

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from deid_stream.errors import DecodeError
from deid_stream.model.events import Word
from deid_stream.model.json import UNDECODABLE
from deid_stream.units import CharIndex, Ms


def _epoch_ms(moment: str) -> Ms:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


class PublishedPermit(msgspec.Struct, frozen=True):
    """The leave to train on a record, as it went out with the record."""

    customer_id: str = ""
    policy_version: str = ""
    region: str | None = None
    position: str = ""
    """Place of the policy in ``customers.policies``: ``partition/offset``."""
    time: str = ""
    """Since when the policy is in force, RFC 3339."""
    time_ms: Ms = 0
    """The same in epoch ms."""
    retain_until: str = ""
    """After which the record may not be used, RFC 3339; empty where the writer did not say."""
    retain_until_ms: Ms | None = None
    """The same in epoch ms."""
    retention_days: int | None = None
    partial: bool = False
    """Training has not the whole call."""

    def __post_init__(self) -> None:
        """Raises ValueError where a date is none."""
        if self.time:
            msgspec.structs.force_setattr(self, "time_ms", _epoch_ms(self.time))
        if self.retain_until:
            msgspec.structs.force_setattr(self, "retain_until_ms", _epoch_ms(self.retain_until))


class PublishedEntity(msgspec.Struct, frozen=True):
    """One redaction; ``start`` and ``end`` count characters of the sanitized text."""

    entity_type: str
    start: CharIndex
    end: CharIndex
    channel: int = 0
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    score: float = 1.0
    detector: str = ""
    operator: str = ""


class PublishedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ``deid.training.transcripts`` or ``deid.analytics.transcripts``."""

    call_id: str
    customer_id: str
    segment_id: str
    channel: int
    seq: int
    text: str
    start_ms: Ms
    end_ms: Ms
    revision: int = 0
    is_final: bool = True
    language: str = ""
    words: tuple[Word, ...] = ()
    entities: tuple[PublishedEntity, ...] = ()
    policy_version: str = ""
    pipeline_version: str = ""
    permit: PublishedPermit | None = None


class PublishedSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ``deid.calls``: the call is closed."""

    call_id: str
    customer_id: str
    time_ms: Ms
    duration_ms: Ms
    audio_chunks: int = 0
    complete: bool = True
    policy_version: str = ""


Value = TypeVar("Value")

_permit: Final = msgspec.json.Decoder(PublishedPermit)
_segment: Final = msgspec.json.Decoder(PublishedSegment)
_summary: Final = msgspec.json.Decoder(PublishedSummary)


def read_segment(value: bytes) -> PublishedSegment:
    """Raises DecodeError where the value is not a sanitized transcript."""
    return _read(_segment, value, "transcript")


def read_summary(value: bytes) -> PublishedSummary:
    """Raises DecodeError where the value is not a call's summary."""
    return _read(_summary, value, "call summary")


def read_permit(header: bytes) -> PublishedPermit:
    """The permit in the header ``ce_permit`` of an audio record. Raises DecodeError."""
    return _read(_permit, header, "permit")


def _read(decoder: "msgspec.json.Decoder[Value]", value: bytes, what: str) -> Value:
    try:
        return decoder.decode(value)
    except UNDECODABLE:
        raise DecodeError(f"the record is not a {what} as this service publishes it") from None
