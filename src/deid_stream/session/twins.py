"""Finds *twins*: two segments of the same speech, sent again under another id or read on two channels. What is a value
in one of them is redacted in the other, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from deid_stream.model.events import Segment
from deid_stream.model.spans import Span
from deid_stream.session.released import ReleasedSegment, carried, covers_of
from deid_stream.text.normalise import normalise
from deid_stream.text.tokens import PLAIN
from deid_stream.units import Interval, Ms

_OFF_MS: Final[Ms] = 500
"""Recognisers of two channels may state the same speech this far apart. A larger value compares more segments that are
not twins; a smaller one misses twins of a slow recogniser."""

_Key = tuple[int, str]


class Twins:
    """Looks among the segments that have left and whose text is in memory."""

    def __init__(self, held: Mapping[_Key, Segment], released: Mapping[_Key, ReleasedSegment]) -> None:
        self._held = held
        self._released = released

    def spans_of(self, segment: Segment) -> list[Span]:
        """The spans of ``segment`` that were redacted in an earlier twin of it."""
        found: list[Span] = []
        for other in self._of(segment):
            known = self._released.get((other.channel, other.segment_id))
            if known is not None:
                found += carried(known.covers, other.text, segment.text) or ()
        return _disjoint(found)

    def showing(self, segment: Segment, spans: Sequence[Span]) -> list[tuple[Segment, list[Span]]]:
        """The twins of ``segment``, each with the spans that must be redacted in it because of ``spans``."""
        covers = covers_of(segment.text, spans)
        if not covers:
            return []
        return [(other, found) for other in self._of(segment) if (found := carried(covers, segment.text, other.text))]

    def _of(self, segment: Segment) -> Iterator[Segment]:
        for other in self._held.values():
            same = (other.channel, other.segment_id) == (segment.channel, segment.segment_id)
            if not same and _together(segment, other) and _alike(segment.text, other.text):
                yield other


def _together(one: Segment, other: Segment) -> bool:
    """Whether they share half of the time of the shorter, give or take ``_OFF_MS`` on two channels."""
    off_ms = 0 if one.channel == other.channel else _OFF_MS
    wide = Interval(other.start_ms - off_ms, other.end_ms + off_ms)
    common = Interval(one.start_ms, one.end_ms).intersect(wide)
    return 2 * common.length >= min(one.end_ms - one.start_ms, other.end_ms - other.start_ms)


def _alike(one: str, other: str) -> bool:
    """Whether two thirds of the words of the shorter are in the other, digits in whatever way they are written."""
    if one == other:
        return True
    first, second = set(_words(one)), set(_words(other))
    return 3 * len(first & second) >= 2 * min(len(first), len(second)) > 0


def _words(text: str) -> list[str]:
    return PLAIN.findall(normalise(text).text.lower())


def _disjoint(spans: Sequence[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
