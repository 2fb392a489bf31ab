"""From the spans of a segment's text to what must not be heard, on every channel that carries it."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from deid_stream.audio import align, crosstalk
from deid_stream.audio.profiles import TimingProfile
from deid_stream.errors import AlignmentError
from deid_stream.model.events import Segment
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.session.sound import Sound
from deid_stream.units import Interval, Ms

WITHHELD: Final = "WITHHELD"
"""``AudioSpan.entity_type`` of a turn whose text could not be judged."""


class Unlocated(NamedTuple):
    """A segment whose text is decided; ``muted``: all of it must go."""

    segment: Segment
    spans: tuple[Span, ...]
    muted: bool


def widened(start_ms: Ms, end_ms: Ms, channel: int, reason: str) -> AudioSpan:
    """A whole segment's interval, as wide as its edges could be off."""
    return AudioSpan(max(0, start_ms - align.MAX_REACH_MS), end_ms + align.MAX_REACH_MS, channel, reason)


def place(
    entry: Unlocated, targets: Sequence[int], sound: Sound, timing: TimingProfile, *, crosstalk: bool
) -> Iterator[AudioSpan]:
    """What to silence on the ``targets``, and with ``crosstalk`` also wherever else the same sound is heard."""
    others = [channel for channel in sound.channels if channel not in targets] if crosstalk else []
    for channel in targets:
        for span in _spans(entry, channel, sound, timing):
            yield span
            for carrier in _carriers(sound, span, others):
                start_ms, end_ms = carrier.interval
                yield AudioSpan(max(0, start_ms), end_ms, carrier.channel, span.entity_type)


def _spans(entry: Unlocated, channel: int, sound: Sound, timing: TimingProfile) -> list[AudioSpan]:
    segment = entry.segment
    if entry.muted:
        return [widened(segment.start_ms, segment.end_ms, channel, WITHHELD)]
    try:
        return align.locate(segment, entry.spans, sound, channel, timing)
    except AlignmentError:
        return [widened(segment.start_ms, segment.end_ms, channel, align.UNALIGNED)]


def _carriers(sound: Sound, span: AudioSpan, others: Sequence[int]) -> Sequence[crosstalk.Carrier]:
    if not others:
        return ()
    return crosstalk.carriers(sound, span.channel, others, Interval(span.start_ms, span.end_ms))
