"""From sanitized values to the keys, JSON values and headers of Kafka records. Everything that comes in here is already
safe to publish."""

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from deid_stream.errors import DecodeError
from deid_stream.model.events import Word
from deid_stream.model.ids import joined, place_id, record_id
from deid_stream.model.outputs import AuditEntry, CallSummary, Entity, SanitizedSegment
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce


class Record(NamedTuple):
    """Ready for a producer; a ``value`` of None is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class _Transcript(msgspec.Struct, kw_only=True):
    call_id: str
    customer_id: str
    segment_id: str
    revision: int
    is_final: bool
    channel: int
    seq: int
    language: str
    start_ms: Ms
    end_ms: Ms
    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    policy_version: str
    pipeline_version: str
    permit: Any = UNSET


class _Audit(msgspec.Struct, kw_only=True, omit_defaults=True):
    call_id: str
    customer_id: str
    action: str
    reason: str
    time_ms: Ms
    policy_version: str
    channel: int | None = None
    seq: int | None = None
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    counts: dict[str, int] = {}
    rules: dict[str, int] = {}


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter about a record that was refused: its place and its sizes, nothing of what it held."""

    error: str
    """The ``code`` of the error."""
    path: str = ""
    """The header or the path in the JSON value that is wrong; never what stands there."""
    mend: str = ""
    """What the producer should do."""
    exception: str = ""
    """Of ``internal``: the type of what was raised."""
    part: int = 0
    """Which of the record's faults this is, from 0."""
    source_topic: str
    source_partition: int
    source_offset: int
    timestamp_ms: Ms
    key_bytes: int
    value_bytes: int


_encoder = msgspec.json.Encoder()


def encode_segment(
    segment: SanitizedSegment, *, policy_version: str, pipeline_version: str, permit: msgspec.Struct | None = None
) -> Record:
    """A sanitized transcript. An interim carries ``is_final: false`` under the id its final will replace;
    ``permit`` only towards training."""
    key = record_id(segment.call_id, segment.channel, segment.seq)
    value = _encoder.encode(
        _Transcript(
            call_id=segment.call_id,
            customer_id=segment.customer_id,
            segment_id=segment.segment_id,
            revision=segment.revision,
            is_final=segment.is_final,
            channel=segment.channel,
            seq=segment.seq,
            language=segment.language,
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            text=segment.text,
            words=segment.words,
            entities=segment.entities,
            policy_version=policy_version,
            pipeline_version=pipeline_version,
            permit=UNSET if permit is None else permit,
        )
    )
    headers = ce.own_headers(ce.TRANSCRIPT_V1, key.decode(), segment.call_id, segment.customer_id)
    headers.append((ce.CHANNEL, b"%d" % segment.channel))
    headers.append((ce.SEQ, b"%d" % segment.seq))
    headers.append((ce.POLICY_VERSION, policy_version.encode()))
    return Record(key, value, headers)


def encode_summary(summary: CallSummary, *, policy_version: str, pipeline_version: str) -> Record:
    """Sanitized call metadata for ``deid.calls``; its ``metadata`` has been sanitized by the session."""
    fields = msgspec.structs.asdict(summary)
    value = _encoder.encode({**fields, "policy_version": policy_version, "pipeline_version": pipeline_version})
    headers = ce.own_headers(ce.CALL_V1, summary.call_id, summary.call_id, summary.customer_id)
    headers.append((ce.POLICY_VERSION, policy_version.encode()))
    return Record(summary.call_id.encode(), value, headers)


def encode_audit(entry: AuditEntry, *, policy_version: str) -> Record:
    """One line of the ledger. Its ``ce_id`` is made of what it says, so that a replayed line has the same id."""
    value = _encoder.encode(
        _Audit(
            call_id=entry.call_id,
            customer_id=entry.customer_id,
            action=entry.action,
            reason=entry.reason,
            time_ms=entry.time_ms,
            policy_version=policy_version,
            channel=entry.channel,
            seq=entry.seq,
            start_ms=entry.start_ms,
            end_ms=entry.end_ms,
            counts=entry.counts,
            rules=entry.rules,
        )
    )
    own_id = joined(entry.call_id, entry.action, entry.reason, entry.channel, entry.seq, entry.start_ms, entry.time_ms)
    headers = ce.own_headers(ce.AUDIT_V1, own_id, entry.call_id, entry.customer_id)
    return Record(entry.call_id.encode(), value, headers)


def encode_dead_letter(letter: DeadLetter, key: bytes | None) -> Record:
    """``key`` is the source record's; it goes on only where it is an identifier at all."""
    try:
        call_id = ce.identifier(key) if key else None
    except DecodeError:
        call_id = None
    own_id = place_id(letter.source_topic, letter.source_partition, letter.source_offset, letter.part)
    headers = ce.own_headers(ce.DEAD_LETTER_V1, own_id, call_id or own_id, "")
    headers = [header for header in headers if header[0] != ce.CUSTOMER_ID]
    return Record(call_id.encode() if call_id else None, _encoder.encode(letter), headers)
