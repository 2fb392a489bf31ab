"""Where a recogniser is not sure of its words, nor is it of where they end: what their neighbours cannot be is theirs.

A word of two letters that is stated to last a second holds more sound than it can be. Where the word beside it must go
and is badly understood, as when digits of a number were not read, the rest is likely part of it.
"""

from collections.abc import Sequence
from typing import Final

from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval, Ms
from deid_stream.words.durations import duration_bounds

CERTAIN_FROM: Final = 0.8
"""Words of at least this confidence end where the recogniser says."""
ROUGH_CERTAIN_FROM: Final = 0.95
"""The same, of a recogniser whose times are rough."""
_FEWEST_WORDS: Final = 4
_HASTY_SHARE: Final = 0.4


def spilled(words: Sequence[Word], said: Interval, cut: Interval, *, rough: bool) -> Interval:
    """``cut`` (ms), with the time beside the words ``said`` (indices) that their neighbours claim beyond their letters.
    Only where it doubts one of these words. ``rough``: its times are, and little doubt is enough."""
    start_ms, end_ms = cut
    certain = ROUGH_CERTAIN_FROM if rough else CERTAIN_FROM
    before = words[said.start - 1] if said.start else None
    after = words[said.end] if said.end < len(words) else None
    concerned = (*words[said.start : said.end], *filter(None, (before, after)))
    if all(word.confidence is None or word.confidence >= certain for word in concerned):
        return cut
    if before is not None and before.start_ms is not None and before.end_ms is not None:
        start_ms = min(start_ms, max(before.start_ms + brief_ms(before.text), before.start_ms))
    if after is not None and after.start_ms is not None and after.end_ms is not None:
        end_ms = max(end_ms, min(after.end_ms - brief_ms(after.text), after.end_ms))
    return Interval(start_ms, end_ms)


def brief_ms(text: str) -> Ms:
    """How long a word sounds, said fast."""
    return 60 + 60 * sum(map(str.isalnum, text))


def hasty(segment: Segment) -> bool:
    """Many of a segment's words have less time than anybody needs to say them, and the recogniser is not sure of the
    whole either: they were made up. Rough times alone are no sign of it."""
    timed = [word for word in segment.words if word.start_ms is not None and word.end_ms is not None]
    known = [word.confidence for word in segment.words if word.confidence is not None]
    if len(timed) < _FEWEST_WORDS or not known or sum(known) / len(known) >= CERTAIN_FROM:
        return False
    short = sum((word.end_ms or 0) - (word.start_ms or 0) < duration_bounds(word.text)[0] for word in timed)
    return short >= _HASTY_SHARE * len(timed)
