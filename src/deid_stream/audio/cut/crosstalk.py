"""Finds the channels that carry the same sound as another one: an echo, a sidetone, or both voices on one line.

Normalised cross-correlation (Knapp and Carter, 1976, without the phase transform) over lags of up to 50 ms either way;
its magnitude, since a hybrid may turn the sign.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms

MAX_LAG_MS: Final = 50
MAX_WINDOW_MS: Final = 2_000
"""Longer spans are judged on their first two seconds."""
CARRIED_AT_1S: Final = 0.2
"""Correlation over one second above which a channel carries the span. Two unrelated voices reach 0.17 in one case of a
hundred (synthetic callers), in shorter stretches more, as the inverse root of their length; an echo 10 dB below the
voice that speaks over it reaches 0.25 in nine cases of ten, one in a pause nearly 1."""


class Carrier(NamedTuple):
    channel: int
    interval: Interval
    """The span and its echo: the interval asked for, widened by the echo's delay (ms)."""


def carriers(reader: Reader, source: int, channels: Sequence[int], interval: Interval) -> list[Carrier]:
    """Those of ``channels`` on which the sound of ``source`` in ``interval`` (ms) is heard too, in their order."""
    window = Interval(interval.start, min(interval.end, interval.start + MAX_WINDOW_MS))
    sound = reader.pcm(source, window.start, window.end)
    if not has_sound(sound, reader.line(source, interval.start).quiet_peak):
        return []
    least = CARRIED_AT_1S * (1000 / window.length) ** 0.5
    found: list[Carrier] = []
    for channel in channels:
        if channel == source:
            continue
        correlation, lag_ms = _correlation(sound, reader, channel, window)
        if correlation > min(least, 0.9):
            echo = Interval(interval.start + min(0, lag_ms), interval.end + max(0, lag_ms))
            found.append(Carrier(channel, echo))
    return found


def _correlation(sound: NDArray[np.int16], reader: Reader, channel: int, window: Interval) -> tuple[float, Ms]:
    """Greatest magnitude of the normalised correlation over the lags, and the lag."""
    first_ms: Ms = max(0, window.start - MAX_LAG_MS)
    other = reader.pcm(channel, first_ms, window.end + MAX_LAG_MS)
    if not has_sound(other, reader.line(channel, window.start).quiet_peak):
        return 0.0, 0
    pattern = sound.astype(np.float64)
    pattern -= pattern.mean()
    heard = other.astype(np.float64)
    heard -= heard.mean()
    # the correlation is circular, but at this size no lag below ``lags`` wraps around
    size = 1 << (len(heard) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(pattern, size)), size)
    lags = len(heard) - len(pattern) + 1
    power = np.concatenate(([0.0], np.cumsum(np.square(heard))))
    local = power[len(pattern) : len(pattern) + lags] - power[:lags]
    floor = float(len(pattern))
    magnitude = np.abs(product[:lags]) / np.sqrt(np.maximum(local, floor) * max(float(pattern @ pattern), floor))
    best = int(magnitude.argmax())
    return float(magnitude[best]), round(best * 1000 / reader.rate_hz) + first_ms - window.start
