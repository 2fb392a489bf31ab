"""How exact a recogniser's word times are, learned from a whole call: against the pauses that can be heard.

A word beside a pause starts where the sound starts. The distance is the recogniser's error there, whichever way; at a
word's end only an early end counts, because many recognisers let a word last into the pause.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.units import Ms

FRAME_MS: Final = 10
PAUSE_MS: Final = 300
"""Between two words of a channel, as the recogniser has it, for the edges to be compared."""
SEARCH_MS: Final = 600
AUDIBLE_DB: Final = -35.0
MIN_EDGES: Final = 8
"""Fewer say too little; then nothing is learned."""
PERCENTILE: Final = 90.0
_PROFILES: Final = ((45, "exact"), (70, "50ms"), (150, "100ms"))


class TimedWord(NamedTuple):
    channel: int
    start_ms: Ms
    end_ms: Ms


def timing_error_ms(samples: NDArray[np.int16], rate_hz: int, words: Sequence[TimedWord]) -> float | None:
    """The 90th percentile of the errors at pauses; None where there are too few. ``samples`` is (frames, channels)."""
    errors: list[Ms] = []
    for channel in range(samples.shape[1]):
        own = sorted((word.start_ms, word.end_ms) for word in words if word.channel == channel)
        errors += _errors(_sounding(samples[:, channel], rate_hz), own)
    return float(np.percentile(errors, PERCENTILE)) if len(errors) >= MIN_EDGES else None


def learned_profile(samples: NDArray[np.int16], rate_hz: int, words: Sequence[TimedWord]) -> str | None:
    """The name of the timing profile that fits; None where nothing can be learned."""
    error_ms = timing_error_ms(samples, rate_hz, words)
    if error_ms is None:
        return None
    return next((name for limit_ms, name in _PROFILES if error_ms <= limit_ms), "300ms")


def _sounding(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.bool_]:
    """By 10 ms frame: louder than 35 dB below the channel's own speech."""
    size = rate_hz * FRAME_MS // 1000
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    level = np.sqrt(np.mean(frames**2, axis=1))
    if not level.any():
        return np.zeros(len(level), np.bool_)
    speech = level[level > level.max() * 0.05]
    sounding: NDArray[np.bool_] = level > np.sqrt(np.mean(speech**2)) * 10 ** (AUDIBLE_DB / 20)
    return sounding


def _errors(sounding: NDArray[np.bool_], words: Sequence[tuple[Ms, Ms]]) -> Iterator[Ms]:
    for i, (start_ms, end_ms) in enumerate(words):
        before = start_ms - (words[i - 1][1] if i else 0)
        after = (words[i + 1][0] if i + 1 < len(words) else len(sounding) * FRAME_MS) - end_ms
        if before >= PAUSE_MS:
            onset = _first(sounding, start_ms - min(before // 2, SEARCH_MS), start_ms + SEARCH_MS)
            if onset is not None:
                yield abs(start_ms - onset)
        if after >= PAUSE_MS:
            reversed_end = len(sounding) * FRAME_MS - end_ms
            offset = _first(sounding[::-1], reversed_end - min(after // 2, SEARCH_MS), reversed_end + SEARCH_MS)
            if offset is not None:
                yield max(0, reversed_end - offset)


def _first(sounding: NDArray[np.bool_], from_ms: Ms, to_ms: Ms) -> Ms | None:
    """Where sound begins within a stretch that begins silent; None where it does not."""
    first = max(0, from_ms // FRAME_MS)
    window = sounding[first : to_ms // FRAME_MS]
    if not window.any() or window[0]:
        return None
    return (first + int(window.argmax())) * FRAME_MS
