"""The last step of every transcript reader: from untrusted fields to a Segment, or a DecodeError.

Starts are rounded down and ends up, so that no rounding makes a word shorter than it was said.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from deid_stream.errors import DecodeError, MissingError, NoCustomerError, NoTimesError, OversizedError, WrongKeyError
from deid_stream.model.events import Segment, Word
from deid_stream.model.ids import made_up_segment_id, untimed_segment_id
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire import limits
from deid_stream.wire.languages import canonical

AGENT: Final = "agent"
CUSTOMER: Final = "customer"
ROLES: Final = (CUSTOMER, AGENT)
"""Whose the channels are where a recogniser names a role and the record names no channel: the caller's side first, as
Twilio, Genesys and most recorders lay a call out."""

_SPEAKER = re.compile(r"[A-Za-z0-9_.:-]{1,32}")
_CONFIDENCE_PLACES: Final = 3
"""Decimal places that are passed on. More would carry a number of sixteen digits."""
MS_A_CHARACTER: Final = 90
"""Slow speech. How long a text without times is taken to have lasted at most, with a second of slack."""


class Identity(msgspec.Struct, frozen=True):
    """What the record's key and headers say, whatever its payload."""

    call_id: str | None
    customer_id: str | None
    channel: int | None
    time_ms: Ms
    offset: int
    roles: tuple[str, ...] = ROLES
    """Whose each channel is."""
    shift_ms: Ms = 0
    """Media time at which the recogniser's own clock began."""


class Draft(msgspec.Struct, kw_only=True):
    """A segment as a payload has it: times in ms, whole or not, anything may be missing."""

    text: str | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    segment_id: str | None = None
    channel: int | None = None
    role: str | None = None
    """``AGENT`` or ``CUSTOMER``, where the recogniser knows roles and not channels."""
    speaker: str | None = None
    """The recogniser's label of who speaks, where one channel holds several."""
    revision: int = 0
    is_final: bool = True
    timed: bool = True
    """False where the form has no times at all: the session places it by record time."""
    language: str | None = None
    words: Sequence[Word] = ()
    transcribed_until_ms: float | None = None
    call_id: str | None = None
    customer_id: str | None = None
    at: str = "$"
    """Where it stands in the document."""


def word(text: str | None, start_ms: float | None, end_ms: float | None, confidence: float | None = None) -> Word:
    """One recogniser word; a time that cannot be a media time counts as none (alignment then finds it another way),
    a confidence outside 0 to 1 as none."""
    start, end = _plausible(start_ms), _plausible(end_ms)
    return Word(
        text=text or "",
        start_ms=None if start is None else math.floor(start),
        end_ms=None if end is None else math.ceil(end),
        confidence=round(confidence, _CONFIDENCE_PLACES) if confidence is not None and 0 <= confidence <= 1 else None,
    )


def finish(draft: Draft, identity: Identity, provider: str = "", timing: str = "") -> Segment:
    """Check a draft and make the Segment; ``timing`` is the provider's timing profile.

    The payload's ids must agree with the record's, a time is needed for the whole (its own or the words'), and a
    missing text is made of the words.
    """
    words = _shifted(draft.words, identity.shift_ms)
    text = draft.text if draft.text is not None else " ".join(w.text for w in words)
    _check_length(text, words, draft.at)
    start, end = _extent(draft, words, identity.shift_ms) if draft.timed else (0, len(text) * MS_A_CHARACTER + 1000)
    if end - start > limits.MAX_SEGMENT_MS:
        raise OversizedError(
            f"a segment of {end - start} ms is above the limit of {limits.MAX_SEGMENT_MS}",
            at=f"{draft.at}.end_ms",
            mend="send shorter segments",
        )
    channel = _channel(draft, identity)
    if not 0 <= draft.revision <= limits.MAX_REVISION:
        raise DecodeError(f"revision must be within 0 to {limits.MAX_REVISION}", at=f"{draft.at}.revision")
    until = _media_time(draft.transcribed_until_ms, f"{draft.at}.transcribed_until_ms")
    made_up = (
        made_up_segment_id(channel, start, end)
        if draft.timed
        else untimed_segment_id(channel, identity.time_ms, identity.offset)
    )
    return Segment(
        call_id=agreed("call_id", draft.call_id, identity.call_id),
        customer_id=agreed("customer_id", draft.customer_id, identity.customer_id),
        segment_id=ce.identifier_at((draft.segment_id or made_up).encode("utf-8", "replace"), f"{draft.at}.segment_id"),
        text=text,
        start_ms=start,
        end_ms=end,
        channel=channel,
        revision=draft.revision,
        is_final=draft.is_final,
        language=canonical(draft.language),
        words=words,
        transcribed_until_ms=None if until is None else math.floor(until) + identity.shift_ms,
        provider=provider,
        timing=timing,
        speaker=draft.role or _speaker(draft.speaker),
        timed=draft.timed,
        time_ms=identity.time_ms,
        offset=identity.offset,
    )


