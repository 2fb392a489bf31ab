"""Transcript records to segments: the contract's own JSON, or a provider's named by ``ce_dataschema``."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from deid_stream.errors import DecodeError, MissingError, OversizedError, UnknownTypeError, counted
from deid_stream.model.events import Segment
from deid_stream.model.near import near_names
from deid_stream.wire import cloudevents as ce
from deid_stream.wire import limits as bounds
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.json import read_json, read_list, read_object
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import Note, ignore
from deid_stream.wire.providers import provider_of
from deid_stream.wire.providers.base import ITEMS, Fields, Provider
from deid_stream.wire.segments import AGENT, CUSTOMER, ROLES, Draft, Identity, finish, word
from deid_stream.wire.structured import is_structured, unfold

_TRANSCRIPT_V1 = ce.TRANSCRIPT_V1.encode()
_TEXT: Final = "text"
_MISTYPED_CHARS: Final = 6
"""Longest field that may be a mistyped ``text``. Larger: "context", which is another thing, counts as one."""


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
    speaker: str | int | None = None
    language: str | None = None
    words: list[_WordRecord] | None = None
    transcribed_until_ms: float | None = None


_segment = msgspec.json.Decoder(_SegmentRecord)


class Reading(NamedTuple):
    """The segments of a record, and a fault for each segment that could not be read."""

    segments: tuple[Segment, ...] = ()
    faults: tuple[DecodeError, ...] = ()


def decode_transcript(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    timestamp_ms: int,
    offset: int,
    limits: Limits,
    note: Note = ignore,
) -> Reading:
    """The segments of one ``calls.transcripts`` record: one in the contract's form; none to several in a provider's,
    where one that cannot be read fails alone.

    Fields nobody knows are ignored (and so never leave); ``null`` counts as missing. Raises DecodeError for a record
    that cannot be read at all.
    """
    attributes = dict(headers)
    content_type = attributes.get(ce.CONTENT_TYPE)
    if content_type is not None and is_structured(content_type):
        value, headers = unfold(value, content_type, limits.max_transcript_bytes)
        attributes = dict(headers)
    if attributes.get(ce.TYPE, _TRANSCRIPT_V1) != _TRANSCRIPT_V1:
        raise UnknownTypeError(
            "the record is of another type than a transcript", at=ce.TYPE, mend=f"set ce_type to {ce.TRANSCRIPT_V1}"
        )
    value = ce.check_size(value, limits.max_transcript_bytes)
    identity = _identity(key, attributes, timestamp_ms, offset)
    provider = provider_of(attributes.get(ce.DATASCHEMA))
    if provider is None:
        reading = Reading((finish(read_own(value, note), identity),))
    else:
        reading = read_document(read_any(value), provider, identity)
    ce.check_attributes(*map(attributes.get, ce.REQUIRED))
    return reading


def _identity(key: bytes | None, attributes: dict[str, bytes], timestamp_ms: int, offset: int) -> Identity:
    said = attributes.get(ce.ROLES)
    channel = ce.number_of(attributes, ce.CHANNEL, bounds.MAX_CHANNEL) if attributes.get(ce.CHANNEL) else None
    shift_ms = ce.number_of(attributes, ce.OFFSET_MS, bounds.MAX_MEDIA_MS) if attributes.get(ce.OFFSET_MS) else 0
    return Identity(
        call_id=ce.call_id_of(key, attributes),
        customer_id=ce.customer_id_of(attributes) if attributes.get(ce.CUSTOMER_ID) else None,
        channel=channel,
        time_ms=timestamp_ms,
        offset=offset,
        roles=roles_of(said) if said else ROLES,
        shift_ms=shift_ms,
    )


def roles_of(said: bytes) -> tuple[str, ...]:
    """The party on each channel, in the order of the channels, from ``agent,customer`` or the like. Raises DecodeError
    for any other word."""
    roles = tuple(part.strip().lower().decode("ascii", "replace") for part in said.split(b","))
    if not set(roles) <= {AGENT, CUSTOMER} or len(set(roles)) != len(roles):
        raise DecodeError(
            "ce_roles is no list of roles", at=ce.ROLES, mend="send agent,customer in the order of the channels"
        )
    return roles


def read_any(value: bytes) -> Fields:
    """A document of any form; one that is a list is put under the name ``ITEMS``."""
    return {ITEMS: read_list(value)} if value.lstrip()[:1] == b"[" else read_object(value)


def read_document(document: Fields, provider: Provider, identity: Identity) -> Reading:
    """The segments of a provider's document. Raises UnknownFormError where it is of no form that is read,
    OversizedError where it holds too much."""
    return read_drafts(provider.read(document), provider, identity)


def read_drafts(drafts: Iterable[Draft], provider: Provider, identity: Identity) -> Reading:
    """``read_document`` of what the provider has read already."""
    segments: list[Segment] = []
    faults: list[DecodeError] = []
    words = 0
    for number, draft in enumerate(drafts):
        words += len(draft.words)
        if number >= bounds.MAX_RECORD_SEGMENTS or words > bounds.MAX_RECORD_WORDS:
            raise OversizedError(
                f"a document of more than {bounds.MAX_RECORD_SEGMENTS} segments or {bounds.MAX_RECORD_WORDS} words",
                at="$",
                mend="send it in parts",
            )
        try:
            segments.append(finish(draft, identity, provider.name, provider.timing))
        except DecodeError as error:
            faults.append(error)
    return Reading(tuple(segments), tuple(_fewer(faults)))


def _fewer(faults: list[DecodeError]) -> Iterator[DecodeError]:
    yield from faults[: bounds.MAX_FAULTS]
    if len(faults) > bounds.MAX_FAULTS:
        rest = len(faults) - bounds.MAX_FAULTS
        more = counted(rest, "more segment")
        yield DecodeError(f"{more} could not be read", at="$", mend="as for the others of this record")


def read_own(value: bytes, note: Note = ignore) -> Draft:
    """A segment in the contract's own form. Raises DecodeError naming the field.

    One without text and words is refused, unless it only says how far the recogniser has got: silence is
    ``"text": ""``.
    """
    record = read_json(value, _segment.decode)
    if record.text is None and not record.words and (record.transcribed_until_ms is None or _mistyped(value)):
        mend = 'send text, as "" where nothing was said, or words with their text'
        raise MissingError("the segment has no text", at=f"$.{_TEXT}", mend=mend)
    words = [word(w.text, w.start_ms, w.end_ms, w.confidence) for w in record.words or ()]
    for given, kept in zip(record.words or (), words, strict=True):
        if given.confidence is not None and kept.confidence is None:
            note("confidence")
    return Draft(
        text=record.text,
        start_ms=record.start_ms,
        end_ms=record.end_ms,
        segment_id=str(record.segment_id),
        channel=record.channel,
        speaker=_text(record.speaker),
        revision=record.revision or 0,
        is_final=record.is_final is not False,
        language=record.language,
        words=words,
        transcribed_until_ms=record.transcribed_until_ms,
        call_id=_text(record.call_id),
        customer_id=_text(record.customer_id),
    )


def _mistyped(value: bytes) -> bool:
    """Whether a field that nobody reads looks like ``text``."""
    names = read_object(value).keys() - set(_SegmentRecord.__struct_fields__)
    return any(name.lower() == _TEXT or near_names(name, [_TEXT]) for name in names if len(name) <= _MISTYPED_CHARS)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
