"""Finds *twins*: two segments of the same speech, sent again under another id or read on two channels. What is a value
in one of them is redacted in the other, too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from deid_stream.model.events import Segment
from deid_stream.model.spans import Span
from deid_stream.session.released import Cover, Place, ReleasedSegment, carried, covers_of, words_of
from deid_stream.text.normalise import normalise
from deid_stream.text.tokens import PLAIN
from deid_stream.units import Interval, Ms
from deid_stream.words.placement import place

_OFF_MS: Final[Ms] = 500
"""Recognisers of two channels may state the same speech this far apart. A larger value compares more segments that are
not twins, and redacts more of what is said just before and after a value; a smaller one misses twins of a slow
recogniser."""

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
                found += _shown(other, known.covers, segment)
        return _disjoint(found)

    def showing(self, segment: Segment, spans: Sequence[Span]) -> list[tuple[Segment, list[Span]]]:
        """The twins of ``segment``, each with the spans that must be redacted in it because of ``spans``."""
        covers = covers_of(segment.text, spans)
        if not covers:
            return []
        return [(other, found) for other in self._of(segment) if (found := _shown(segment, covers, other))]

    def _of(self, segment: Segment) -> Iterator[Segment]:
        for other in self._held.values():
            same = (other.channel, other.segment_id) == (segment.channel, segment.segment_id)
            if not same and _together(segment, other) and _alike(segment.text, other.text):
                yield other


def _shown(one: Segment, covers: Sequence[Cover], other: Segment) -> list[Span]:
    """What must go of the ``other`` twin because of ``covers`` of ``one``: the same words, the digits of a number, and
    of all that the other has in their place what it states when they were said, give or take ``_OFF_MS``. The other may
    hold what somebody else said next. All of it where it states nothing then, or somebody states no times."""
    found = carried(covers, one.text, other.text) or []
    if not found:
        return []
    gone = [words_of(one.text)[cover.first : cover.end] for cover in covers]
    when = _said(one)
    stated = [time for words in gone for word in words if (time := when(word))]
    if len(stated) < sum(map(len, gone)):
        return found
    near = [Interval(time.start - _OFF_MS, time.end + _OFF_MS) for time in stated]
    same = {word.low for words in gone for word in words}
    digits = any(map(str.isdigit, "".join(same)))
    said = _said(other)

    def shown(word: Place) -> bool:
        time = said(word)
        return word.low in same or time is None or any(map(time.overlaps, near)) or (digits and _has_digit(word))

    kept: list[Span] = []
    everything = words_of(other.text)
    for span in found:
        words = [word for word in everything if span.start <= word.start < span.end]
        runs = [list(run) for go, run in groupby(words, shown) if go]
        kept += [msgspec.structs.replace(span, start=run[0].start, end=run[-1].end) for run in runs] or [span]
    return kept


def _said(segment: Segment) -> Callable[[Place], Interval | None]:
    """When a word of a segment's text is said (ms), as it states it; None where it does not."""
    placed = place(segment.text, [word.text for word in segment.words])

    def when(word: Place) -> Interval | None:
        said = [segment.words[at] for at in range(*placed.heard(Interval(word.start, word.end)))]
        starts = [one.start_ms for one in said if one.start_ms is not None]
        ends = [one.end_ms for one in said if one.end_ms is not None]
        # a word of no length is said some time after it is stated
        return Interval(min(starts), max(*ends, min(starts) + 1)) if starts and ends else None

    return when


def _has_digit(word: Place) -> bool:
    return any(map(str.isdigit, word.low))


def _together(one: Segment, other: Segment) -> bool:
    """Whether they share half of the time of the shorter, give or take ``_OFF_MS`` on two channels."""
    off_ms = 0 if one.channel == other.channel else _OFF_MS
    # asked about every segment that is held, so in plain numbers
    common_ms = min(one.end_ms, other.end_ms + off_ms) - max(one.start_ms, other.start_ms - off_ms)
    return 2 * max(0, common_ms) >= min(one.end_ms - one.start_ms, other.end_ms - other.start_ms)


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