def _check_length(text: str, words: Sequence[Word], at: str) -> None:
    for size, limit, what in (
        (len(text), limits.MAX_SEGMENT_CHARS, "characters"),
        (len(words), limits.MAX_SEGMENT_WORDS, "words"),
        (sum(len(w.text) for w in words), limits.MAX_SEGMENT_CHARS, "characters in its words"),
    ):
        if size > limit:
            raise OversizedError(
                f"a segment of {size} {what} is above the limit of {limit}", at=at, mend="send shorter segments"
            )


def _shifted(words: Sequence[Word], shift_ms: Ms) -> tuple[Word, ...]:
    if not shift_ms:
        return tuple(words)
    return tuple(
        msgspec.structs.replace(
            w,
            start_ms=None if w.start_ms is None else w.start_ms + shift_ms,
            end_ms=None if w.end_ms is None else w.end_ms + shift_ms,
        )
        for w in words
    )


def _channel(draft: Draft, identity: Identity) -> int:
    channel = draft.channel
    if channel is None and draft.role in identity.roles:
        channel = identity.roles.index(draft.role)
    elif not channel:
        # a recogniser that hears one channel calls it its first, whichever of the call's it is: there the record knows
        channel = channel if identity.channel is None else identity.channel
    channel = channel or 0
    if not 0 <= channel <= limits.MAX_CHANNEL:
        raise DecodeError(f"channel must be within 0 to {limits.MAX_CHANNEL}", at=f"{draft.at}.channel")
    return channel


def _speaker(label: str | None) -> str:
    """A label only serves to tell speakers apart, within the session; a long or odd one counts as none."""
    return label if label and _SPEAKER.fullmatch(label) else ""


def _extent(draft: Draft, words: Iterable[Word], shift_ms: Ms) -> tuple[Ms, Ms]:
    start = _media_time(draft.start_ms, f"{draft.at}.start_ms")
    end = _media_time(draft.end_ms, f"{draft.at}.end_ms")
    start = None if start is None else start + shift_ms
    end = None if end is None else end + shift_ms
    if start is None:
        start = min((w.start_ms for w in words if w.start_ms is not None), default=None)
    if end is None:
        end = max((w.end_ms for w in words if w.end_ms is not None), default=None)
    if start is None and not draft.is_final:
        start = end
    if start is None or end is None:
        raise NoTimesError(
            "the segment has neither start and end nor timed words",
            at=draft.at,
            mend="let the recogniser send start and end, or word times",
        )
    if end < start:
        raise DecodeError("the segment ends before it starts", at=f"{draft.at}.end_ms", mend="send end_ms >= start_ms")
    return math.floor(start), math.ceil(end)


def _media_time(ms: float | None, at: str) -> float | None:
    if ms is None:
        return None
    if not ms <= limits.MAX_MEDIA_MS:
        raise DecodeError(
            f"{at} is above {limits.MAX_MEDIA_MS}", at=at, mend="count media time from the start of the call, in ms"
        )
    return max(ms, 0)


def _plausible(ms: float | None) -> float | None:
    return ms if ms is not None and 0 <= ms <= limits.MAX_MEDIA_MS else None


def agreed(name: str, in_payload: str | None, in_record: str | None) -> str:
    """The id that the payload and the record (key, headers) give; one of the two may leave it out, and both must not
    differ."""
    if in_payload and in_record and in_payload != in_record:
        mend = f"send the same {name} in both"
        kind = WrongKeyError if name == "call_id" else DecodeError
        raise kind(f"{name} in the payload differs from the record's key or headers", at=f"$.{name}", mend=mend)
    value = in_payload or in_record
    if value:
        return ce.identifier_at(value.encode("utf-8", "replace"), name if in_record else f"$.{name}")
    if name == "customer_id":
        raise NoCustomerError("the record names no customer", at=ce.CUSTOMER_ID, mend="set ce_customerid")
    raise MissingError("the record names no call", at="key", mend="set the record key to the call_id")
