"""Finds by the energy of the sound on which channel a segment was spoken, where the transcript does not say."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import WavFile
from deid_stream.model.events import Segment
from deid_stream.units import Ms, ms_to_samples

_CLEARLY: Final = 2.0
"""The channels are swapped only where the other order explains so many times the energy. A larger value keeps the
usual order (customer 0, agent 1) more often."""


def _energy(sound: WavFile, start_ms: Ms, end_ms: Ms) -> NDArray[np.float64]:
    """Sum of squared samples by channel, ``(channels,)``, from ``start_ms`` to ``end_ms``."""
    fmt = sound.format
    first, last = (ms_to_samples(ms, fmt.rate_hz) * fmt.frame_bytes for ms in (start_ms, end_ms))
    samples = decode(sound.data[first:last], fmt).astype(np.float64)
    energy: NDArray[np.float64] = np.einsum("ij,ij->j", samples, samples)
    return energy


def louder_channel(sound: WavFile, start_ms: Ms, end_ms: Ms) -> int:
    """The channel with the most energy from ``start_ms`` to ``end_ms``; 0 where all are silent."""
    return int(np.argmax(_energy(sound, start_ms, end_ms)))


def better_order(sound: WavFile, segments: Sequence[Segment]) -> bool:
    """Whether the segments of a recording of two channels fit the sound clearly better with channels 0 and 1
    swapped."""
    as_said = other = 0.0
    for segment in segments:
        energy = _energy(sound, segment.start_ms, segment.end_ms)
        as_said += float(energy[segment.channel % 2])
        other += float(energy[1 - segment.channel % 2])
    return other > _CLEARLY * as_said
