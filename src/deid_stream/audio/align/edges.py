"""Where a cut costs least: how likely each place is the word's border, against what is left or lost by cutting there.

A border is likely near where the recogniser states it, near where the recogniser states the neighbour's edge if the
words meet, and where it is quiet. A cut inside the word leaves some of it in the sound; a cut outside takes some of the
neighbouring speech. Audible frames cost, quiet ones do not, so a cut beside a pause lies further out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.align.profiles import TimingProfile
from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms, ms_to_samples

FRAME_MS: Final = 10
BREACH: Final = 15
"""One millisecond left of what must go costs as much as this many milliseconds of other speech taken. A larger value
leaves less of values and takes more of the words beside them."""
_BEYOND_MS: Final = 20
"""Where words meet or all is silent, no cut lies further out than the profile's error plus this. A larger value takes
more of the neighbouring words."""
_SURPRISE: Final = 0.03
"""Likelihood, relative to the best candidate, of a timing error larger than the profile allows. A larger value lets
quiet places far from the stated edge count for more."""
_PER_DB_AT_MEETING: Final = 0.15
_PER_DB_AT_PAUSE: Final = 0.3
"""How much less likely a border is per dB: a frame that is louder by 1/this many dB is e times less likely. It is less
where words meet, since they may meet in loud places. A larger value draws cuts to quieter places, away from the stated
edge."""
_FLOOR_DB: Final = 32.0
"""Frames below -58 dBFS are as quiet as each other (dB re one step of 16 bits)."""
_AUDIBLE_DB: Final = -35.0
"""Relative to the loudest frame nearby: a softer frame costs nothing, whether it is left or taken. A larger value
(nearer to 0) lets the soft ends of words decide less about the cut."""


def outward(
    reader: Reader, channel: int, said: Interval, neighbours: tuple[Ms | None, Ms | None], timing: TimingProfile
) -> Interval:
    """``said`` (ms) with each edge moved outward, never inward, to where a cut costs least.

    ``neighbours`` are the end of the word before and the start of the one after. Of cuts that cost the same, as in a
    silence, the outermost within the profile's error is taken.
    """
    ended, begins = neighbours
    start = _edge(reader, channel, -said.start, None if ended is None else -ended, -1, timing)
    end = _edge(reader, channel, said.end, begins, 1, timing)
    return Interval(max(0, min(said.start, -start)), max(said.end, end))


def _edge(reader: Reader, channel: int, stated: Ms, other: Ms | None, sign: int, timing: TimingProfile) -> Ms:
    """The cut in outward time: ``sign`` times media time, so that more is further out on either side."""
    opinions = [stated - sign * timing.late_ms]
    usual = opinions[0] + timing.error_ms + _BEYOND_MS
    farthest = stated + timing.error_ms + timing.pause_reach_ms
    if other is not None and abs(other - stated) <= 2 * timing.error_ms:
        opinions.append(other - sign * timing.late_ms)
        farthest = min(opinions) + timing.error_ms + _BEYOND_MS
    elif other is not None:
        farthest = min(farthest, max(stated, other))
    least = sum(opinions) // len(opinions) + timing.least_ms
    first = opinions[0] - timing.error_ms - _BEYOND_MS
    borders = np.arange(first, max(least, farthest) + 1, FRAME_MS)
    level_db = _levels_db(reader, channel, borders, sign)
    per_db = _PER_DB_AT_PAUSE if len(opinions) == 1 else _PER_DB_AT_MEETING
    likely = np.exp(-per_db * np.minimum(level_db[:-1], level_db[1:]))
    for opinion in opinions:
        likely *= np.exp(-2 * np.square((borders - opinion) / timing.error_ms)) + _SURPRISE
    audible = level_db > max(float(level_db.max()) + _AUDIBLE_DB, _FLOOR_DB + 0.1)
    sounding = np.cumsum(audible[:-1])
    left: NDArray[np.int_] = sounding[None, :] - sounding[:, None]  # by cut and border; negative: taken
    cost = np.where(left > 0, BREACH * left, -left) @ (likely / likely.sum())
    cost[borders < least] = np.inf
    cheapest = borders[cost <= cost.min() + 1e-6]
    return int(cheapest[max(0, cheapest.searchsorted(usual, side="right") - 1)])


def _levels_db(reader: Reader, channel: int, borders: NDArray[np.int_], sign: int) -> NDArray[np.float64]:
    """Level of the frames before, between and after ``borders`` (outward ms, ``FRAME_MS`` apart)."""
    count = len(borders) + 1
    first_ms = int(borders[0] if sign > 0 else -borders[-1]) - FRAME_MS
    size = ms_to_samples(FRAME_MS, reader.rate_hz)
    samples = reader.pcm(channel, first_ms, first_ms + count * FRAME_MS).astype(np.float64)
    if len(samples) < count * size:
        samples = np.pad(samples, (0, count * size - len(samples)))
    power = np.add.reduce(np.square(samples[: count * size]).reshape(count, size), axis=1)[::sign] / size
    level_db: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    return level_db
