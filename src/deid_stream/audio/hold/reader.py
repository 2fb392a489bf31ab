"""The interface through which alignment, speech detection and cross-talk read held audio."""

from functools import cached_property
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import loudness
from deid_stream.audio.hold.line import LOOK_EVERY_MS, LOOK_MS, Line, LineLevel
from deid_stream.units import Interval, Ms, ms_to_samples, samples_to_ms

MAX_READ_MS: Final = 120_000
"""Most sound that is read at once, so that a wrong interval cannot take any amount of memory."""
FRAME_MS: Final = 10
"""Length of a frame of ``loud_frames``."""
_BEYOND_MS: Final = 1_000
"""Where an excerpt ends because no more is held, it knows the peaks of the silence beyond for so long. A larger value
computes more of them for each turn; a smaller one computes them anew for more of the words at the end of a turn."""


class Reader(Protocol):
    """Held audio by media time: a ``Timeline``, or several of them behind one face, or a whole recording."""

    @property
    def rate_hz(self) -> int: ...

    def pcm(self, channel: int, start_ms: Ms, end_ms: Ms) -> NDArray[np.int16]:
        """Samples of ``[start_ms, end_ms)``, exactly that long, zeros where nothing is held; no more than
        ``MAX_READ_MS`` of them."""
        ...

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """How loud a channel's speech and steady noise are, from what came before ``at_ms``."""
        ...

    def held(self, channel: int) -> Interval:
        """Media time (ms) from the first to the last held sample of a channel; empty where nothing is held."""
        ...

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        """Of ``part`` (ms), what lies between held audio and never came."""
        ...


def frame_peaks(reader: Reader, channel: int, start_ms: Ms, count: int) -> NDArray[np.uint16]:
    """By frame of ``FRAME_MS`` from ``start_ms``: the greatest absolute sample."""
    if isinstance(reader, Excerpt):
        known = reader.peaks(channel, start_ms, count)
        if known is not None:
            return known
    size = FRAME_MS * reader.rate_hz // 1000
    sound = reader.pcm(channel, start_ms, start_ms + count * FRAME_MS)
    if len(sound) < count * size:
        sound = np.pad(sound, (0, count * size - len(sound)))
    peaks: NDArray[np.uint16] = np.maximum.reduce(loudness(sound[: count * size]).reshape(count, size), axis=1)
    return peaks


def loud_frames(reader: Reader, channel: int, start_ms: Ms, count: int) -> bytes:
    """One byte for each of ``count`` frames of ``FRAME_MS`` from ``start_ms`` (media time): 1 where it is louder than a
    pause is on this line, else 0. Bytes, since cutting, counting and searching a few dozen frames takes a fraction of
    the time that arrays take."""
    pause_peak = reader.line(channel, start_ms).pause_peak
    if isinstance(reader, Excerpt):
        known = reader.louder(channel, start_ms, count, pause_peak)
        if known is not None:
            return known
    return (frame_peaks(reader, channel, start_ms, count) > pause_peak).tobytes()


def _peaks_from_each(loudness: NDArray[np.uint16], size: int) -> NDArray[np.uint16]:
    """The greatest of the ``size`` samples from each sample on, for as many as have so many. By doubling: for all
    samples it takes less time than for every tenth one by itself."""
    peaks, width = loudness, 1
    while width < size:
        step = min(width, size - width)
        peaks = np.maximum(peaks[:-step], peaks[step:])
        width += step
    return peaks


