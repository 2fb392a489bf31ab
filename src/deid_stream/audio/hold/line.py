"""What a line is like: how loud its speech is, and how loud its steady noise. Both follow the call.

Once a second of media time a tenth of a second is looked at, whatever the chunks are. A line on which nothing loud has
been heard lately may carry speech as soft as another line's noise: there less counts as quiet.
"""

from bisect import bisect_right
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import QUIET_PEAK, QUIET_PEAKS
from deid_stream.units import Ms

LOOK_EVERY_MS: Final = 1_000
LOOK_MS: Final = 100
FRAME_MS: Final = 20
_RUMBLE_MS: Final = 4
"""What is the same over so long (below some 200 Hz) is rumble; no telephone carries a voice there."""
SPEECH_OVER_QUIET: Final = 10
"""Speech peaks lie so many times above what counts as quiet (20 dB). A larger value waits for the transcript of more of
the line's noise; a smaller one lets the softest syllables of a soft speaker pass as quiet."""
_NOISE_PEAK: Final = 6
"""Peaks of noise over its softest frame's level."""
_LOUD_FOR_LOOKS: Final = 30
_NOISE_FOR_LOOKS: Final = 8
"""Within so many seconds everybody pauses for a frame."""


class LineLevel(NamedTuple):
    """``quiet_peak``: greatest absolute sample that counts as quiet, one of ``QUIET_PEAKS``. ``noise``: the steady
    noise."""

    quiet_peak: int
    noise: "Levels"

    @property
    def pause_peak(self) -> int:
        """Greatest absolute sample of a pause: neither quiet nor noise goes beyond."""
        return max(self.quiet_peak, int(_NOISE_PEAK * 10 ** (self.noise.sample_db / 20)))


class Levels(NamedTuple):
    """dB re one step of 16 bits: of the samples without what moves slower than speech, and of the steps from one to the
    next, in which consonants count most."""

    sample_db: float
    step_db: float


ORDINARY: Final = LineLevel(QUIET_PEAK, Levels(0.0, 0.0))
"""A line of ordinary level without noise."""


class Line:
    """One channel's levels by media time."""

    def __init__(self) -> None:
        self._ends: list[Ms] = []
        self._peaks: list[int] = []
        self._softest: list[Levels] = []

    def note(self, end_ms: Ms, samples: NDArray[np.int16], rate_hz: int) -> None:
        """A look at ``LOOK_MS`` that end at ``end_ms``, later than the last one."""
        self._ends.append(end_ms)
        self._peaks.append(max(int(samples.max()), -int(samples.min())))
        self._softest.append(Levels(*(float(levels.min()) for levels in frame_levels_db(samples, rate_hz))))

    def at(self, media_ms: Ms) -> LineLevel:
        """The level as known from what came before ``media_ms``."""
        until = bisect_right(self._ends, media_ms)
        loudest = max(self._peaks[max(0, until - _LOUD_FOR_LOOKS) : until], default=0)
        heard = self._softest[max(0, until - _NOISE_FOR_LOOKS) : until] or [ORDINARY.noise]
        noise = Levels(min(look.sample_db for look in heard), min(look.step_db for look in heard))
        quiet_peak = QUIET_PEAKS[0]
        for peak in QUIET_PEAKS:
            if peak * SPEECH_OVER_QUIET <= loudest:
                quiet_peak = peak
        return LineLevel(quiet_peak, noise)

    def forget(self, before_ms: Ms) -> None:
        """Nobody will ask for the level before ``before_ms`` again."""
        gone = bisect_right(self._ends, before_ms) - _LOUD_FOR_LOOKS
        if gone > _LOUD_FOR_LOOKS:
            del self._ends[:gone], self._peaks[:gone], self._softest[:gone]


def frame_levels_db(samples: NDArray[np.int16], rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two ``Levels`` of each 20 ms frame of mono samples; a last partial frame goes on as it ends.

    Run once a second per channel of each call: sums in place of ``np.pad`` and ``np.convolve``, twice as slow.
    """
    if not len(samples):
        return np.zeros(0), np.zeros(0)
    size = rate_hz * FRAME_MS // 1000
    width = rate_hz * _RUMBLE_MS // 1000
    count = len(samples) + -len(samples) % size
    first = 1 + width // 2
    padded = np.empty(count + width)
    padded[0] = 0.0
    padded[1:first] = samples[0]
    padded[first : first + len(samples)] = samples
    padded[first + len(samples) :] = samples[-1]
    whole = padded[first : first + count]
    steps = np.zeros(count)
    np.subtract(whole[1:], whole[:-1], out=steps[1:])
    sums = np.cumsum(padded)
    around = (sums[width:] - sums[:-width]) / width
    return _level_db(whole - around, size), _level_db(steps, size)


def _level_db(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    frames = values.reshape(-1, size)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(np.einsum("ij,ij->i", frames, frames) / size, 0.05))
    return levels
