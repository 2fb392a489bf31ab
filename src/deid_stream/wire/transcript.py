"""Transcript records to segments: the contract's own JSON, or a provider's named by ``ce_dataschema``."""

import msgspec

from deid_stream.errors import UnknownTypeError
from deid_stream.model.events import Segment
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers, Limits
from deid_stream.wire.json import read_json, read_object
from deid_stream.wire.providers import provider_of
from deid_stream.wire.segments import Draft, Identity, finish, word

_TRANSCRIPT_V1 = ce.TRANSCRIPT_V1.encode()


class _WordRecord(msgspec.Struct):
    text: str | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    confidence: float | None = None


class _SegmentRecord(msgspec.Struct):
    segment_id: str | int
    text: str | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    call_id: str | int | None = None
    customer_id: str | int | None = None
    revision: int | None = 0
    is_final: bool | None = True
    channel: int | None = None
    language: str | None = None
    words: list[_WordRecord] | None = None
    transcribed_until_ms: float | None = None


_segment = msgspec.json.Decoder(_SegmentRecord)


def decode_transcript(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int, offset: int, limits: Limits
) -> tuple[Segment, ...]:
    """The segments of one ``calls.transcripts`` record: one in the contract's form; none to several in a provider's.

    Fields nobody knows are ignored (and so never leave); ``null`` counts as missing.
    """
    attributes = dict(headers)
    if attributes.get(ce.TYPE, _TRANSCRIPT_V1) != _TRANSCRIPT_V1:
        raise UnknownTypeError(f"ce_type on the transcript topic must be {ce.TRANSCRIPT_V1}")
    value = ce.check_size(value, limits.max_transcript_bytes)
    identity = Identity(
        call_id=ce.call_id_of(key, attributes) if key or attributes.get(ce.SUBJECT) else None,
        customer_id=ce.customer_id_of(attributes) if attributes.get(ce.CUSTOMER_ID) else None,
        channel=ce.number_of(attributes, ce.CHANNEL, 63) if attributes.get(ce.CHANNEL) else None,
        time_ms=timestamp_ms,
        offset=offset,
    )
    provider = provider_of(attributes.get(ce.DATASCHEMA))
    if provider is None:
        return (finish(_own(value), identity),)
    document = read_object(value)
    return tuple(finish(draft, identity, provider.name) for draft in provider.read(document))


def _own(value: bytes) -> Draft:
    record = read_json(value, _segment.decode)
    return Draft(
        text=record.text,
        start_ms=record.start_ms,
        end_ms=record.end_ms,
        segment_id=str(record.segment_id),
        channel=record.channel,
        revision=record.revision or 0,
        is_final=record.is_final is not False,
        language=record.language,
        words=[word(w.text, w.start_ms, w.end_ms, w.confidence) for w in record.words or ()],
        transcribed_until_ms=record.transcribed_until_ms,
        call_id=_text(record.call_id),
        customer_id=_text(record.customer_id),
    )


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
