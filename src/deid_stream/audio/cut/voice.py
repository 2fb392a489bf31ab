"""Voice disguise: pitch and formants moved, chunk by chunk. It is not anonymisation.

A phase vocoder (Laroche and Dolson, 1999) moves the pitch and a cepstral envelope (Oppenheim and Schafer) the formants.
A listener no longer knows the voice; a speaker model mostly still does (``benchmarks/audio_voice.py`` measures how
well). Where the law asks for anonymous voices, this does not make them so.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_MS: Final = 32
_HOPS_A_WINDOW: Final = 4
_OVERLAP_GAIN: Final = 1.5
"""Sum of the squared Hann windows at a quarter of their length."""
_ENVELOPE_S: Final = 0.0015
"""Quefrency up to which the cepstrum counts as vocal tract; a voice's pitch lies above 2 ms."""


class Disguise:
    """One channel's transform, with the state that carries over from chunk to chunk.

    The output is as long as the input and late by ``delay_samples``; however the input is cut, it is the same.
    """

    def __init__(self, rate_hz: int, pitch: float = 0.86, formants: float = 1.12) -> None:
        """``pitch`` and ``formants`` are factors on frequency, 0.5 to 2."""
        if not (0.5 <= pitch <= 2.0 and 0.5 <= formants <= 2.0):
            raise ValueError("pitch and formants must be factors of 0.5 to 2")
        self._hop = rate_hz * WINDOW_MS // 1000 // _HOPS_A_WINDOW
        self._size = self._hop * _HOPS_A_WINDOW
        self.delay_samples = self._size
        self._window = np.sin(np.pi * (np.arange(self._size) + 0.5) / self._size) ** 2
        bins = self._size // 2 + 1
        self._omega = 2 * np.pi * np.arange(bins) / self._size
        self._pitch = pitch
        self._target = np.rint(np.arange(bins) * pitch).astype(np.int64)
        self._kept = self._target < bins
        self._formant_source = np.arange(bins) / formants
        self._lifter = max(2, round(rate_hz * _ENVELOPE_S))
        self._last_phase = np.zeros(bins)
        self._phase = np.zeros(bins)
        self._waiting: NDArray[np.float64] = np.zeros(0)
        self._overlap = np.zeros(self._size)
        self._ready: NDArray[np.float64] = np.zeros(self._size)

    def process(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The next samples of the stream, int16 mono in and out."""
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float64)])
        done = [self._ready]
        while len(self._waiting) >= self._size:
            self._overlap += self._frame(self._waiting[: self._size] * self._window) * self._window / _OVERLAP_GAIN
            done.append(self._overlap[: self._hop].copy())
            self._overlap = np.concatenate([self._overlap[self._hop :], np.zeros(self._hop)])
            self._waiting = self._waiting[self._hop :]
        ready = np.concatenate(done)
        self._ready = ready[len(samples) :]
        disguised: NDArray[np.int16] = np.clip(np.rint(ready[: len(samples)]), -32768, 32767).astype(np.int16)
        return disguised

    def _frame(self, windowed: NDArray[np.float64]) -> NDArray[np.float64]:
        spectrum = np.fft.rfft(windowed)
        magnitude, phase = np.abs(spectrum), np.angle(spectrum)
        advance = phase - self._last_phase - self._omega * self._hop
        self._last_phase = phase
        advance -= 2 * np.pi * np.rint(advance / (2 * np.pi))
        frequency = self._omega + advance / self._hop
        envelope = self._envelope(magnitude)
        moved, moved_frequency = np.zeros_like(magnitude), self._omega.copy()
        np.add.at(moved, self._target[self._kept], (magnitude / envelope)[self._kept])
        moved_frequency[self._target[self._kept]] = frequency[self._kept] * self._pitch
        moved *= np.interp(self._formant_source, np.arange(len(envelope)), envelope)
        self._phase = (self._phase + moved_frequency * self._hop) % (2 * np.pi)
        return np.fft.irfft(moved * np.exp(1j * self._phase), self._size)

    def _envelope(self, magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
        cepstrum = np.fft.irfft(np.log(magnitude + 1.0), self._size)
        cepstrum[self._lifter : self._size - self._lifter + 1] = 0.0
        smooth: NDArray[np.float64] = np.exp(np.fft.rfft(cepstrum).real)
        return smooth
