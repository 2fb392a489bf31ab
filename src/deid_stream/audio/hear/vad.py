"""Where somebody speaks: WebRTC's voice activity detector, made a function of media time.

WebRTC's detector (Google, BSD; Gaussian mixtures over six sub-bands) adapts to the noise it has heard, so its answer
depends on where it started. Here every cell of a grid on absolute media time has a detector of its own, which hears the
cell once to adapt and a second time to decide. Asked for any window, cut in any way, the answer for a cell is the same,
and steady line noise is not speech as it is to a fresh detector. Mode 0, the least likely to miss speech.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import QUIET_PEAK, has_sound
from deid_stream.audio.codec.resample import resample
from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms, merge, ms_to_samples

FRAME_MS: Final = 20
CELL_MS: Final = 480
JOIN_MS: Final = 60
"""Pauses inside speech no longer than this (stops before plosives) count as speech."""
_NATIVE_HZ: Final = (8_000, 16_000, 32_000, 48_000)
_MODE: Final = 0
_HANGOVER_FRAMES: Final = 4
"""Audible frames this near to speech count as speech: weak onsets and dying syllables."""


def speech_intervals(pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms) -> list[Interval]:
    """Speech in mono int16 samples that begin at ``start_ms``: media-time intervals in ms, sorted and apart.

    Cells that the samples cover only in part are judged by that part; ``speech`` avoids it by reading whole cells.
    """
    end_ms = start_ms + len(pcm) * 1000 // rate_hz
    found: list[Interval] = []
    for cell in _cells(Interval(start_ms, end_ms)):
        low, high = (ms_to_samples(ms - start_ms, rate_hz) for ms in cell)
        found += _cell_speech(pcm[low:high], rate_hz, cell.start)
    return _joined(found)


def speech(reader: Reader, channel: int, window: Interval) -> list[Interval]:
    """Speech within ``window`` (ms), judged on the whole cells around it, as far as audio is held."""
    window = window.intersect(reader.held(channel))
    if window.end <= window.start:
        return []
    first = max(0, window.start // CELL_MS * CELL_MS)
    last = -(-window.end // CELL_MS) * CELL_MS
    found = speech_intervals(reader.pcm(channel, first, last), reader.rate_hz, first)
    return [part for part in (interval.intersect(window) for interval in found) if part.length]


def _cells(window: Interval) -> Iterator[Interval]:
    for start in range(window.start // CELL_MS * CELL_MS, window.end, CELL_MS):
        yield Interval(start, start + CELL_MS).intersect(window)


def _cell_speech(pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms) -> Iterator[Interval]:
    if not has_sound(pcm):
        return
    samples, hz = _native(pcm, rate_hz)
    size = hz * FRAME_MS // 1000
    count = -(-len(samples) // size)
    frames = np.zeros((count, size), np.int16)
    frames.reshape(-1)[: len(samples)] = samples
    detector = webrtcvad.Vad(_MODE)
    loud = (frames.max(axis=1) > QUIET_PEAK) | (frames.min(axis=1) < -QUIET_PEAK)
    encoded = [frame.tobytes() for frame in frames]
    for frame in encoded:
        detector.is_speech(frame, hz)
    spoken = [detector.is_speech(frame, hz) for frame in encoded]
    for at in np.flatnonzero(loud).tolist():
        if any(spoken[max(0, at - _HANGOVER_FRAMES) : at + _HANGOVER_FRAMES + 1]):
            yield Interval(start_ms + at * FRAME_MS, start_ms + (at + 1) * FRAME_MS)


def _native(pcm: NDArray[np.int16], rate_hz: int) -> tuple[NDArray[np.int16], int]:
    """The samples at a rate the detector takes: its own, or the next one below."""
    if rate_hz in _NATIVE_HZ:
        return pcm, rate_hz
    hz = max(native for native in _NATIVE_HZ if native < rate_hz)
    return resample(pcm, rate_hz, hz), hz


def _joined(found: list[Interval]) -> list[Interval]:
    return [Interval(a, b - JOIN_MS) for a, b in merge(Interval(a, b + JOIN_MS) for a, b in found)]
