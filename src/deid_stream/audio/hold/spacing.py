"""Finds out by the spacing of a stream's chunks that their header names the wrong rate."""

from typing import Final

from deid_stream.errors import AudioFormatError
from deid_stream.units import SampleIndex

_RATES_HZ: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_WRONG_RATE_CHUNKS: Final = 4
"""After this many chunks in a row whose spacing fits another rate than the header's, the header counts as wrong."""


class Spacing:
    """Of the chunks of one stream, whose header says ``rate_hz``."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._misfits = 0
        self._misfit_seq = -1
        self.wrong = False

    def check(self, seq: int, start: SampleIndex, last_start: SampleIndex, last_end: SampleIndex) -> None:
        """Look at a chunk that begins at ``start``, not where the last one ends. Raises AudioFormatError once the rate
        counts as wrong."""
        if not self.wrong:
            step, frames = start - last_start, last_end - last_start
            implied_hz = self._rate_hz * frames / step if step > 0 else 0.0
            misfit = any(abs(implied_hz / rate - 1) < 0.01 for rate in _RATES_HZ if rate != self._rate_hz)
            follows = seq == self._misfit_seq + 1
            self._misfits = (self._misfits + 1 if follows else 1) if misfit else 0
            self._misfit_seq = seq
            self.wrong = self._misfits >= _WRONG_RATE_CHUNKS
        if self.wrong:
            raise AudioFormatError(f"the chunks' spacing does not fit the {self._rate_hz} Hz of their header")
