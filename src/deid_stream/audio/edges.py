"""Move an edge outward to where the voice is weakest, so that a cut falls between sounds and not into one."""

from typing import Final

import numpy as np

from deid_stream.audio.profiles import TimingProfile
from deid_stream.audio.reader import Reader
from deid_stream.units import Interval, Ms, ms_to_samples

FRAME_MS: Final = 10
_FLOOR_RMS: Final = 40.0
"""Frames below -58 dBFS are as quiet as each other."""


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
    samples = reader.pcm(channel, first_ms, first_ms + len(far_sides) * FRAME_MS).astype(np.float64)
    size = ms_to_samples(FRAME_MS, reader.rate_hz)
    samples = np.pad(samples, (0, max(0, len(far_sides) * size - len(samples))))[: len(far_sides) * size]
    power = np.square(samples).reshape(-1, size).mean(axis=1)[::sign]
    if not power.any():
        return farthest
    level_db = 10 * np.log10(np.maximum(power, _FLOOR_RMS**2))
    return int(far_sides[np.argmin(level_db + timing.slope_db * np.arange(len(far_sides)))])
