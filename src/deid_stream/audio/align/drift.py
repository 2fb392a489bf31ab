"""How far the stated times of a segment's words may be off as a whole: early, late, or on another scale than the sound.

A segment's first word should begin where its sound begins, and its last word should end where its sound ends. Where
one of the two is far off, each word of the segment may be as far off, so the cut about a value is widened by that
much. Nothing is widened where the times are off by less than the recogniser's usual error. Words that are the echo of
another channel are left out of the comparison.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.align.echoes import own_words
from deid_stream.audio.align.nearby import connected
from deid_stream.audio.align.profiles import TimingProfile
from deid_stream.audio.hold.line import quantile
from deid_stream.audio.hold.reader import FRAME_MS, MAX_READ_MS, Reader, frame_peaks, or_missing
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval, Ms, ms_to_samples
from deid_stream.words.durations import longest_sound_ms

_LOOK_MS: Final = 1_000
"""How far before its start, and beyond its end and its own length, the sound of a segment is looked for."""
_LONGEST_MS: Final = 12_000
"""Of a longer segment the sound is looked for no further than if it had this length. A larger value decodes more."""
_OVER_ERROR_MS: Final = 20
"""Times count as off only where they are off by more than the profile's error plus this. A larger value leaves that
much of a value in the sound where all times are off; a smaller one widens the cuts of recognisers that are as exact as
their profile says."""
_MOST_ERROR_MS: Final = 200
"""A profile's error counts as at most this when all times of a segment are judged together. A larger value overlooks
segments whose times are all off; a smaller one widens the cuts of recognisers whose times are rough."""
_SOFTER: Final = 5
"""What is so many times softer than the loudest tenth of the segment's words is none of them (14 dB): somebody else in
the background. A larger value takes a background for words, and silences more about every value."""
_LOUD: Final = 0.9
_AGREE_MS: Final = 60
_ONSETS: Final = 4
_AGREE_SHARE: Final = 4 / 5
"""The segment's times are right, and what sounds beyond them is something else, where at least ``_ONSETS`` sounds begin
in the segment, the first of them and ``_AGREE_SHARE`` of all have a word's start within ``_AGREE_MS``, and the first,
the last and three of four words sound. A larger share or more onsets, or a smaller ``_AGREE_MS``, widen the cuts of
segments whose times are right; the opposite leaves a part of values whose times are off."""
_BETTER_MS: Final = 10
"""Where shifting or stretching all words to where sound is heard lessens their mean distance from the onsets by more
than this, they agreed by chance, and the times count as off. A larger value believes more of such times; a smaller one
widens cuts needlessly."""
_FEWEST_FIT: Final = 4
"""Only a segment of this many timed words or more can show that just its last word is off. A larger value widens the
cuts of more short segments."""
_PAUSE_FRAMES: Final = 5
"""A sound begins after more quiet frames than this. A larger value joins words that a short pause parts."""
_DRAWN_OUT_MS: Final = 300
"""A last word may sound this much longer than stated. A larger value lets a word pass that the text lacks and that
follows without a pause; a smaller one silences turns whose last word a recogniser ends early."""
_FASTEST_MS: Final = 45
"""Least time per letter; measured speech takes 50 to 85. A larger value calls more of the fast speech impossible."""


class Drift(NamedTuple):
    """The sound of a word may lie so much before and after where it is stated."""

    before_ms: Ms
    after_ms: Ms
    drawn_out: bool = False
    """Only because the last word sounds on after its stated end."""
    last_only: bool = False
    """Only the last word: it is stated after the sound, as recognisers do, and the others fit."""
    within: Interval | None = None
    """Where the words are (media time): nobody knows which is where, but none of them is elsewhere. None: not known."""


NO_DRIFT: Final = Drift(0, 0)


def by_word(drift: Drift, words: Sequence[Word]) -> list[Drift]:
    """The drift of each word of a segment."""
    if not drift.last_only:
        return [drift] * len(words)
    last = _last(words)
    return [drift if at >= last else NO_DRIFT for at in range(len(words))]


def with_last_word(segment: Segment, drift: Drift) -> Segment:
    """The segment with its last word at the end of the sound, where only that one's times are off (``last_only``,
    which ``drifts`` says only of a segment of at least four words that all have times)."""
    words = segment.words
    last = _last(words)
    start_ms = words[last - 1].end_ms if last else None
    end_ms = max(end for _, end in _timed(segment)) - drift.before_ms
    moved = Word(words[last].text, None if start_ms is None else min(start_ms, end_ms), end_ms, words[last].confidence)
    return msgspec.structs.replace(segment, words=(*words[:last], moved, *words[last + 1 :]))


def _last(words: Sequence[Word]) -> int:
    """Index of the last word that is said."""
    return max((at for at, word in enumerate(words) if _says(word)), default=0)


def drifts(
    segments: Sequence[Segment],
    reader: Reader,
    channel: int,
    timing: TimingProfile,
    until_ms: Ms,
    others: Sequence[int] = (),
    mates: Sequence[Segment] = (),
) -> list[Drift]:
    """One for each of a turn's ``segments``, which are in order. ``until_ms``: what sounds from then on (media time)
    belongs to the next turn. ``others``: channels whose echo this one may carry. ``mates``: further segments that were
    said with these: they have times of their own."""
    stated = [_stated(segment) for segment in segments]
    found: list[Drift] = []
    for at, here in enumerate(stated):
        segment, extent = here.segment, here.extent
        apart = [
            None if n != at and _same_time(other.segment, segment) else other.extent for n, other in enumerate(stated)
        ]
        beside = [None if _same_time(mate, segment) else _stated(mate).extent for mate in mates]
        earlier, later = [*apart[:at], *beside], [*apart[at + 1 :], *beside]
        drift = _beside(here, _free(extent, earlier, later, until_ms), reader, channel, timing)
        if drift != NO_DRIFT and others:
            own = own_words(segment, reader, channel, others)
            if own is not segment:
                part = _stated(own)
                of_own = _beside(part, _free(part.extent, earlier, later, until_ms), reader, channel, timing)
                of_own = of_own._replace(last_only=False)  # its last word may be another
                drift = min(drift, of_own, key=lambda off: off.before_ms + off.after_ms)
        found.append(drift)
    return found


def _same_time(one: Segment, other: Segment) -> bool:
    """Whether both are stated to be said at one time, as a segment that came again: neither bounds the other's words,
    for either may lack half of them."""
    here, there = Interval(one.start_ms, one.end_ms), Interval(other.start_ms, other.end_ms)
    return 2 * here.intersect(there).length > max(here.length, there.length)


def _free(
    extent: Interval | None, earlier: Sequence[Interval | None], later: Sequence[Interval | None], until_ms: Ms
) -> Interval:
    """Where the words of a segment that are stated in ``extent`` may be: between those of its neighbours."""
    if extent is None:
        return Interval(0, until_ms)
    # a segment that came twice, or words out of order, lie about each other and bound nothing
    before = [other for other in earlier if other and other.start < extent.start]
    after = [other for other in later if other and other.end > extent.end]
    # and of two that cross neither ends where the other begins
    return Interval(
        max((other.start if other.end > extent.start else other.end for other in before), default=0),
        min([until_ms, *(other.end if other.start < extent.end else other.start for other in after)]),
    )


class _Stated(NamedTuple):
    """A segment, its words' stated times (``_timed``, ms of media time), and the extent from the first word's start to
    the last word's end (None where either is not stated)."""

    segment: Segment
    timed: Sequence[tuple[Ms, Ms]]
    extent: Interval | None


