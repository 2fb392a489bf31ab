"""Move an edge outward to where the voice is weakest, so that a cut falls between sounds and not into one."""

from typing import Final

import numpy as np

from deid_stream.audio.profiles import Reach, TimingProfile
from deid_stream.audio.reader import Reader
from deid_stream.units import Interval, Ms, ms_to_samples

FRAME_MS: Final = 10
_FLOOR_RMS: Final = 40.0
"""Frames below -58 dBFS are as quiet as each other."""


def outward(
    reader: Reader, channel: int, said: Interval, neighbours: tuple[Ms | None, Ms | None], timing: TimingProfile
) -> Interval:
    """``said`` (ms) with each edge moved outward, never inward, to the quietest 10 ms frame within the profile's reach.

    ``neighbours`` are the end of the word before and the start of the one after: a second opinion on the same border
    where the words meet, so an edge first moves towards it, by half the profile's error at most. Where the whole reach
    holds no sound at all it is taken in full: there is nothing to lose.
    """
    ended, begins = neighbours
    most_ms = timing.error_ms // 2
    start, end = said
    if ended is not None and ended < start:
        start = max(ended, start - most_ms)
    if begins is not None and begins > end:
        end = min(begins, end + most_ms)
    start -= _steps(reader, channel, start, -1, timing.before, timing.slope_db)
    end += _steps(reader, channel, end, 1, timing.after, timing.slope_db)
    return Interval(max(0, start), end)


def _steps(reader: Reader, channel: int, edge_ms: Ms, sign: int, reach: Reach, slope_db: float) -> Ms:
    """Distance in ms from the edge to the far side of the quietest frame that ends within the reach."""
    far_sides = np.arange(reach.least_ms, reach.most_ms + 1, FRAME_MS)
    nearest_ms, span_ms = reach.least_ms - FRAME_MS, len(far_sides) * FRAME_MS
    first_ms = edge_ms + nearest_ms if sign > 0 else edge_ms - nearest_ms - span_ms
    samples = reader.pcm(channel, first_ms, first_ms + span_ms).astype(np.float64)
    size = ms_to_samples(FRAME_MS, reader.rate_hz)
    samples = np.pad(samples, (0, max(0, len(far_sides) * size - len(samples))))[: len(far_sides) * size]
    power = np.square(samples).reshape(-1, size).mean(axis=1)
    if not power.any():
        return reach.most_ms
    if sign < 0:
        power = power[::-1]
    level_db = 10 * np.log10(np.maximum(power, _FLOOR_RMS**2))
    return int(far_sides[np.argmin(level_db + slope_db * far_sides / FRAME_MS)])
