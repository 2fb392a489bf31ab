"""Widens the cut of a value that a recogniser doubts by the sound that its neighbours' letters cannot account for.

A word of two letters that is stated to last a second holds more sound than two letters take. Where the word beside it
is a value and badly understood, as when digits of a number were not read, the rest of that sound likely belongs to the
value.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from deid_stream.audio.hold.reader import FRAME_MS, MAX_READ_MS, Reader, frame_peaks, loud_frames
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval, Ms
from deid_stream.words.durations import duration_bounds, least_sound_ms, most_sound_ms, sharing_time

CERTAIN_FROM: Final = 0.8
"""Words of at least this confidence end where the recogniser says. A larger value widens more cuts; a smaller one
leaves digits that were not read."""
ROUGH_CERTAIN_FROM: Final = 0.95
"""``CERTAIN_FROM`` for a recogniser whose times are rough."""
_TOLD_APART: Final = 8
"""Speech that peaks this many times above the line's pauses (18 dB) can be told from them. A larger value takes more of
the pauses beside a badly understood value for its sound; a smaller one takes soft digits in noise for pauses."""
_INAUDIBLE: Final = 56
"""What peaks this many times below the loudest of a word (35 dB) is not heard beside it. A larger value takes more of
the pause beside a badly understood value for its sound; a smaller one takes soft digits for pauses."""
_BEGAN_WITHIN_MS: Final = 400
"""A badly understood value may have begun this far before the cut, in the same sound. A larger value takes more of what
somebody said just before; a smaller one leaves the first digit where a recogniser hears the second as the first."""
_QUIET_FRAMES: Final = 10
_FEWEST_WORDS: Final = 4
_HASTY_SHARE: Final = 0.4


def spilled(
    words: Sequence[Word], said: Interval, cut: Interval, reader: Reader, channel: int, *, rough: bool
) -> Interval:
    """``cut`` (ms), with what sounds beside the words ``said`` (indices) that their neighbours' letters cannot take.
    Only where it doubts one of these words, or gives those ``said`` no time to be said. ``rough``: its times are, and
    little doubt is enough."""
    certain = ROUGH_CERTAIN_FROM if rough else CERTAIN_FROM
    before = words[said.start - 1] if said.start else None
    after = words[said.end] if said.end < len(words) else None
    concerned = (*words[said.start : said.end], *filter(None, (before, after)))
    sure = all(word.confidence is None or word.confidence >= certain for word in concerned)
    if sure and not _hurried(words[said.start : said.end]):
        return cut
    start_ms, end_ms = cut
    if _below(words[said.start : said.start + 1], CERTAIN_FROM):
        start_ms = _begun_ms(before, cut.start, reader, channel)
    if before is not None and before.start_ms is not None and before.end_ms is not None:
        start_ms = min(start_ms, before.start_ms + _brief_ms([before]))
    if after is not None and after.start_ms is not None and after.end_ms is not None:
        needed_ms = _brief_ms(sharing_time(words, said.end))
        claimed = Interval(max(after.start_ms, after.end_ms - MAX_READ_MS), after.end_ms)
        end_ms = max(end_ms, min(claimed.end - needed_ms, _left_ms(claimed, needed_ms, reader, channel)))
    if sure:  # the time that they lack, and no more
        longest_ms = most_sound_ms(word.text for word in words[said.start : said.end])
        start_ms = max(start_ms, min(cut.start, cut.end - longest_ms))
        end_ms = min(end_ms, max(cut.end, cut.start + longest_ms))
    return Interval(start_ms, end_ms)


def _begun_ms(before: Word | None, at_ms: Ms, reader: Reader, channel: int) -> Ms:
    """Where the sound begins that goes on at ``at_ms``, as far as no word ``before`` is stated there. ``at_ms`` where
    no pause shows it."""
    ended_ms = 0 if before is None else at_ms if before.end_ms is None else before.end_ms
    count = (at_ms - max(ended_ms, at_ms - _BEGAN_WITHIN_MS)) // FRAME_MS
    if count <= 0:
        return at_ms
    loud = loud_frames(reader, channel, at_ms - count * FRAME_MS, count)
    return at_ms - max(0, loud[::-1].find(bytes(_QUIET_FRAMES))) * FRAME_MS


def _below(words: Sequence[Word], threshold: float) -> bool:
    return any(word.confidence is not None and word.confidence < threshold for word in words)


def _hurried(words: Sequence[Word]) -> bool:
    """Whether words are stated to last half as long as anybody takes to say them, or less: more of them sounds where
    nothing is stated."""
    timed = [(word.start_ms, word.end_ms) for word in words if word.start_ms is not None and word.end_ms is not None]
    stated_ms = sum(end_ms - start_ms for start_ms, end_ms in timed)
    return 2 * stated_ms < least_sound_ms([word.text for word in words])


def _left_ms(claimed: Interval, needed_ms: Ms, reader: Reader, channel: int) -> Ms:
    """When no more sounds until the end of ``claimed`` (ms) than is needed: a word may be stated to last into the pause
    after it. The end where noise hides the pauses. What is so much softer than the word that nobody hears it beside it
    is no sound, however silent the line was elsewhere, as where packets were lost."""
    count = claimed.length // FRAME_MS
    if count <= 0:
        return claimed.end
    peaks = frame_peaks(reader, channel, claimed.start, count)
    loudest, pause_peak = int(peaks.max()), reader.line(channel, claimed.start).pause_peak
    if loudest < _TOLD_APART * pause_peak:
        return claimed.end
    sounded_ms = np.cumsum((peaks > max(pause_peak, loudest // _INAUDIBLE))[::-1]) * FRAME_MS
    return claimed.end - int(np.searchsorted(sounded_ms, needed_ms)) * FRAME_MS


def _brief_ms(words: Sequence[Word]) -> Ms:
    """How long words sound, said fast: three words in four last longer. A larger value lets more of a value pass for
    the words beside it; a smaller one takes more of these."""
    return 40 + 45 * sum(character.isalnum() for word in words for character in word.text)


def hasty(segment: Segment) -> bool:
    """Many of a segment's words have less time than anybody needs to say them, and the recogniser is not sure of the
    whole either: they were made up. Rough times alone are no sign of it."""
    timed = [word for word in segment.words if word.start_ms is not None and word.end_ms is not None]
    known = [word.confidence for word in segment.words if word.confidence is not None]
    if len(timed) < _FEWEST_WORDS or not known or sum(known) / len(known) >= CERTAIN_FROM:
        return False
    short = sum((word.end_ms or 0) - (word.start_ms or 0) < duration_bounds(word.text)[0] for word in timed)
    return short >= _HASTY_SHARE * len(timed)
