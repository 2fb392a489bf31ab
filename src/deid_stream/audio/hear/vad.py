"""Where somebody speaks: WebRTC's voice activity detector, made a function of media time.

WebRTC's detector (Google, BSD; Gaussian mixtures over six sub-bands) adapts to the noise it has heard, so its answer
depends on where it started. Here every cell of a grid on absolute media time has a detector of its own, which hears the
cell once to adapt and a second time to decide. Asked for any window, cut in any way, the answer for a cell is the same.
Mode 0, the least likely to miss speech. To a fresh detector steady noise is often speech, so a frame must also stand
out from the noise that the line has been heard to have.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import QUIET_PEAK, loudness
from deid_stream.audio.codec.resample import resample
from deid_stream.audio.hold.line import LineLevel, frame_levels_db, quantile
from deid_stream.audio.hold.reader import Reader
from deid_stream.units import Interval, Ms, merge, ms_to_samples

FRAME_MS: Final = 20
CELL_MS: Final = 480
JOIN_MS: Final = 60
"""Pauses inside speech no longer than this (stops before plosives) count as speech. A larger value mutes more quiet
beside unread speech; a smaller one leaves parts of it."""
_NATIVE_HZ: Final = (8_000, 16_000, 32_000, 48_000)
_MODE: Final = 0
OVER_NOISE_DB: Final = 9.0
"""Speech is this much louder than the softest frames of the last seconds. A larger value lets speech pass that noise
all but drowns; a smaller one mutes noise."""
_SOFT_SHARE: Final = 0.1
_SHORTEST_PERIOD_US: Final = 2_500
_LONGEST_PERIOD_US: Final = 14_000
_VOICED_AT: Final = 0.5
"""Least correlation of a voice with itself a period later; noise of 500 Hz or more reaches 0.4 in one frame of a
hundred. A larger value misses hoarse voices under noise; a smaller one takes noise for a voice."""
_NOISY_DB: Final = 26.0
"""Steady noise from this level on (dB re one step of 16 bits) is louder than what counts as quiet, and hides the weak
half of syllables: the longer hangover applies. A larger value lets those pass; a smaller one mutes more noise."""
_HANGOVER_UNDER_NOISE_FRAMES: Final = 10
_HANGOVER_FRAMES: Final = 4
"""Audible frames at most this many frames from speech count as speech: weak onsets and dying syllables. Under noise
``_HANGOVER_UNDER_NOISE_FRAMES`` applies. A larger value mutes more beside unread speech; a smaller one leaves its
ends."""
_DYING_FRAMES: Final = 4
_RISING_FRAMES: Final = 2
"""Soft frames at most this many frames after (dying) and before (rising) a louder one are its end and its onset. A
larger value lets more of what is said softly beside it pass; a smaller one silences the decay of rooms."""


def speech(reader: Reader, channel: int, window: Interval) -> list[Interval]:
    """Speech within ``window`` (ms): intervals in ms, sorted and apart, judged on the whole cells around the window, as
    far as audio is held."""
    held = reader.held(channel)
    window = window.intersect(held)
    if window.end <= window.start:
        return []
    first = max(0, window.start // CELL_MS * CELL_MS)
    last = -(-window.end // CELL_MS) * CELL_MS
    pcm, rate_hz = reader.pcm(channel, first, last), reader.rate_hz
    found: list[Interval] = []
    for start_ms in range(first, last, CELL_MS):
        end_ms = min(start_ms + CELL_MS, held.end)
        low, high = (ms_to_samples(ms - first, rate_hz) for ms in (start_ms, end_ms))
        found += cell_speech(pcm[low:high], rate_hz, start_ms, reader.line(channel, start_ms + CELL_MS))
    return [part for part in (interval.intersect(window) for interval in _joined(found)) if part.length]


def cell_speech(pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms, line: LineLevel) -> Iterator[Interval]:
    """Speech in the samples of one cell on such a line, in whole frames, sorted and apart."""
    peak = int(np.maximum.reduce(loudness(pcm), initial=0))
    if peak <= line.quiet_peak:
        return
    samples, hz = _native(pcm, rate_hz)
    size = hz * FRAME_MS // 1000
    count = -(-len(samples) // size)
    if len(samples) < count * size:
        samples = np.pad(samples, (0, count * size - len(samples)), mode="edge")
    frames = samples.reshape(count, size)
    # two dozen frames: as the bits of a number they take a fraction of the time of arrays
    peaks = np.maximum.reduce(loudness(frames), axis=1).tolist()
    loud = _bits(value > line.faint_peak for value in peaks)
    detected = _bits(_detected(frames, hz, line.faint_peak)) if loud else 0
    # the detector misses soft speech; soft frames beside a louder sound are the end of that sound
    louder = _bits(value > line.soft_peak for value in peaks)
    soft = _bits(value > line.quiet_peak for value in peaks) & ~louder & ~_beside(louder, _DYING_FRAMES, _RISING_FRAMES)
    likely = _over_noise(pcm, rate_hz, count, line, faint=peak <= QUIET_PEAK)
    # under noise the weak half of every syllable does not stand out
    near = _HANGOVER_FRAMES if line.noise.sample_db < _NOISY_DB else _HANGOVER_UNDER_NOISE_FRAMES
    heard = loud & _beside(likely & detected, near, near) | soft & likely
    # correlation costs most, so only frames that it decides are correlated
    reaches = _beside(loud & ~heard, near, near)
    doubtful = list(_places(~likely & (detected & reaches | soft & ~heard)))
    if doubtful:
        voiced = sum(1 << at for at in itertools.compress(doubtful, _voiced(frames, hz, doubtful)))
        heard |= loud & _beside(voiced & detected, near, near) | soft & voiced
    first = last = -1
    for at in _places(heard):
        if at != last:
            if last >= 0:
                yield Interval(start_ms + first * FRAME_MS, start_ms + last * FRAME_MS)
            first = at
        last = at + 1
    if last >= 0:
        yield Interval(start_ms + first * FRAME_MS, start_ms + last * FRAME_MS)


def _bits(frames: Iterable[bool]) -> int:
    """As a number: bit n says whether frame n is one."""
    bits = 0
    for at, holds in enumerate(frames):
        if holds:
            bits |= 1 << at
    return bits


def _places(bits: int) -> Iterator[int]:
    """The frames of ``bits``, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits -= lowest