def _beside(stated: _Stated, free: Interval, reader: Reader, channel: int, timing: TimingProfile) -> Drift:
    segment, extent = stated.segment, stated.extent
    if extent is None or not extent.length:
        return NO_DRIFT
    reach_ms = min(_LONGEST_MS, extent.length) + _LOOK_MS
    window = Interval(
        max(free.start, min(segment.start_ms, extent.start) - _LOOK_MS),
        min(free.end, max(segment.end_ms, extent.end) + reach_ms),
    )
    return _drift(stated, extent, window, reader, channel, timing)


def _timed(segment: Segment) -> list[tuple[Ms, Ms]]:
    """The words' times. A word that is given no time, or more than it can sound, as recognisers give the last words of
    a segment the pause after it, says nothing about where the others are: it counts not at all, or so far as it can."""
    return [
        (word.start_ms, min(word.end_ms, word.start_ms + longest_sound_ms(word.text)))
        for word in segment.words
        if word.start_ms is not None and word.end_ms is not None and _says(word) and word.end_ms > word.start_ms
    ]


def _untimed(word: Word) -> bool:
    return _says(word) and (word.start_ms is None or word.end_ms is None)


def _says(word: Word) -> bool:
    return word.text.isalnum() or any(map(str.isalnum, word.text))


