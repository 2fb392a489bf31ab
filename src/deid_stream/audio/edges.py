"""Move an edge outward to where the voice is weakest, so that a cut falls between sounds and not into one."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.profiles import TimingProfile
from deid_stream.audio.reader import Reader
from deid_stream.units import Interval, Ms, ms_to_samples

FRAME_MS: Final = 10
_FLOOR_RMS: Final = 40.0
"""Frames below -58 dBFS are as quiet as each other."""
_AUDIBLE_DB: Final = -33.0
"""Re the word itself: what is softer is not part of it."""


def outward(
    reader: Reader, channel: int, said: Interval, neighbours: tuple[Ms | None, Ms | None], timing: TimingProfile
) -> Interval:
    """``said`` (ms) with each edge moved outward, never inward, to the quietest 10 ms frame that may be the border.

    ``neighbours`` are the end of the word before and the start of the one after. Where the words meet, these are a
    second opinion on the same border: it is looked for about the mean of both, and no further out than the profile's
    error allows for either. Where that stretch holds no sound at all it is taken in full: there is nothing to lose.
    """
    ended, begins = neighbours
    start = _edge(reader, channel, -said.start, None if ended is None else -ended, -1, timing)
    end = _edge(reader, channel, said.end, begins, 1, timing)
    return Interval(max(0, min(said.start, -start)), max(said.end, end))


def with_unclaimed_sound(
    reader: Reader, channel: int, said: Interval, neighbours: tuple[Ms | None, Ms | None], most_ms: Ms
) -> Interval:
    """``said`` (ms) with the sound that goes on at its edges, as far as no neighbour claims it and ``most_ms`` at most.

    Aligners take a hiss at the edge of a pause ("Grace") for the pause.
    """
    ended, begins = neighbours
    before_ms = most_ms if ended is None else min(most_ms, said.start - ended)
    after_ms = most_ms if begins is None else min(most_ms, begins - said.end)
    word = reader.pcm(channel, said.start, said.end).astype(np.float64)
    least = max(float(np.mean(np.square(word))) * 10 ** (_AUDIBLE_DB / 10), _FLOOR_RMS**2) if len(word) else 0.0
    start = said.start - _sounding_ms(reader, channel, said.start - max(0, before_ms), said.start, least, -1)
    return Interval(max(0, start), said.end + _sounding_ms(reader, channel, said.end, said.end + after_ms, least, 1))


def _sounding_ms(reader: Reader, channel: int, start_ms: Ms, end_ms: Ms, least: float, sign: int) -> Ms:
    """How long it sounds on from the inner edge, over breaks of one frame."""
    count = (end_ms - start_ms) // FRAME_MS
    if count <= 0:
        return 0
    first_ms = start_ms if sign > 0 else end_ms - count * FRAME_MS
    power = _frame_power(reader, channel, first_ms, count)[::sign]
    silent = np.append(power < least, [True, True])
    return int(np.argmax(silent[:-1] & silent[1:])) * FRAME_MS


def _frame_power(reader: Reader, channel: int, start_ms: Ms, count: int) -> NDArray[np.float64]:
    """Mean square of each of ``count`` frames from ``start_ms``."""
    size = ms_to_samples(FRAME_MS, reader.rate_hz)
    samples = reader.pcm(channel, start_ms, start_ms + count * FRAME_MS).astype(np.float64)
    samples = np.pad(samples, (0, max(0, count * size - len(samples))))[: count * size]
    power: NDArray[np.float64] = np.square(samples).reshape(-1, size).mean(axis=1)
    return power


def _edge(reader: Reader, channel: int, stated: Ms, other: Ms | None, sign: int, timing: TimingProfile) -> Ms:
    """The border in outward time: ``sign`` times media time, so that more is further out on either side."""
    late_ms = sign * timing.late_ms
    likely = bound = stated - late_ms
    if other is not None and abs(other - stated) <= 2 * timing.error_ms:
        likely, bound = (stated + other) // 2 - late_ms, min(stated, other) - late_ms
    nearest = likely + timing.least_ms
    farthest = max(nearest, bound + timing.error_ms + timing.beyond_ms)
    far_sides = np.arange(nearest, farthest + 1, FRAME_MS)
    first_ms = nearest - FRAME_MS if sign > 0 else -int(far_sides[-1])
    power = _frame_power(reader, channel, first_ms, len(far_sides))[::sign]
    if not power.any():
        return farthest
    level_db = 10 * np.log10(np.maximum(power, _FLOOR_RMS**2))
    return int(far_sides[np.argmin(level_db + timing.slope_db * np.arange(len(far_sides)))])
