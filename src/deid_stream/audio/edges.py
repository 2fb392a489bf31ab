"""Move an edge outward to where the voice is weakest, so that a cut falls between sounds and not into one."""

from typing import Final

import numpy as np

from deid_stream.audio.reader import Reader
from deid_stream.units import Interval, Ms

FRAME_MS: Final = 10


def outward(reader: Reader, channel: int, interval: Interval, before_ms: Ms, after_ms: Ms) -> Interval:
    """``interval`` (ms) with each edge at the lowest-energy 10 ms frame within its reach outside it.

    Edges never move inward. Where the whole reach holds no sound at all, it is taken in full: there is nothing to lose.
    """
    start = interval.start - _steps_to_quietest(reader, channel, interval.start, -before_ms)
    end = interval.end + _steps_to_quietest(reader, channel, interval.end, after_ms)
    return Interval(max(0, start), end)


def _steps_to_quietest(reader: Reader, channel: int, edge_ms: Ms, reach_ms: Ms) -> Ms:
    """Distance in ms from the edge to the far side of the quietest frame."""
    frames = abs(reach_ms) // FRAME_MS
    if not frames:
        return 0
    span_ms = frames * FRAME_MS
    first_ms = edge_ms if reach_ms > 0 else edge_ms - span_ms
    samples = reader.pcm(channel, first_ms, first_ms + span_ms).astype(np.float64)
    size = len(samples) // frames
    energy = np.square(samples[: size * frames]).reshape(frames, size).sum(axis=1)
    if reach_ms < 0:
        energy = energy[::-1]
    return span_ms if not energy.any() else (int(energy.argmin()) + 1) * FRAME_MS