def _detected(frames: NDArray[np.int16], hz: int, faint_peak: int) -> list[bool]:
    """By frame: whether it is speech to WebRTC's detector, which knows speech by its level, too."""
    gain = (QUIET_PEAK // faint_peak) ** 2
    audible = np.clip(frames.astype(np.int32) * gain, -32_768, 32_767).astype(np.int16) if gain > 1 else frames
    encoded = [frame.tobytes() for frame in audible]
    detector = webrtcvad.Vad(_MODE)
    for frame in encoded:
        detector.is_speech(frame, hz)
    return [detector.is_speech(frame, hz) for frame in encoded]


def _beside(frames: int, after: int, before: int) -> int:
    """The frames (bits) that one of ``frames`` is at most so many ``after`` places earlier, or ``before`` places
    later; also beyond the last frame."""
    near = frames
    for shift in range(1, after + 1):
        near |= frames << shift
    for shift in range(1, before + 1):
        near |= frames >> shift
    return near


def _over_noise(pcm: NDArray[np.int16], rate_hz: int, count: int, line: LineLevel, *, faint: bool) -> int:
    """The frames (bits) that stand out from the line's steady noise, or where all of the cell is as soft as another
    line's noise (``faint``), from the cell's own softest frames: noise may just have begun. A cell that is cut short
    may hold nothing but a word."""
    over = 0
    faint = faint and count * FRAME_MS >= CELL_MS
    for level_db, noise_db in zip(frame_levels_db(pcm, rate_hz).tolist(), line.noise, strict=True):
        softest_db = quantile(level_db, _SOFT_SHARE)
        if not faint:
            softest_db = min(softest_db, noise_db)
        over |= _bits(frame_db > softest_db + OVER_NOISE_DB for frame_db in level_db[:count])
    return over


def _voiced(frames: NDArray[np.int16], hz: int, asked: Sequence[int]) -> list[bool]:
    """Of the frames ``asked``: whether the sound in each and the next repeats itself as a voice does: steady noise does
    not."""
    flat = np.empty(frames.size + 2, np.int32)
    flat[:2] = frames[0, 0]
    flat[2:] = frames.reshape(-1)
    steps = flat[1:] - flat[:-1]
    steps = (steps[1:] - steps[:-1]).reshape(frames.shape)  # rumble would pass for a very low voice
    following = [min(at + 1, len(steps) - 1) for at in asked]
    pairs = np.concatenate([steps[list(asked)], steps[following]], axis=1)
    first, last = hz * _SHORTEST_PERIOD_US // 1_000_000, hz * _LONGEST_PERIOD_US // 1_000_000
    # long enough that no period asked for meets the end of the sound
    size = 1 << (pairs.shape[1] + last).bit_length()
    spectrum = np.fft.rfft(pairs, size)
    likeness = np.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag), size)
    most = likeness[:, first : last + 1].max(axis=1)
    voiced: list[bool] = (most > _VOICED_AT * np.maximum(likeness[:, 0], 1.0)).tolist()
    return voiced


def _native(pcm: NDArray[np.int16], rate_hz: int) -> tuple[NDArray[np.int16], int]:
    """The samples at a rate the detector takes: its own, or the next one below."""
    if rate_hz in _NATIVE_HZ:
        return pcm, rate_hz
    hz = max(native for native in _NATIVE_HZ if native < rate_hz)
    return resample(pcm, rate_hz, hz), hz


def _joined(found: list[Interval]) -> list[Interval]:
    return [Interval(a, b - JOIN_MS) for a, b in merge(Interval(a, b + JOIN_MS) for a, b in found)]
