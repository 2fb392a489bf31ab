"""Finds the tones of pressed telephone keys (DTMF, ITU-T Q.23: two tones at once).

A number that a caller types can be read from its tones as from a display, and no recogniser writes it down.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms, merge, ms_to_samples

LOW_HZ: Final = (697, 770, 852, 941)
HIGH_HZ: Final = (1_209, 1_336, 1_477, 1_633)
KEY_TONES: Final = "KEY_TONES"
"""``AudioSpan.entity_type`` of a tone. It is silenced whatever a transcript says of its time."""
FRAME_MS: Final = 20
STEP_MS: Final = 10
"""A tone counts where two frames that begin so far apart hold the same key; one alone may be a vowel. ITU-T Q.24 asks
for tones of 40 ms. A larger value misses short tones, a smaller one takes more vowels for keys."""
_PURE: Final = 0.75
"""Share of a frame's energy in its two tones. A larger value misses keys under noise or a voice; a smaller one takes
vowels and whistling for keys."""
_PURE_FAINT: Final = 0.5
_PERHAPS: Final = 0.99 * _PURE_FAINT
"""A frame with a smaller share is no key at any level, however its sums were rounded."""
_TOGETHER: Final = 8
"""So many windows are looked at together. A larger value looks at more that nobody asks about; a smaller one calls
NumPy more often."""
_FAINT_PEAK: Final = 24
"""The same of a frame that is no louder (mean square) than the second softest step of G.711 (A-law), where rounding to
steps takes up to half of a tone's energy. A larger share misses keys on very soft lines; a larger peak takes soft
vowels for keys."""
_TWIST: Final = 10.0
"""How many times more energy one of the two tones may have than the other (10 dB); telephone networks are built for
8 dB. A larger value takes more whistling for keys, a smaller one misses keys on bad lines."""
AHEAD_MS: Final = 40
"""How far beyond a window a tone is followed that begins in it. As long as the shortest that counts, so that the next
window finds the rest of a longer one by itself."""


def pressed(reader: Reader, channel: int, window: Interval) -> list[Interval]:
    """Tones of keys that begin within ``window`` (ms), or go on from its start, with a frame about each: intervals in
    ms, sorted and apart. They may end a little after the window."""
    rate_hz = reader.rate_hz
    size, step = ms_to_samples(FRAME_MS, rate_hz), ms_to_samples(STEP_MS, rate_hz)
    sound = reader.pcm(channel, window.start, window.end + AHEAD_MS)
    whole = len(sound) // size
    # every tone that counts fills one of the frames that do not overlap; in nearly all of what is said there is none
    if not whole or not _keys(sound[: whole * size].reshape(whole, size), rate_hz)[0].any():
        return []
    pure, tones = _keys(sliding_window_view(sound, size)[::step], rate_hz)
    key = _key(tones)
    starts = np.flatnonzero(pure[1:] & pure[:-1] & (key[1:] == key[:-1])) * STEP_MS + window.start
    return merge(
        Interval(max(0, start_ms - FRAME_MS), start_ms + STEP_MS + 2 * FRAME_MS)
        for start_ms in starts.tolist()
        if start_ms < window.end
    )


class Windows:
    """Tells of one window of a channel after another whether keys are pressed in it, as ``pressed`` does.

    Nearly none holds a tone, and the frames of eight take twice the time of one's: so the next are looked at together,
    and only those of which a frame is perhaps a key are asked about by themselves.
    """

    def __init__(self) -> None:
        self._looked = Interval(0, 0)
        self._perhaps: list[Ms] = []
        """Where in it frames begin that are perhaps keys."""

    def forget(self) -> None:
        """What was looked at may have changed."""
        self._looked = Interval(0, 0)

    def pressed(
        self, reader: Reader, channel: int, window: Interval, until_ms: Ms, left_out: Callable[[Interval], bool]
    ) -> list[Interval]:
        """See the function. Windows must be as long as each other, and follow each other or leave some out.
        ``until_ms``: the sound before it will not change unless ``forget`` is called. ``left_out``: whether a window
        will not be asked about."""
        looked = self._looked
        if not looked.start <= window.start < window.end <= looked.end:
            self._look(reader, channel, window, until_ms - AHEAD_MS, left_out)
        if not any(window.start <= at_ms < window.end + AHEAD_MS for at_ms in self._perhaps):
            return []
        return pressed(reader, channel, window)

    def _look(
        self, reader: Reader, channel: int, window: Interval, until_ms: Ms, left_out: Callable[[Interval], bool]
    ) -> None:
        rate_hz, length_ms = reader.rate_hz, window.length
        size = ms_to_samples(FRAME_MS, rate_hz)
        end_ms = window.end
        if length_ms % FRAME_MS == 0 and size * 1000 == FRAME_MS * rate_hz:  # else each has frames of its own
            last_ms = min(window.start + _TOGETHER * length_ms, until_ms) - length_ms
            while end_ms <= last_ms and not left_out(Interval(end_ms, end_ms + length_ms)):
                end_ms += length_ms
        sound = reader.pcm(channel, window.start, end_ms + AHEAD_MS)
        frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float32)
        _, low, high, energy = _tones(frames, rate_hz)
        perhaps = np.flatnonzero(_share(low, high, size) > _PERHAPS * energy)
        # what had not all arrived is looked at again
        self._looked = Interval(window.start, end_ms if end_ms <= until_ms else window.start)
        self._perhaps = (perhaps * FRAME_MS + window.start).tolist()


def _keys(frames: NDArray[np.int16], rate_hz: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """For ``frames`` ``(frames, samples)``: which are two tones of a key and little else, ``(frames,)``; and the energy
    of each tone, ``(8, frames)``."""
    sound = frames.astype(np.float32)
    tones, low, high, energy = _tones(sound, rate_hz)
    share = _share(low, high, sound.shape[1])
    # as of nearly all that is said, and the rest takes as long again
    if not np.logical_or.reduce(share > _PERHAPS * energy):
        return np.zeros(len(sound), np.bool_), tones
    least = np.where(energy > _FAINT_PEAK**2 * sound.shape[1], _PURE, _PURE_FAINT)
    pure = share >= least * energy
    pure &= (energy > sound.shape[1]) & (low <= _TWIST * high) & (high <= _TWIST * low)
    return pure, tones


def _tones(
    sound: NDArray[np.float32], rate_hz: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For frames ``(frames, samples)``: the energy of each tone, ``(8, frames)``; of the loudest low and the loudest
    high one, and of all there is, ``(frames,)``."""
    parts = np.square(_waves(rate_hz, sound.shape[1]) @ sound.T)
    tones = parts[::2] + parts[1::2]
    low, high = np.maximum.reduce(tones[: len(LOW_HZ)]), np.maximum.reduce(tones[len(LOW_HZ) :])
    return tones, low, high, np.einsum("ij,ij->i", sound, sound)


def _share(low: NDArray[np.float32], high: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The energy of two tones in frames of ``size`` samples, as that of the samples is counted."""
    share: NDArray[np.float32] = (low + high) * (2 / size)
    return share


def _key(tones: NDArray[np.float32]) -> NDArray[np.intp]:
    """For energies ``(8, frames)``: the number of the key whose tones are the loudest, ``(frames,)``."""
    keys: NDArray[np.intp] = len(HIGH_HZ) * tones[: len(LOW_HZ)].argmax(axis=0) + tones[len(LOW_HZ) :].argmax(axis=0)
    return keys


@lru_cache(maxsize=8)
def _waves(rate_hz: int, size: int) -> NDArray[np.float32]:
    """Cosine and sine of each tone over one frame of ``size`` samples, ``(16, size)``."""
    angles = 2 * np.pi / rate_hz * np.outer((*LOW_HZ, *HIGH_HZ), np.arange(size))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1, size).astype(np.float32)
