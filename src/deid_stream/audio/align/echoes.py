"""Words of a segment that somebody else said: on a channel with an echo, a recogniser reads both voices.

The words of an echo stand where the channel's own speaker is silent, so they say nothing about how far the times of
its own words are off. A word counts as an echo only where its sound is proven one: soft beside what another channel
carried just before, and with the same wave.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.hold.reader import FRAME_MS, MAX_READ_MS, Reader
from deid_stream.model.events import Segment
from deid_stream.units import Interval, Ms, ms_to_samples

_LONGEST_DELAY_MS: Final = 400
"""Longest delay of an echo. A larger value finds the echoes of slower lines, and takes longer to compare."""
_LONGEST_MS: Final = MAX_READ_MS - _LONGEST_DELAY_MS
"""Words that span more are not compared: what the other channel carried would not be read to its end, and everything
would be compared with what was said earlier."""
_SOFTER: Final = 4
"""An echo is at least this many times softer (12 dB) than what it repeats: what is louder may be somebody who speaks at
the same time. A larger value finds fewer echoes; a smaller one may take a soft speaker for one."""
_SHARE: Final = 0.7
"""Least share of a word's audible frames that must be soft enough for an echo. The rest may be the channel's own
speech, since word times are rough. A larger value finds fewer echoes; a smaller one may take a word of the channel for
one."""
_SAME_WAVE: Final = 0.5
"""Least correlation of an echo with what it repeats. Two unrelated voices reach 0.3 over 300 ms in one case of a
hundred. A larger value misses distorted echoes; a smaller one takes unrelated voices for echoes."""
_SHORTEST_MS: Final = 300
"""A shorter run of words is never an echo: unrelated voices correlate too well over less."""
_PIECE_MS: Final = 2_000
"""Runs of words are compared in pieces of at most this length, so that what the channel's speaker says softly among
echoes is judged by itself. A larger value may take that for a part of the echo."""


def own_words(segment: Segment, reader: Reader, channel: int, others: Sequence[int]) -> Segment:
    """The segment without the words that are echoes of what one of the ``others`` carries; itself where none is."""
    echoes = {at for other in others for at in _echoes(segment, reader, channel, other)}
    if not echoes:
        return segment
    own = tuple(word for at, word in enumerate(segment.words) if at not in echoes)
    return msgspec.structs.replace(segment, words=own)


class _Words(NamedTuple):
    """Neighbours, a range of indices, and their time."""

    at: range
    time: Interval


def _echoes(segment: Segment, reader: Reader, channel: int, other: int) -> set[int]:
    """Words (indices) that are echoes of ``other``, and those beside them in whose time the channel is silent."""
    times = [Interval(word.start_ms or 0, word.end_ms or 0) for word in segment.words]
    timed = [time for time in times if time.length]
    begin_ms, end_ms = min((time.start for time in timed), default=0), max((time.end for time in timed), default=0)
    if not FRAME_MS <= end_ms - begin_ms <= _LONGEST_MS:
        return set()
    here = _peaks(reader, channel, begin_ms, end_ms)
    there = _loudest_before(_peaks(reader, other, begin_ms - _LONGEST_DELAY_MS, end_ms), len(here))
    # of a call that has just begun nothing is known of its noise
    audible = here > reader.line(channel, end_ms).pause_peak
    soft = audible & (here * _SOFTER <= there)

    def share(time: Interval, frames: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
        first, stop = (max(0, ms - begin_ms) // FRAME_MS for ms in time)
        return int(np.count_nonzero(frames[first:stop])) / max(1, int(np.count_nonzero(of[first:stop])))

    runs: list[_Words] = []
    for at, time in enumerate(times):
        if not time.length or share(time, soft, audible) < _SHARE:
            continue
        start = runs[-1].at.start if runs and at == runs[-1].at.stop else at
        longer = Interval(runs[-1].time.start, max(runs[-1].time.end, time.end)) if start < at else time
        if start < at and longer.length <= _PIECE_MS:
            runs[-1] = _Words(range(start, at + 1), longer)
        else:
            runs.append(_Words(range(at, at + 1), time))
    found = {at for run in runs if _same_wave(run.time, reader, channel, other) for at in run.at}
    everything = np.ones_like(audible)
    silent = {at for at, time in enumerate(times) if share(time, audible & ~soft, everything) <= 1 - _SHARE}
    for at in range(len(times)):
        if at in silent and at - 1 in found:
            found.add(at)
    for at in reversed(range(len(times))):
        if at in silent and at + 1 in found:
            found.add(at)
    return found


def _peaks(reader: Reader, channel: int, start_ms: Ms, end_ms: Ms) -> NDArray[np.int32]:
    size = FRAME_MS * reader.rate_hz // 1000
    sound = reader.pcm(channel, start_ms, end_ms).astype(np.int32)
    count = len(sound) // size
    peaks: NDArray[np.int32] = np.abs(sound[: count * size].reshape(count, size)).max(axis=1, initial=0)
    return peaks


def _loudest_before(peaks: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """By frame of the last ``count``: the loudest of it and of those that an echo there may repeat."""
    reach = _LONGEST_DELAY_MS // FRAME_MS
    padded = np.pad(peaks, (max(0, reach + count - len(peaks)), 0))
    loudest: NDArray[np.int32] = np.lib.stride_tricks.sliding_window_view(padded, reach + 1).max(axis=1)[-count:]
    return loudest


def _same_wave(part: Interval, reader: Reader, channel: int, other: int) -> bool:
    """Whether ``other`` carried what sounds on ``channel`` in ``part``, now or up to ``_LONGEST_DELAY_MS`` before."""
    if part.length < _SHORTEST_MS:
        return False
    pattern = reader.pcm(channel, part.start, part.end).astype(np.float64)
    heard = reader.pcm(other, part.start - _LONGEST_DELAY_MS, part.end).astype(np.float64)
    size = 1 << (len(heard) + len(pattern) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(pattern, size)), size)
    lags = ms_to_samples(_LONGEST_DELAY_MS, reader.rate_hz) + 1
    power = np.concatenate(([0.0], np.cumsum(np.square(heard))))
    local = power[len(pattern) : len(pattern) + lags] - power[:lags]
    floor = float(len(pattern))
    magnitude = np.abs(product[:lags]) / np.sqrt(np.maximum(local, floor) * max(float(pattern @ pattern), floor))
    return float(magnitude.max(initial=0.0)) >= _SAME_WAVE