def _stated(segment: Segment) -> _Stated:
    timed = _timed(segment)
    return _Stated(segment, timed, _extent(segment, timed))


def _extent(segment: Segment, timed: Sequence[tuple[Ms, Ms]]) -> Interval | None:
    """From the first word's start to the last one's end; None where either is not stated."""
    if timed and len(timed) == len(segment.words):
        return Interval(min(timed)[0], max([end for _, end in timed]))
    said = [word for word in segment.words if _says(word)]
    if not timed or said[0].start_ms is None or said[-1].end_ms is None:
        return None
    if not any(map(_untimed, said)):
        return Interval(min(start for start, _ in timed), max(end for _, end in timed))
    start_ms = min(said[0].start_ms, min(start for start, _ in timed))
    return Interval(start_ms, max([start_ms, said[-1].end_ms, *(end for _, end in timed)]))


def _drift(
    stated: _Stated, extent: Interval, window: Interval, reader: Reader, channel: int, timing: TimingProfile
) -> Drift:
    if not 0 < window.length <= MAX_READ_MS:
        return NO_DRIFT
    sounding, audible = _sounding(reader, channel, window, extent)
    before, heard, after = connected(sounding, audible, window, extent)
    if heard is None:
        return NO_DRIFT  # nothing sounds anywhere near: alignment refuses the words' times by itself
    tolerance_ms = min(timing.error_ms, _MOST_ERROR_MS) + _OVER_ERROR_MS
    timed = sorted([(start - timing.late_ms, end - timing.late_ms) for start, end in stated.timed])
    extent = Interval(extent.start - timing.late_ms, extent.end - timing.late_ms)
    perhaps = or_missing(sounding.tobytes(), reader, channel, window.start)
    drift = _off(timed, perhaps, window, heard, extent, tolerance_ms)
    # whether the words agree with the sound is the dearer question, so it is asked only where they seem to be off
    if drift == NO_DRIFT:
        return NO_DRIFT
    letters = sum(sum(map(str.isalnum, word.text)) for word in stated.segment.words)
    agree = _agree(timed, letters, sounding, window, extent) and not _moved(
        timed, sounding, window, heard, tolerance_ms
    )
    if agree:
        return NO_DRIFT
    if _only_last(stated.segment, timed, sounding, window, heard, tolerance_ms):
        return drift._replace(last_only=True)
    either_way = Drift(
        max(drift.before_ms, extent.start - before.start)
        if before and _silent_start(timed, heard, tolerance_ms)
        else 0,
        max(drift.after_ms, after.end - extent.end) if after and _silent_end(timed, heard, tolerance_ms) else 0,
    )
    if any(either_way):
        return Drift(max(drift.before_ms, either_way.before_ms), max(drift.after_ms, either_way.after_ms))
    if drift.before_ms == drift.after_ms == extent.length:  # a word stands in silence amid the others
        sounds = [extent, *filter(None, (before, heard, after))]
        return drift._replace(within=Interval(min(s.start for s in sounds), max(s.end for s in sounds)))
    return drift


