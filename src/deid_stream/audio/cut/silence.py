"""Replaces the sound in a *hole* (a stretch that must not be heard) by silence, a tone, or comfort noise, sample by
sample in the chunk's own codec.

Bytes outside the holes are the source's. What is written depends only on the absolute sample index and the hole, never
on the chunk, so however the stream is cut the result is the same.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec import pcm
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat
from deid_stream.units import Interval, SampleIndex

Operator = Literal["silence", "tone", "noise"]

TONE_HZ: Final = 1_000
FADE_MS: Final = 5
DEFAULT_LEVEL: Final = 1_000.0
"""RMS of a tone whose hole names no level: -30 dBFS."""
MAX_LEVEL: Final = 8_000.0
NOISE_LEVEL: Final = 40.0
"""RMS of comfort noise: -58 dBFS, about the idle noise of a telephone line."""


class Hole(NamedTuple):
    """Half-open absolute samples of one channel of a stream, to be overwritten."""

    channel: int
    """Index within the interleaved stream; 0 for a stream of one channel."""
    samples: Interval
    level: float = DEFAULT_LEVEL
    """RMS of the sound it replaces, measured once for the whole hole (``level``); used by the tone only."""


def level(samples: NDArray[np.int16]) -> float:
    """RMS of int16 samples, for ``Hole.level``."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if len(samples) else 0.0


def redact(
    data: bytes, fmt: AudioFormat, start_sample: SampleIndex, holes: Sequence[Hole], operator: Operator = "silence"
) -> bytes:
    """The chunk with the holes overwritten; as long as ``data``, the same object when no hole touches it.

    ``start_sample`` is the absolute index of the chunk's first sample. Raises AudioFormatError for a hole on a channel
    that the stream does not have.
    """
    end_sample = start_sample + len(data) // fmt.frame_bytes
    touched = [hole for hole in holes if hole.samples.overlaps(Interval(start_sample, end_sample))]
    if not touched:
        return data
    redacted, stride = bytearray(data), fmt.frame_bytes
    for hole in touched:
        if not 0 <= hole.channel < fmt.channels:
            raise AudioFormatError(f"no channel {hole.channel} in a stream of {fmt.channels}")
        part = hole.samples.intersect(Interval(start_sample, end_sample))
        first, stop = (part.start - start_sample) * stride, (part.end - start_sample) * stride
        filling = _filling(part, hole, fmt, operator)
        for byte in range(fmt.sample_bytes):
            begin = first + hole.channel * fmt.sample_bytes + byte
            redacted[begin:stop:stride] = filling[byte :: fmt.sample_bytes]
    return bytes(redacted)


def _filling(part: Interval, hole: Hole, fmt: AudioFormat, operator: Operator) -> bytes:
    if operator == "silence":
        return pcm.SILENCE[fmt.encoding] * part.length
    index = np.arange(part.start, part.end, dtype=np.int64)
    wave = _tone(index, hole.level, fmt.rate_hz) if operator == "tone" else comfort_noise(index, hole.channel)
    wave *= _fade(index, hole.samples, fmt.rate_hz)
    return pcm.encode(np.rint(wave).astype(np.int16), AudioFormat(fmt.encoding, fmt.rate_hz))


def _tone(index: NDArray[np.int64], rms: float, rate_hz: int) -> NDArray[np.float64]:
    phase = (index * TONE_HZ % rate_hz) * (2 * np.pi / rate_hz)
    wave: NDArray[np.float64] = np.sin(phase) * (min(rms, MAX_LEVEL) * np.sqrt(2))
    return wave


def comfort_noise(index: NDArray[np.int64], channel: int = 0) -> NDArray[np.float64]:
    """White noise at ``NOISE_LEVEL``, a hash of the sample index (finalizer of MurmurHash3): the same in any cut."""
    h = index.astype(np.uint64) + np.uint64(channel << 48)
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h ^= h >> np.uint64(33)
        h *= np.uint64(multiplier)
    h ^= h >> np.uint64(33)
    uniform: NDArray[np.float64] = (h >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
    uniform *= NOISE_LEVEL * 3**0.5
    return uniform


def _fade(index: NDArray[np.int64], samples: Interval, rate_hz: int) -> NDArray[np.float64]:
    """Raised cosine at both edges of the hole, against clicks."""
    ramp = max(1, min(FADE_MS * rate_hz // 1000, samples.length // 2))
    inside = np.minimum(index - samples.start, samples.end - 1 - index) + 1
    faded: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.minimum(inside / (ramp + 1), 1.0))
    return faded
