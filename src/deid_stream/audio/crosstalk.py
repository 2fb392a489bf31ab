"""Does another channel carry the same sound: an echo, a sidetone, or both voices on one line?

Normalised cross-correlation (Knapp and Carter, 1976, without the phase transform) over lags of up to 50 ms either way;
its magnitude, since a hybrid may turn the sign.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.pcm import has_sound
from deid_stream.audio.reader import Reader
from deid_stream.units import Interval, Ms

MAX_LAG_MS: Final = 50
MAX_WINDOW_MS: Final = 2_000
"""Longer spans are judged on their first two seconds."""
CARRIED: Final = 0.25
"""Correlation above which a channel carries the span: an echo 12 dB below what else sounds there."""


def carriers(reader: Reader, source: int, channels: Sequence[int], interval: Interval) -> list[int]:
    """Those of ``channels`` on which the sound of ``source`` in ``interval`` (ms) is heard too, in their order."""
    window = Interval(interval.start, min(interval.end, interval.start + MAX_WINDOW_MS))
    sound = reader.pcm(source, window.start, window.end)
    if not has_sound(sound):
        return []
    return [
        channel for channel in channels if channel != source and _correlation(sound, reader, channel, window) > CARRIED
    ]


def _correlation(sound: NDArray[np.int16], reader: Reader, channel: int, window: Interval) -> float:
    """Greatest magnitude of the normalised correlation over the lags."""
    first_ms: Ms = max(0, window.start - MAX_LAG_MS)
    other = reader.pcm(channel, first_ms, window.end + MAX_LAG_MS)
    if not has_sound(other):
        return 0.0
    pattern = sound.astype(np.float64)
    pattern -= pattern.mean()
    heard = other.astype(np.float64)
    heard -= heard.mean()
    size = 1 << (len(heard) + len(pattern) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(pattern, size)), size)
    lags = len(heard) - len(pattern) + 1
    power = np.concatenate(([0.0], np.cumsum(np.square(heard))))
    local = power[len(pattern) : len(pattern) + lags] - power[:lags]
    floor = len(pattern) * 1.0
    scale = np.sqrt(np.maximum(local, floor) * max(float(pattern @ pattern), floor))
    return float(np.max(np.abs(product[:lags]) / scale))
