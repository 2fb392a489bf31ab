"""Units: what a plain number means, and half-open intervals over it."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

Ms: TypeAlias = int
"""Milliseconds. Media time counts from the start of the call; record time from the Unix epoch."""

DAY_MS: Final[Ms] = 24 * 3_600_000

FOREVER_MS: Final[Ms] = 1 << 60
"""Later than any record and any sound."""

NEVER_MS: Final[Ms] = 1 << 61
"""Later than ``FOREVER_MS``: what ends then does not end when a call is told to end "for ever"."""

SampleIndex: TypeAlias = int
"""Samples of one channel, counted from the start of the call."""

CharIndex: TypeAlias = int
"""Python string index (code points) into the text it is said to index."""


class Interval(NamedTuple):
    """Half-open ``[start, end)`` in one unit; empty when ``end <= start``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start if self.end > self.start else 0

    def overlaps(self, other: "Interval") -> bool:
        return self.start < other.end and other.start < self.end

    def intersect(self, other: "Interval") -> "Interval":
        return Interval(max(self.start, other.start), min(self.end, other.end))


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Union of intervals, sorted, touching ones joined, empty ones dropped."""
    merged: list[Interval] = []
    for interval in sorted(i for i in intervals if i.end > i.start):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def subtract(whole: Interval, holes: Iterable[Interval]) -> list[Interval]:
    """What is left of ``whole`` outside ``holes``, in order."""
    left: list[Interval] = []
    cursor = whole.start
    for hole in merge(holes):
        if hole.end <= cursor:
            continue
        if hole.start >= whole.end:
            break
        if hole.start > cursor:
            left.append(Interval(cursor, hole.start))
        cursor = hole.end
    if cursor < whole.end:
        left.append(Interval(cursor, whole.end))
    return left


def ms_to_samples(ms: Ms, rate_hz: int) -> SampleIndex:
    """Media time to the sample that starts there (rounded to nearest, exact for whole-millisecond rates)."""
    return (ms * rate_hz + 500) // 1000


def samples_to_ms(samples: SampleIndex, rate_hz: int) -> Ms:
    """The whole millisecond in which a sample starts (rounded down)."""
    return samples * 1000 // rate_hz
