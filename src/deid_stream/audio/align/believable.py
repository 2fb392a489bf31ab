"""Whether the times of recogniser words can be true."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval, Ms
from deid_stream.words.durations import duration_bounds, longest_sound_ms
from deid_stream.words.placement import Placement

SEGMENT_SLACK_MS: Ms = 300
"""How far beyond its segment a word may lie."""
ANCHOR_MS: Ms = 60
ANCHOR_CONFIDENCE = 0.5
"""A word that is shorter or less certain is none that others may be placed by."""

OUT_OF_ORDER_MS: Ms = 100
"""A word that is stated to begin so much before one that it follows is out of order, and so is that one. A larger value
believes more of times that contradict each other; a smaller one takes rough times for wrong ones."""


class TimedWord(NamedTuple):
    """A word whose times are believed, in media time."""

    text: str
    start_ms: Ms
    end_ms: Ms


def anchors_at(words: Sequence[Word], at: int) -> bool:
    """Whether the times of a word can be relied on by themselves: it is as long as its letters sound, the recogniser is
    sure of it, and it lies between its neighbours. One of these that has no length is said in its time."""
    word = words[at]
    start_ms, end_ms = word.start_ms, word.end_ms
    if start_ms is None or end_ms is None or (word.confidence or 1.0) < ANCHOR_CONFIDENCE:
        return False
    shortest_ms, _ = duration_bounds(word.text)
    if not max(ANCHOR_MS, shortest_ms) <= end_ms - start_ms <= longest_sound_ms(word.text):
        return False
    if any(word.start_ms == word.end_ms is not None for word in words[max(0, at - 1) : at + 2]):
        return False
    before_ms = words[at - 1].end_ms if at else None
    after_ms = words[at + 1].start_ms if at + 1 < len(words) else None
    return (before_ms is None or before_ms <= start_ms) and (after_ms is None or end_ms <= after_ms)


def believable(segment: Segment, said: Interval, placed: Placement, error_ms: Ms) -> list[TimedWord] | None:
    """The words ``said`` (indices) with their times, or None when these cannot be true.

    The neighbours on both sides are judged too: a word pushed out of place usually shows in what stands beside it.
    Punctuation has no time of its own and is passed over; a placeholder may last as long as it likes.
    """
    timed: list[TimedWord] = []
    tolerance_ms = 100 + 2 * error_ms
    before: Word | None = None
    for at in range(max(0, said.start - 1), min(len(segment.words), said.end + 1)):
        word = segment.words[at]
        start_ms, end_ms = word.start_ms, word.end_ms
        inside = said.start <= at < said.end
        if at in placed.silent:
            continue
        if start_ms is None or end_ms is None:
            return None
        if not inside and end_ms == start_ms:
            continue
        shortest_ms, longest_ms = duration_bounds(word.text)
        if at in placed.signs:
            shortest_ms, longest_ms = 10, end_ms - start_ms
        if not max(10, shortest_ms - error_ms) <= end_ms - start_ms <= longest_ms:
            return None
        if start_ms < segment.start_ms - SEGMENT_SLACK_MS or end_ms > segment.end_ms + SEGMENT_SLACK_MS:
            return None
        if before is not None and before.start_ms is not None and before.end_ms is not None:
            same = (before.start_ms, before.end_ms) == (start_ms, end_ms)
            disorder_ms = max(before.end_ms - start_ms, before.start_ms - start_ms, before.end_ms - end_ms)
            if same or disorder_ms > tolerance_ms:
                return None
        before = word
        if inside:
            timed.append(TimedWord(word.text, start_ms, end_ms))
    return timed or None


def in_order(words: Sequence[Word], error_ms: Ms) -> list[Word | None]:
    """For each word: itself; None where its times contradict the order of the words. Of two that do, the one that
    contradicts more of them goes, or both. Where most of the words go, the others' times are no more to be believed:
    none is left.

    A word that contradicts others by no more than the recogniser's usual error (``error_ms`` over
    ``OUT_OF_ORDER_MS``) stays without its times: it was said between its neighbours, but nobody knows when."""
    starts = [word.start_ms for word in words if word.start_ms is not None]
    if starts == sorted(starts):
        return [*words]
    at_ms = np.array(starts)
    off_ms = np.triu(at_ms[:, None] - at_ms[None, :])
    before = off_ms > OUT_OF_ORDER_MS
    against = before | before.T
    count = np.count_nonzero(against, axis=1)
    fit = ~(against & (count[None, :] <= count[:, None])).any(axis=1)
    if 2 * np.count_nonzero(fit) < len(starts):
        return [None] * len(words)
    usual = np.maximum(off_ms.max(axis=1), off_ms.max(axis=0)) <= OUT_OF_ORDER_MS + error_ms
    timed = iter(zip(fit.tolist(), usual.tolist(), strict=True))
    return [word if word.start_ms is None else _as_ordered(word, *next(timed)) for word in words]


def _as_ordered(word: Word, fits: bool, usual: bool) -> Word | None:
    if fits:
        return word
    return Word(word.text, confidence=word.confidence) if usual else None
