"""How exact a recogniser's word times are, learned from a whole call: against the pauses that can be heard.

A word after a pause starts where the sound starts. The distance between the stated and the heard start is the
recogniser's error, be it early or late. At a word's end only an end stated too early counts, because many recognisers
let a word last into the pause. The worst tenth of the errors is left out, since a breath is easily taken for a word.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.hold.line import quantile
from deid_stream.units import Ms

FRAME_MS: Final = 10
PAUSE_MS: Final = 300
"""Only edges beside a pause of at least this length, as the recogniser states it, are compared with the sound. A larger
value compares fewer edges; a smaller one compares edges whose pause may not be heard."""
SEARCH_MS: Final = 600
"""How far about a stated edge its sound is looked for; larger errors are not measured."""
AUDIBLE_DB: Final = -35.0
"""Relative to the level of the channel's speech: what is softer counts as a pause. A larger value (nearer to 0) takes
soft onsets for a pause, and times are then thought worse than they are."""
NOISE_SHARE: Final = 0.1
"""At least this share of a channel's frames are pauses: the level of the loudest of these is the channel's steady
noise. A larger value takes the speech of a channel that seldom pauses for noise, and times are then thought worse than
they are."""
OVER_NOISE_DB: Final = 6.0
"""Sound is this much louder than the steady noise. A larger value misses soft onsets; a smaller one takes the louder
moments of noise for sound."""
MIN_EDGES: Final = 8
"""With fewer edges nothing is learned. A larger value leaves more short calls with the default profile; a smaller one
lets a few edges decide."""
COUNTED: Final = 0.9
"""Share of the errors that count, from the smallest up. A larger value lets breaths make times look worse."""
LATE: Final = 0.75
"""Times are late as a whole where the median error of the starts is at least this share of the root mean square. A
larger value finds fewer recognisers late, and takes the profile ``300ms`` for them."""
_PROFILES: Final = ((19, "exact"), (29, "50ms"), (62, "100ms"))
"""Greatest root mean square of the errors, ms. Errors of up to 50 ms have one of 23 to 38, of up to 100 ms 34 to 64 in
nine of ten synthetic calls."""


class TimedWord(NamedTuple):
    channel: int
    start_ms: Ms
    end_ms: Ms


class Errors(NamedTuple):
    """``starts`` are positive where the word was stated too late, ``ends`` where it was ended too early."""

    starts: list[Ms]
    ends: list[Ms]

    @property
    def rms_ms(self) -> float | None:
        """Root mean square without the worst; None where there are too few."""
        smallest = sorted(map(abs, [*self.starts, *self.ends]))
        if len(smallest) < MIN_EDGES:
            return None
        return float(np.sqrt(np.mean(np.square(smallest[: math.ceil(COUNTED * len(smallest))]))))


def timing_errors(samples: NDArray[np.int16], rate_hz: int, words: Sequence[TimedWord]) -> Errors:
    """The errors beside pauses, over all channels. ``samples`` is (frames, channels)."""
    found = Errors([], [])
    for channel in range(samples.shape[1]):
        own = sorted((word.start_ms, word.end_ms) for word in words if word.channel == channel)
        _compare(_sounding(samples[:, channel], rate_hz), own, found)
    return found


def learned_profile(samples: NDArray[np.int16], rate_hz: int, words: Sequence[TimedWord]) -> str | None:
    """The name of the timing profile that fits; None where nothing can be learned."""
    errors = timing_errors(samples, rate_hz, words)
    rms_ms = errors.rms_ms
    if rms_ms is None:
        return None
    late = bool(errors.starts) and float(np.median(errors.starts)) >= LATE * rms_ms
    return next((name for limit_ms, name in _PROFILES if rms_ms <= limit_ms), "late" if late else "300ms")


def _sounding(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.bool_]:
    """By 10 ms frame: louder than 35 dB below the channel's own speech, and than its steady noise."""
    size = rate_hz * FRAME_MS // 1000
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not level.any():
        return np.zeros(len(level), np.bool_)
    speech = level[level > level.max() * 0.05]
    audible = float(np.sqrt(np.mean(speech**2))) * 10 ** (AUDIBLE_DB / 20)
    over_noise = quantile(level, NOISE_SHARE) * 10 ** (OVER_NOISE_DB / 20)
    sounding: NDArray[np.bool_] = level > max(audible, over_noise)
    return sounding


def _compare(sounding: NDArray[np.bool_], words: Sequence[tuple[Ms, Ms]], found: Errors) -> None:
    for i, (start_ms, end_ms) in enumerate(words):
        before = start_ms - (words[i - 1][1] if i else 0)
        after = (words[i + 1][0] if i + 1 < len(words) else len(sounding) * FRAME_MS) - end_ms
        if before >= PAUSE_MS:
            onset = _first(sounding, start_ms - min(before // 2, SEARCH_MS), start_ms + SEARCH_MS)
            if onset is not None:
                found.starts.append(start_ms - onset)
        if after >= PAUSE_MS:
            reversed_end = len(sounding) * FRAME_MS - end_ms
            offset = _first(sounding[::-1], reversed_end - min(after // 2, SEARCH_MS), reversed_end + SEARCH_MS)
            if offset is not None:
                found.ends.append(max(0, reversed_end - offset))


def _first(sounding: NDArray[np.bool_], from_ms: Ms, to_ms: Ms) -> Ms | None:
    """Where sound begins within a stretch that begins silent; None where it does not."""
    first = max(0, from_ms // FRAME_MS)
    window = sounding[first : to_ms // FRAME_MS]
    if not window.any() or window[0]:
        return None
    return (first + int(window.argmax())) * FRAME_MS