def _silent_start(timed: Sequence[tuple[Ms, Ms]], heard: Interval, tolerance_ms: Ms) -> bool:
    """Whether the first word is stated before the sound."""
    return heard.start >= timed[0][1] + tolerance_ms


def _silent_end(timed: Sequence[tuple[Ms, Ms]], heard: Interval, tolerance_ms: Ms) -> bool:
    """Whether the last word is stated after the sound."""
    return heard.end <= timed[-1][0] - tolerance_ms


def _only_last(
    segment: Segment,
    timed: Sequence[tuple[Ms, Ms]],
    sounding: NDArray[np.bool_],
    window: Interval,
    heard: Interval,
    tolerance_ms: Ms,
) -> bool:
    """Whether all words but the last fit the sound, the last is stated after all of it, and it has room at its end."""
    said = [word for word in segment.words if _says(word)]
    starts = [word.start_ms or 0 for word in said]
    if len(timed) < max(_FEWEST_FIT, len(said)) or starts != sorted(starts) or timed[-1][0] < heard.end + tolerance_ms:
        return False
    *others, _ = timed
    letters = sum(sum(map(str.isalnum, word.text)) for word in said[-2:])
    if heard.end - others[-1][0] + tolerance_ms // 2 < _FASTEST_MS * letters:
        return False
    at_the_end = (min(others[-1][1], heard.end), heard.end)
    extent = Interval(others[0][0], heard.end)
    return _off([*others, at_the_end], sounding.tobytes(), window, heard, extent, tolerance_ms) == NO_DRIFT


def _off(
    timed: Sequence[tuple[Ms, Ms]],
    sounding: bytes,
    window: Interval,
    heard: Interval,
    extent: Interval,
    tolerance_ms: Ms,
) -> Drift:
    """How far the words begin or end from where sound does; their whole length where one of them stands in silence."""
    early = _sound_ms(sounding, window, Interval(heard.start, extent.start)) > tolerance_ms
    late = _sound_ms(sounding, window, Interval(extent.end, heard.end)) > tolerance_ms
    first = last = 0
    if early or _silent_start(timed, heard, tolerance_ms):
        first = heard.start - extent.start
    if late or _silent_end(timed, heard, tolerance_ms):
        last = heard.end - extent.end
    drift = Drift(max(0, -first, -last), max(0, first, last))
    if drift == NO_DRIFT and _misplaced(timed, sounding, window, tolerance_ms):
        return Drift(extent.length, extent.length)
    if first or last <= 0 or abs(heard.start - extent.start) > tolerance_ms:
        return drift
    return drift._replace(drawn_out=_goes_on(sounding, window, Interval(extent.end, heard.end)))


def _goes_on(sounding: bytes, window: Interval, tail: Interval) -> bool:
    """Whether sound goes on after the last word, without a pause in which another word could begin."""
    quiet_ms = tail.length - _sound_ms(sounding, window, tail)
    return 0 < tail.length <= _DRAWN_OUT_MS and quiet_ms < _PAUSE_FRAMES * FRAME_MS


