"""What every transcript reader ends in: untrusted fields to a Segment, or a DecodeError.

Starts are rounded down and ends up, so that no rounding makes a word shorter than it was said.
"""

import math
import re
from collections.abc import Iterable, Sequence

import msgspec

from deid_stream.errors import DecodeError, NoCustomerError
from deid_stream.model.events import Segment, Word
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
_MAX_REVISION = 2**31
_MAX_CHANNEL = 63


class Identity(msgspec.Struct, frozen=True):
    """What the record's key and headers say, whatever its payload."""

    call_id: str | None
    customer_id: str | None
    channel: int | None
    time_ms: Ms
    offset: int


class Draft(msgspec.Struct, kw_only=True):
    """A segment as a payload has it: times in ms, whole or not, anything may be missing."""

    text: str | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    segment_id: str | None = None
    channel: int | None = None
    revision: int = 0
    is_final: bool = True
    language: str | None = None
    words: Sequence[Word] = ()
    transcribed_until_ms: float | None = None
    call_id: str | None = None
    customer_id: str | None = None


def word(text: str | None, start_ms: float | None, end_ms: float | None, confidence: float | None = None) -> Word:
    """One recogniser word; a time that cannot be a media time counts as none (alignment then finds it another way)."""
    start, end = _plausible(start_ms), _plausible(end_ms)
    return Word(
        text=text or "",
        start_ms=None if start is None else math.floor(start),
        end_ms=None if end is None else math.ceil(end),
        confidence=confidence,
    )


def finish(draft: Draft, identity: Identity, provider: str = "") -> Segment:
    """Check a draft and make the Segment; ``provider`` names its timing profile.

    The payload's ids must agree with the record's, a time is needed for the whole (its own or the words'), and a
    text that is missing is read off the words.
    """
    words = tuple(draft.words)
    text = draft.text if draft.text is not None else " ".join(w.text for w in words)
    start, end = _extent(draft, words)
    channel = draft.channel if draft.channel is not None else identity.channel or 0
    if not 0 <= channel <= _MAX_CHANNEL:
        raise DecodeError(f"channel must be within 0 to {_MAX_CHANNEL}")
    if not 0 <= draft.revision <= _MAX_REVISION:
        raise DecodeError(f"revision must be within 0 to {_MAX_REVISION}")
    until = _media_time(draft.transcribed_until_ms, "transcribed_until_ms")
    return Segment(
        call_id=agreed("call_id", draft.call_id, identity.call_id),
        customer_id=agreed("customer_id", draft.customer_id, identity.customer_id),
        segment_id=ce.identifier((draft.segment_id or f"{channel}-{start}").encode()),
        text=text,
        start_ms=start,
        end_ms=end,
        channel=channel,
        revision=draft.revision,
        is_final=draft.is_final,
        language=_language(draft.language),
        words=words,
        transcribed_until_ms=None if until is None else math.floor(until),
        provider=provider,
        time_ms=identity.time_ms,
        offset=identity.offset,
    )


def _extent(draft: Draft, words: Iterable[Word]) -> tuple[Ms, Ms]:
    start, end = _media_time(draft.start_ms, "start_ms"), _media_time(draft.end_ms, "end_ms")
    if start is None:
        start = min((w.start_ms for w in words if w.start_ms is not None), default=None)
    if end is None:
        end = max((w.end_ms for w in words if w.end_ms is not None), default=None)
    if start is None and not draft.is_final:
        start = end
    if start is None or end is None:
        raise DecodeError("the segment has no start_ms and end_ms, nor word times; let the recogniser send them")
    if end < start:
        raise DecodeError("the segment ends before it starts")
    return math.floor(start), math.ceil(end)


def _media_time(ms: float | None, name: str) -> float | None:
    if ms is None:
        return None
    if not ms <= ce.MAX_MEDIA_MS:
        raise DecodeError(f"{name} is above {ce.MAX_MEDIA_MS}: it must count from the start of the call")
    return max(ms, 0)


def _plausible(ms: float | None) -> float | None:
    return ms if ms is not None and 0 <= ms <= ce.MAX_MEDIA_MS else None


def agreed(name: str, in_payload: str | None, in_record: str | None) -> str:
    """The id that payload and record (key, headers) agree on; one of them may be silent."""
    if in_payload and in_record and in_payload != in_record:
        raise DecodeError(f"{name} in the payload differs from the record's key or headers")
    value = in_payload or in_record
    if value:
        return ce.identifier(value.encode())
    if name == "customer_id":
        raise NoCustomerError("no customer: set ce_customerid or customer_id")
    raise DecodeError("no call_id: set the record key (and ce_subject) to it")


def _language(tag: str | None) -> str:
    """A BCP 47 tag, which goes out with the record; anything else becomes ``und``, its word for undetermined."""
    if not tag:
        return "en"
    return tag if _LANGUAGE.fullmatch(tag) else "und"
