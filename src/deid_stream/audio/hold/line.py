"""Measures how loud a line's speech and its steady noise are, as the call goes on.

Once per second of media time a *look* measures a tenth of a second, whatever the chunks are; twice per second while the
last one has not met silence, since what is said is told from noise by its pauses. Quiet is what is no louder
than the steady noise that every look of the last seconds has heard. It does not depend on how loud the speaker is: who
turns away from the telephone and speaks softly is still heard. On a line without noise only the smallest step of G.711
is quiet. (docs/audio.md has the table of what counts as what.)
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import gt, lt
from typing import Final, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import QUIET_PEAK, QUIET_PEAKS, loudness
from deid_stream.units import Ms

LOOK_EVERY_MS: Final = 500
"""How often a look may be due; see ``Line.hear``."""
_ALWAYS_EVERY_MS: Final = 1_000
LOOK_MS: Final = 100
FRAME_MS: Final = 20
_RUMBLE_MS: Final = 4
"""The mean over so long is subtracted from each sample before noise is measured: it is rumble (below some 200 Hz),
where no telephone carries a voice. A smaller value subtracts part of the voice, too."""
SPEECH_OVER_SOFT: Final = 10
"""Speech peaks lie so many times above what counts as soft (20 dB). A larger value waits the full hold-back for the
transcript of more of what is far off; a smaller one counts the softest syllables of a soft speaker as soft."""
_SOFT_AT_MOST: Final = 400
"""-38 dBFS: what is louder is known to be speech or not by the detector, however loud the line is."""
_NOISE_PEAK: Final = 6
"""Noise peaks at most so many times above the level of its softest frame. A larger value takes softer speech for a
pause; a smaller one takes peaks of noise for sound."""
_QUIET_OVER_NOISE: Final = 4.5
"""As ``_NOISE_PEAK``, for what is quiet. A larger value lets speech as soft as the noise pass without a look; a smaller
one shows more of the noise to the VAD, at its cost."""
_NOISE_BEYOND: Final = QUIET_PEAK * 5 // 4
"""Noise that peaks above this does not make softer sound quiet: what is so much softer than the noise is not the
noise."""
_LOUD_FOR_MS: Final = 30_000
"""The loudest look within so long says how loud speech is on the line. Larger: a speaker who becomes softer counts as
soft for longer."""
_NOISE_FOR_MS: Final = 8_000
"""The softest look within so long says how loud the noise is: by then everybody has paused for a frame. Larger: noise
that grows is believed later; smaller: long words count as noise."""
_FORGOTTEN: Final = 60
"""Looks that are dropped together."""
_SILENT_DB: Final = 18.1
"""Samples that are as large as the smallest step of G.711."""
_PAUSE_DB: Final = 3.0
"""A pause is so much softer than what the last look met. A larger value takes words for noise where only looks
between the seconds meet their pauses; a smaller one takes the softest of steady noise for its level, and more of it for
sound."""
_LEAST_ENERGY: Final = 0.05
"""Of silence, which has no level in dB."""
_ASKED_BEFORE_MS: Final = 2_000
"""A restart keeps every look within so long before the audio that is read again, since words that begin before it are
asked about, too; of older ones only what can still decide. A larger value makes checkpoints larger."""
_EXACT_HZ: Final = 16_000
"""Up to here the sum of squares of a frame is below 2^53 however loud it is: (2^16 * 64)^2 * 320."""
_KNOWN: Final = 16
"""Number of computed levels that are kept, since the words of one turn ask for the same ones. More cost each call
memory."""


_Value = TypeVar("_Value", int, float)


class LineLevel(NamedTuple):
    """Limits on a line, as greatest absolute samples."""

    quiet_peak: int
    """Up to here sound is quiet: nobody speaks. One of ``QUIET_PEAKS``."""
    noise: "Levels"
    """The steady noise."""
    faint_peak: int
    """Up to here sound is too soft for the detector of speech. One of ``QUIET_PEAKS``."""
    soft_peak: int
    """Up to here sound is soft for speech on this line: somebody far off, or a speaker who has turned away."""

    @property
    def pause_peak(self) -> int:
        """Greatest absolute sample of a pause: neither quiet nor noise goes beyond."""
        return max(self.quiet_peak, int(_NOISE_PEAK * 10 ** (self.noise.sample_db / 20)))


class Levels(NamedTuple):
    """Root mean squares in dB re one step of 16 bits. ``sample_db``: of the samples, without rumble. ``step_db``: of
    the differences from one sample to the next, in which consonants count most."""

    sample_db: float
    step_db: float


ORDINARY: Final = LineLevel(QUIET_PEAKS[0], Levels(0.0, 0.0), QUIET_PEAK, QUIET_PEAK)
"""A line of ordinary level without noise."""


class LineState(msgspec.Struct, frozen=True, array_like=True):
    """What a line's looks have heard, as far as it can still decide anything. Looks are counted back from the last one
    in steps of ``LOOK_EVERY_MS``; each list has such a number, then the value, for each look in it, newest first."""

    last_ms: Ms
    """When the last look ended."""
    looked: int
    """Bit n: a look ended n steps before the last."""
    peaks: tuple[int, ...]
    sample_db: tuple[int | float, ...]
    step_db: tuple[int | float, ...]


class Line:
    """The levels of one channel over media time."""

    def __init__(self) -> None:
        self._ends: list[Ms] = []
        self._peaks: list[int] = []
        self._sample_db: list[float] = []
        self._step_db: list[float] = []
        """``Levels`` of the softest frame of each look."""
        self._known: dict[int, LineLevel] = {}
        """Computed levels by the number of looks that they rest on."""
        self._packed: LineState | None = None
        """The last state that was asked for: it is the same until the next look."""

    def hear(self, starts_ms: Sequence[Ms], looks: NDArray[np.int16], rate_hz: int) -> None:
        """Take in those of the ``looks`` that are due: the samples (mono), a row for each, of the ``LOOK_MS`` that
        begin at media time ``starts_ms``, multiples of ``LOOK_EVERY_MS`` in the order of time."""
        peaks = np.maximum.reduce(loudness(looks), axis=1).tolist()
        size, rumble = rate_hz * FRAME_MS // 1000, _rumble_samples(rate_hz)
        sample_sums, step_sums = np.minimum.reduce(_frame_sums(looks, rate_hz), axis=2).tolist()
        for at, start_ms in enumerate(starts_ms):
            if not self._due(start_ms):
                continue
            sample_db = _rounded_db(sample_sums[at] / size / rumble**2)
            # at steady noise more looks would make it seem softer than it is
            pause = not self._ends or sample_db <= max(_SILENT_DB, self._sample_db[-1] - _PAUSE_DB)
            if pause or start_ms % _ALWAYS_EVERY_MS == 0:
                self._ends.append(start_ms + LOOK_MS)
                self._peaks.append(peaks[at])
                self._sample_db.append(sample_db)
                self._step_db.append(_rounded_db(step_sums[at] / size))

    def at(self, media_ms: Ms) -> LineLevel:
        """The levels as the looks up to ``media_ms`` tell them."""
        until = bisect_right(self._ends, media_ms)
        known = self._known.get(until)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[until] = self._after(until)
        return known

    def _due(self, start_ms: Ms) -> bool:
        """Whether a look at what begins at ``start_ms`` may count, unless it was looked at already: at whole seconds,
        and between them where the last look has not met a line as silent as it can be."""
        if not self._ends:
            return start_ms % _ALWAYS_EVERY_MS == 0
        return start_ms >= self._ends[-1] and (start_ms % _ALWAYS_EVERY_MS == 0 or self._sample_db[-1] > _SILENT_DB)

    def _since(self, last: int, ms: Ms) -> int:
        """The first of the looks that ended less than ``ms`` before the ``last`` one did."""
        return bisect_right(self._ends, self._ends[last] - ms, hi=last)

    def _after(self, until: int) -> LineLevel:
        """The levels as the first ``until`` looks tell them."""
        loudest, noise, long_enough = 0, ORDINARY.noise, False
        if until:
            last = until - 1
            loudest = max(self._peaks[self._since(last, _LOUD_FOR_MS) : until])
            since = self._since(last, _NOISE_FOR_MS)
            noise = Levels(min(self._sample_db[since:until]), min(self._step_db[since:until]))
            long_enough = self._ends[last] - self._ends[since] >= _NOISE_FOR_MS - 2 * LOOK_EVERY_MS
        faint_peak = _largest(loudest // SPEECH_OVER_SOFT)
        quiet_peak = QUIET_PEAKS[0]
        noise_peak = int(_QUIET_OVER_NOISE * 10 ** (noise.sample_db / 20))
        if long_enough and noise_peak <= _NOISE_BEYOND:
            quiet_peak = min(faint_peak, _largest(noise_peak + QUIET_PEAKS[0] - 1))
        # a look may have missed all that was said, and at this level the detector of speech hears too little
        soft_peak = max(QUIET_PEAK, min(loudest // SPEECH_OVER_SOFT, _SOFT_AT_MOST))
        return LineLevel(quiet_peak, noise, faint_peak, soft_peak)

    def forget(self, before_ms: Ms) -> None:
        """Drop the looks that no question from ``before_ms`` on needs."""
        last = bisect_right(self._ends, before_ms) - 1
        gone = self._since(last, _LOUD_FOR_MS) if last >= 0 else 0
        if gone > _FORGOTTEN:
            del self._ends[:gone], self._peaks[:gone], self._sample_db[:gone], self._step_db[:gone]
            self._known.clear()

    def state(self, before_ms: Ms) -> LineState | None:
        """The looks that began before ``before_ms``, for the checkpoint; None where there are none. Later ones are
        taken again when their audio is read again."""
        until = bisect_left(self._ends, before_ms + LOOK_MS)
        if not until:
            return None
        if self._packed is None or self._packed.last_ms != self._ends[until - 1]:
            self._packed = self._pack(until)
        return self._packed

    def _pack(self, until: int) -> LineState:
        last_ms = self._ends[until - 1]
        asked_ms = last_ms - _ASKED_BEFORE_MS
        asked = bisect_right(self._ends, asked_ms)
        heard = range(bisect_right(self._ends, asked_ms - _LOUD_FOR_MS), until)
        steady = range(bisect_right(self._ends, asked_ms - _NOISE_FOR_MS), until)
        back = [(last_ms - end_ms) // LOOK_EVERY_MS for end_ms in self._ends[:until]]
        return LineState(
            last_ms,
            sum(1 << back[at] for at in steady),
            _deciding(self._peaks, back, heard, asked, gt),
            _deciding(self._sample_db, back, steady, asked, lt),
            _deciding(self._step_db, back, steady, asked, lt),
        )

    def restore(self, state: LineState) -> None:
        """Take up the looks of a checkpoint."""
        peaks, sample_db, step_db = _by_look(state.peaks), _by_look(state.sample_db), _by_look(state.step_db)
        # a look that no longer decides has the values of the later one that outdoes it
        values: list[tuple[int, float, float]] = []
        backs = sorted({n for n in range(state.looked.bit_length()) if state.looked >> n & 1} | peaks.keys())
        for back in backs:
            peak, sample, step = values[-1] if values else (0, 0.0, 0.0)
            values.append((peaks.get(back, peak), sample_db.get(back, sample), step_db.get(back, step)))
        self._ends = [state.last_ms - back * LOOK_EVERY_MS for back in reversed(backs)]
        self._peaks = [peak for peak, _, _ in reversed(values)]
        self._sample_db = [sample for _, sample, _ in reversed(values)]
        self._step_db = [step for _, _, step in reversed(values)]
        self._known.clear()


def _deciding(
    values: Sequence[_Value], back: Sequence[int], looks: range, asked: int, outdoes: Callable[[_Value, _Value], bool]
) -> tuple[_Value | int, ...]:
    """As in ``LineState``: those of ``looks`` from ``asked`` on, and the older ones that no later one outdoes."""
    flat: list[_Value | int] = []
    best: _Value | None = None
    for at in reversed(looks):
        if at >= asked:
            flat += back[at], values[at]
        elif best is None or outdoes(values[at], best):
            best = values[at]
            flat += back[at], best
    return tuple(flat)


def _by_look(flat: Sequence[_Value]) -> dict[int, _Value]:
    return {int(back): value for back, value in zip(flat[::2], flat[1::2], strict=True)}


def _largest(limit: int) -> int:
    """The largest of ``QUIET_PEAKS`` up to ``limit``, or the smallest."""
    return QUIET_PEAKS[max(0, bisect_right(QUIET_PEAKS, limit) - 1)]


def frame_levels_db(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
    """The two ``Levels`` of each 20 ms frame of mono samples, ``(2, frames)``; a last partial frame goes on as it
    ends."""
    energies: NDArray[np.float64] = _frame_sums(samples[None], rate_hz)[:, 0] / (rate_hz * FRAME_MS // 1000)
    energies[0] /= _rumble_samples(rate_hz) ** 2
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(energies, _LEAST_ENERGY))
    return levels


def _rounded_db(energy: float) -> float:
    return round(10 * math.log10(max(energy, _LEAST_ENERGY)) * 100) / 100


def _rumble_samples(rate_hz: int) -> int:
    return rate_hz * _RUMBLE_MS // 1000


def _frame_sums(sounds: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64] | NDArray[np.int64]:
    """Sums of squares by frame of each of the ``sounds``, ``(2, sounds, frames)``, the first of samples without rumble
    times ``_rumble_samples``.

    Sums of whole numbers, which are exact in whatever order they are added.
    """
    rows, length = sounds.shape
    size, width = rate_hz * FRAME_MS // 1000, _rumble_samples(rate_hz)
    count, first = length + -length % size, 1 + width // 2
    if not length:
        return np.zeros((2, rows, 0), np.int64)
    # each edge goes on as it is
    padded = np.empty((rows, count + width), np.int32)
    padded[:, :first] = sounds[:, :1]
    padded[:, first : first + length] = sounds
    padded[:, first + length :] = sounds[:, -1:]
    whole = padded[:, first : first + count]
    # what overflows in the sums does so in both of which the difference is taken
    sums = np.add.accumulate(padded, axis=1, dtype=np.int32)
    values = np.empty((2, rows, count), np.int32)
    # ``width`` times the distance from what is the same around
    apart = np.multiply(whole, width, out=values[0])
    apart -= sums[:, width:]
    apart += sums[:, :-width]
    np.subtract(whole, padded[:, first - 1 : first - 1 + count], out=values[1])
    # the largest sum that doubles hold exactly is 2^53
    exact = values.astype(np.float64 if rate_hz <= _EXACT_HZ else np.int64)
    squares: NDArray[np.float64] | NDArray[np.int64] = np.matmul(
        exact.reshape(2, rows, -1, 1, size), exact.reshape(2, rows, -1, size, 1)
    )
    return squares.reshape(2, rows, -1)


def quantile(values: NDArray[np.int32] | list[float], share: float) -> float:
    """The value that a ``share`` of them do not pass, between two of them as ``np.quantile`` says, at a tenth of its
    cost. At least one value is needed. A list is for a few dozen values at most."""
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    part = place - below
    ordered = sorted(values) if isinstance(values, list) else np.partition(values, (below, above))
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
