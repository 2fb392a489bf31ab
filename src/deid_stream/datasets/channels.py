"""On which channel of a recording a transcript was spoken, heard from the sound where the transcript does not say."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import WavFile
from deid_stream.model.events import Segment
from deid_stream.units import Ms, ms_to_samples

_CLEARLY: Final = 2.0
"""How much more sound the other order of the parties must explain before it is taken."""


def _energy(sound: WavFile, start_ms: Ms, end_ms: Ms) -> NDArray[np.float64]:
    """Energy of each channel between two moments."""
    fmt = sound.format
    first, last = (ms_to_samples(ms, fmt.rate_hz) * fmt.frame_bytes for ms in (start_ms, end_ms))
    samples = decode(sound.data[first:last], fmt).astype(np.float64)
    energy: NDArray[np.float64] = np.einsum("ij,ij->j", samples, samples)
    return energy


def louder_channel(sound: WavFile, start_ms: Ms, end_ms: Ms) -> int:
    """The channel with the most energy; the first where nothing sounds at all."""
    return int(np.argmax(_energy(sound, start_ms, end_ms)))


def better_order(sound: WavFile, segments: Sequence[Segment]) -> bool:
    """Whether the two channels of a recording fit the segments clearly better the other way round."""
    as_said = other = 0.0
    for segment in segments:
        energy = _energy(sound, segment.start_ms, segment.end_ms)
        as_said += float(energy[segment.channel % 2])
        other += float(energy[1 - segment.channel % 2])
    return other > _CLEARLY * as_said
