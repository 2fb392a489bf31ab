"""Call events: started and ended, with whatever the producer knows about the call."""

import re
from collections.abc import Mapping
from typing import Final

from deid_stream.errors import DecodeError, UnknownTypeError
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.json import JsonObject
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.free_text import FURTHER_FIELDS, OWN_FIELDS, readable
from deid_stream.wire.json import read_object
from deid_stream.wire.languages import UNDETERMINED, canonical
from deid_stream.wire.limits import MAX_CHANNELS, MAX_MEDIA_MS, Limits, bounded
from deid_stream.wire.notes import FREE_TEXT, METADATA, SUBJECT, Note, ignore
from deid_stream.wire.segments import agreed
from deid_stream.wire.structured import is_structured, unfold

_FALSE = (False, None, 0, "", "false", "False", "no", "0")
_MAX_SUBJECT_CHARS: Final = 256
_REGION: Final = re.compile(r"[a-z]{2}")
_MEND_TYPE: Final = f"set ce_type to {ce.STARTED_V1} or {ce.ENDED_V1}"


def decode_event(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    timestamp_ms: int,
    offset: int,
    limits: Limits,
    note: Note = ignore,
) -> CallStarted | CallEnded:
    """One ``calls.events`` record: ``call.started.v1`` or ``call.ended.v1`` by ``ce_type``, else by the JSON's
    ``type`` or ``event``. What is not ours (from, to, agent ...) is the call's raw metadata; what may leave with the
    call's summary (direction, region, queue, disposition, language) is there only where its value is a known one.
    Free text (``limits.free_text``) stands apart from it."""
    attributes = dict(headers)
    content_type = attributes.get(ce.CONTENT_TYPE)
    if content_type is not None and is_structured(content_type):
        value, headers = unfold(value, content_type, limits.max_transcript_bytes)
        attributes = dict(headers)
    fields = read_object(ce.check_size(value, limits.max_transcript_bytes))
    kind = _kind(attributes.get(ce.TYPE), fields)
    in_record = ce.customer_id_of(attributes) if attributes.get(ce.CUSTOMER_ID) else None
    call_id = agreed("call_id", _text(fields, "call_id"), ce.call_id_of(key, attributes))
    customer_id = agreed("customer_id", _text(fields, "customer_id"), in_record)
    channels = _channels(fields.get("channels"))
    # where no ce_type is set, the payload has said the type
    named = (attributes.get(ce.SPECVERSION), attributes.get(ce.ID), attributes.get(ce.SOURCE))
    ce.check_attributes(*named, attributes.get(ce.TYPE) or kind.encode())
    if kind == "ended":
        return CallEnded(
            call_id=call_id,
            customer_id=customer_id,
            time_ms=timestamp_ms,
            offset=offset,
            duration_ms=_duration(fields.get("duration_ms")),
        )
    if not isinstance(fields.get("metadata"), dict | None):
        note(METADATA)
    metadata = _all_metadata(fields)
    free_text = _free_text(metadata, limits, note)
    return CallStarted(
        call_id=call_id,
        customer_id=customer_id,
        time_ms=timestamp_ms,
        offset=offset,
        channels=channels,
        minor=fields.get("minor") not in _FALSE,
        subject=_subject(fields, note),
        metadata=_sorted_out(metadata, limits, note),
        free_text=free_text,
    )


def _subject(fields: Mapping[str, object], note: Note) -> str:
    """The person on the line: ``subject`` where the producer gives it, else the telephone number of the other end. A
    ``subject`` that cannot be read is counted: nobody could ask for this person's calls by it."""
    nested = fields.get("metadata")
    known = {**nested, **fields} if isinstance(nested, dict) else fields
    other_end = "to" if known.get("direction") == "outbound" else "from"
    for name in (SUBJECT, other_end):
        value = known.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and bounded(value) is not None:
            value = str(value)  # a telephone number as a number
        if isinstance(value, str) and 0 < len(value) <= _MAX_SUBJECT_CHARS:
            return value
        if name == SUBJECT and value not in (None, ""):
            note(SUBJECT)
    return ""


def _kind(ce_type: bytes | None, fields: Mapping[str, object]) -> str:
    named = ce_type.decode(errors="replace") if ce_type else fields.get("type") or fields.get("event")
    if not isinstance(named, str):
        raise UnknownTypeError("header ce_type is missing", at=ce.TYPE, mend=_MEND_TYPE)
    kind = named.lower().replace("_", ".").removesuffix(".v1").removeprefix("call.")
    if kind not in ("started", "ended"):
        raise UnknownTypeError("the record is no start or end of a call", at=ce.TYPE, mend=_MEND_TYPE)
    return kind


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DecodeError(f"{name} is no text", at=f"$.{name}", mend="send text")
    if isinstance(value, int) and bounded(value) is None:
        raise DecodeError(f"{name} is no identifier", at=f"$.{name}", mend="send text of 1 to 256 characters")
    return str(value)


def _channels(value: object) -> int:
    """A count, or a list with one entry per channel; 0 where nothing is said."""
    count = len(value) if isinstance(value, list) else 0 if value is None else value
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_CHANNELS:
        mend = f"send a count within 0 to {MAX_CHANNELS}, or a list with one entry per channel"
        raise DecodeError("channels is no count of channels", at="$.channels", mend=mend)
    return count


def _duration(value: object) -> Ms | None:
    """Media length; None where it is missing or not a media time (the end itself matters more than its length)."""
    if isinstance(value, str):
        return None
    length = bounded(value)
    return int(length) if length is not None and 0 <= length <= MAX_MEDIA_MS else None


def _all_metadata(fields: Mapping[str, object]) -> JsonObject:
    nested = fields.get("metadata")
    metadata = dict(nested) if isinstance(nested, dict) else {}
    return metadata | {name: value for name, value in fields.items() if name not in OWN_FIELDS}


def _free_text(metadata: JsonObject, limits: Limits, note: Note) -> dict[str, str]:
    """Takes the fields of free text out of ``metadata``: nothing else may take them for something harmless."""
    taken = {name: metadata.pop(name) for name in sorted(limits.free_text & metadata.keys())}
    read = {name: text for name, value in taken.items() if (text := readable(value)) is not None}
    for name, value in taken.items():
        if value is not None and name not in read:
            note(FREE_TEXT)
    return {name: text for name, text in read.items() if text.strip()}


def _sorted_out(metadata: JsonObject, limits: Limits, note: Note) -> JsonObject:
    """Every value of a vocabulary in its canonical spelling, or left out and counted."""
    for name in (*limits.vocabularies, "language"):
        if metadata.get(name) is None:
            continue
        value = _known(name, metadata.pop(name), limits)
        if value is None:
            note(name)
        else:
            metadata[name] = value
    known = {*limits.vocabularies, *FURTHER_FIELDS}
    for name in metadata.keys() - known:
        if metadata[name] is not None:
            note("other")
    return metadata


def _known(name: str, value: object, limits: Limits) -> str | None:
    """The value in its canonical spelling; None for one that nobody has declared."""
    if not isinstance(value, str):
        return None
    if name == "language":
        tag = canonical(value)
        return None if tag == UNDETERMINED else tag
    low = value.strip().lower()
    if low in limits.vocabularies[name] or (name == "region" and _REGION.fullmatch(low)):
        return low
    return None
