"""Converts samples to another rate, for detectors and recognisers. What is published is never converted."""

import numpy as np
from numpy.typing import NDArray


def resample(samples: NDArray[np.int16], from_hz: int, to_hz: int) -> NDArray[np.int16]:
    """Mono int16 samples at ``to_hz`` by linear interpolation; the same array where the rates are equal.

    Going down, each output sample is first the mean over its own length, so that what lies above the new rate does not
    fold back into speech.
    """
    if from_hz == to_hz or not len(samples):
        return samples
    source = samples.astype(np.float64)
    width = from_hz // to_hz
    if width > 1:
        source = np.convolve(source, np.full(width, 1 / width), mode="same")
    positions = np.arange(len(samples) * to_hz // from_hz) * (from_hz / to_hz)
    resampled: NDArray[np.int16] = np.interp(positions, np.arange(len(source)), source).astype(np.int16)
    return resampled