class Recording:
    """A whole call in memory, int16 ``(frames, channels)``, as a reader."""

    def __init__(self, samples: NDArray[np.int16], rate_hz: int) -> None:
        self.samples = samples
        self.rate_hz = rate_hz
        self._lines: dict[int, Line] = {}

    def pcm(self, channel: int, start_ms: Ms, end_ms: Ms) -> NDArray[np.int16]:
        """See ``Reader.pcm``."""
        end_ms = min(end_ms, start_ms + MAX_READ_MS)
        start, stop = (max(0, (ms * self.rate_hz + 500) // 1000) for ms in (start_ms, end_ms))
        part = self.samples[start:stop, channel]
        before = max(0, -((start_ms * self.rate_hz + 500) // 1000))
        after = max(0, stop - start - len(part))
        return np.pad(part, (before, after)) if before or after else part

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """See ``Reader.line``."""
        line = self._lines.get(channel)
        if line is None:
            line = self._lines[channel] = Line()
            for start_ms in range(0, self.held(channel).end - LOOK_MS + 1, LOOK_EVERY_MS):
                line.hear([start_ms], self.pcm(channel, start_ms, start_ms + LOOK_MS)[None], self.rate_hz)
        return line.at(at_ms)

    def held(self, channel: int) -> Interval:
        """See ``Reader.held``."""
        return Interval(0, samples_to_ms(len(self.samples), self.rate_hz))

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        """See ``Reader.missing``."""
        return []


class Excerpt:
    """One channel's part of a reader, decoded once, as a reader: every word of a turn looks at the turn's sound.

    Made for one look and then dropped: decoded samples are twice as large as G.711 and out of date once more is held.
    """

    def __init__(self, reader: Reader, channel: int, part: Interval) -> None:
        """``part`` in ms. What is asked for outside comes from ``reader``."""
        held = reader.held(channel)
        self._reader = reader
        self._channel = channel
        self.rate_hz = reader.rate_hz
        # a last partial millisecond is held too
        stop_ms = min(part.end, held.end + 1, part.start + MAX_READ_MS)
        self._first = ms_to_samples(part.start, self.rate_hz)
        self._samples = reader.pcm(channel, part.start, stop_ms)
        self._ends = stop_ms > held.end
        """Nothing is held beyond."""
        self._beyond = ms_to_samples(_BEYOND_MS, self.rate_hz) if self._ends else 0
        self._whole = None if reader.missing(channel, part) else part
        """The part, where nothing of it is missing: asked about every word, and the answer is nearly always none."""
        self._step_samples = self.rate_hz // 1000 if self.rate_hz % 1000 == 0 else 1
        """Samples from the beginning of one frame in ``_peaks`` to that of the next: 1 ms, since frames are asked for
        at whole ms; 1 sample where 1 ms is no whole number of them."""
        self._louder: dict[int, bytes] = {}
        """By the greatest absolute sample of a pause: 1 for each frame of ``_peaks`` that is louder. Kept, since it is
        needed for every word."""

    def pcm(self, channel: int, start_ms: Ms, end_ms: Ms) -> NDArray[np.int16]:
        """See ``Reader.pcm``."""
        end_ms = min(end_ms, start_ms + MAX_READ_MS)
        start = ms_to_samples(start_ms, self.rate_hz) - self._first
        stop = ms_to_samples(end_ms, self.rate_hz) - self._first
        if channel != self._channel or start < 0 or stop < start:
            return self._reader.pcm(channel, start_ms, end_ms)
        if stop <= len(self._samples):
            return self._samples[start:stop]
        if not self._ends:
            return self._reader.pcm(channel, start_ms, end_ms)
        samples = np.zeros(stop - start, np.int16)
        known = self._samples[start:]
        samples[: len(known)] = known
        return samples

    def peaks(self, channel: int, start_ms: Ms, count: int) -> NDArray[np.uint16] | None:
        """As ``frame_peaks``; None where not all of the frames are in the excerpt."""
        place = self._place(channel, start_ms, count)
        return None if place is None else self._peaks[place]

    def louder(self, channel: int, start_ms: Ms, count: int, peak: int) -> bytes | None:
        """One byte per frame, as ``loud_frames``: 1 where it is louder than ``peak``; None as in ``peaks``."""
        place = self._place(channel, start_ms, count)
        if place is None:
            return None
        louder = self._louder.get(peak)
        if louder is None:
            louder = self._louder[peak] = (self._peaks > peak).tobytes()
        return louder[place]

    def _place(self, channel: int, start_ms: Ms, count: int) -> slice | None:
        """The frames' places in ``_peaks``; None where not all of the frames are in the excerpt."""
        size = FRAME_MS * self.rate_hz // 1000
        start = ms_to_samples(start_ms, self.rate_hz) - self._first
        stop = start + count * size
        if channel != self._channel or start < 0 or stop > len(self._samples) + self._beyond:
            return None
        return slice(start // self._step_samples, stop // self._step_samples, size // self._step_samples)

    @cached_property
    def _peaks(self) -> NDArray[np.uint16]:
        """The peaks of the frames that begin at every ``_step_samples``-th sample."""
        whole = np.zeros(len(self._samples) + self._beyond, np.uint16)
        whole[: len(self._samples)] = loudness(self._samples)
        return _peaks_from_each(whole, FRAME_MS * self.rate_hz // 1000)[:: self._step_samples].copy()

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """See ``Reader.line``."""
        return self._reader.line(channel, at_ms)

    def held(self, channel: int) -> Interval:
        """See ``Reader.held``."""
        return self._reader.held(channel)

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        """See ``Reader.missing``."""
        whole = self._whole
        if whole is not None and channel == self._channel and whole.start <= part.start and part.end <= whole.end:
            return []
        return self._reader.missing(channel, part)


def or_missing(frames: bytes, reader: Reader, channel: int, start_ms: Ms) -> bytes:
    """``frames`` (one byte per frame of ``FRAME_MS`` from ``start_ms``, 1 where it sounds), with 1 also where sound
    never came: it may have been speech. The same object where all sound came."""
    missing = reader.missing(channel, Interval(start_ms, start_ms + len(frames) * FRAME_MS))
    if not missing:
        return frames
    perhaps = bytearray(frames)
    for part in missing:
        first, stop = (part.start - start_ms) // FRAME_MS, min(len(frames), -((start_ms - part.end) // FRAME_MS))
        perhaps[first:stop] = b"\1" * (stop - first)
    return bytes(perhaps)