def _sounding(
    reader: Reader, channel: int, window: Interval, extent: Interval
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By frame of the window, up to where sound is held: whether it is as loud as the words that are stated in
    ``extent``, and whether it is louder than a pause."""
    first, stop, ended = (
        ms_to_samples(ms, reader.rate_hz) for ms in (window.start, window.end, reader.held(channel).end + 1)
    )
    size = FRAME_MS * reader.rate_hz // 1000
    count = min((stop - first) // size, max(0, -((first - ended) // size)))  # beyond what is held nothing sounds
    peaks = frame_peaks(reader, channel, window.start, count).astype(np.int32)
    pause_peak = reader.line(channel, window.start).pause_peak
    first, stop = (max(0, (ms - window.start) // FRAME_MS) for ms in extent)
    words = peaks[first:stop]
    loud = words[words > pause_peak]
    level = quantile(loud, _LOUD) if len(loud) else float(peaks.max(initial=0))
    audible: NDArray[np.bool_] = peaks > pause_peak
    return audible & (peaks > level / _SOFTER), audible


def _agree(
    timed: Sequence[tuple[Ms, Ms]], letters: int, sounding: NDArray[np.bool_], window: Interval, extent: Interval
) -> bool:
    """Whether the words begin where sound begins, and none is said faster than people speak."""
    frames = sounding.tobytes()
    sounds = [bool(_sound_ms(frames, window, Interval(*word))) for word in sorted(timed)]
    if not (sounds[0] and sounds[-1]) or 4 * sounds.count(False) > len(sounds):
        return False
    if sum(end - start for start, end in timed) < _FASTEST_MS * letters:
        return False
    onsets = _onsets(sounding, window)
    onsets = onsets[(onsets >= extent.start - _PAUSE_FRAMES * FRAME_MS) & (onsets < extent.end)]
    starts = np.array([start for start, _ in timed])
    if len(onsets) < _ONSETS or abs(int(onsets[0]) - int(starts.min())) > _AGREE_MS:
        return False
    near = np.abs(onsets[:, None] - starts[None, :]).min(axis=1) <= _AGREE_MS
    return float(near.mean()) >= _AGREE_SHARE


def _moved(
    timed: Sequence[tuple[Ms, Ms]], sounding: NDArray[np.bool_], window: Interval, heard: Interval, tolerance_ms: Ms
) -> bool:
    """Whether the words fit the sound clearly better where all of them are moved to its beginning or its end, or drawn
    out from the one to the other: then they stand at their neighbours' onsets by chance."""
    onsets = _onsets(sounding, window)
    starts = np.array([start for start, _ in timed])
    begin_ms, length_ms = timed[0][0], timed[-1][1] - timed[0][0]
    drawn_out = heard.start + (starts - begin_ms) * heard.length // length_ms

    def misfit_ms(places: NDArray[np.int64]) -> float:
        return float(np.abs(onsets[:, None] - places[None, :]).min(axis=0).mean())

    stated_ms = misfit_ms(starts)
    moves = (heard.start - begin_ms, heard.end - timed[-1][1])
    elsewhere = [starts + off_ms for off_ms in moves if abs(off_ms) > tolerance_ms]
    if abs(heard.length - length_ms) > tolerance_ms:
        elsewhere.append(drawn_out)
    return any(stated_ms - misfit_ms(places) > _BETTER_MS for places in elsewhere)


def _onsets(sounding: NDArray[np.bool_], window: Interval) -> NDArray[np.intp]:
    """Where sound begins after a pause (ms)."""
    at = np.flatnonzero(sounding)
    before = np.concatenate([[-_PAUSE_FRAMES - 1], at[:-1]])
    onsets: NDArray[np.intp] = at[at - before > _PAUSE_FRAMES] * FRAME_MS + window.start
    return onsets


def _sound_ms(sounding: bytes, window: Interval, part: Interval) -> Ms:
    """How much of a part sounds, by the frames of the window, a byte each: asked about every word, and bytes are
    counted in a quarter of the time of an array's."""
    first, stop = max(0, (part.start - window.start) // FRAME_MS), max(0, (part.end - window.start) // FRAME_MS)
    return sounding.count(1, first, stop) * FRAME_MS


def _misplaced(timed: Sequence[tuple[Ms, Ms]], sounding: bytes, window: Interval, tolerance_ms: Ms) -> bool:
    """A word is stated where nothing sounds far and wide, and a word sounds where none is stated."""
    left_ms, right_ms = window.start + tolerance_ms, window.start - tolerance_ms
    frames = [(max(0, (start - left_ms) // FRAME_MS), max(0, (end - right_ms) // FRAME_MS)) for start, end in timed]
    if all(sounding.find(1, *reach) >= 0 for reach in frames):
        return False
    return any(_sound_ms(sounding, window, Interval(a[1], b[0])) > tolerance_ms for a, b in pairwise(timed))
