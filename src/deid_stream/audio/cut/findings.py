"""What a second recogniser reads in released audio inside a silenced span is a find.

A recogniser may read nothing where hundreds of milliseconds of speech remain. So no find proves little, but a find
proves a fault.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.cut import silence
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Word
from deid_stream.model.spans import AudioSpan
from deid_stream.units import Interval, Ms
from deid_stream.words.letters import letters

TIMING_ERROR_MS: Final = 200
"""Whisper's words lie this far off often: one at the border of a span is taken for its neighbour."""
KNOWN_WITHIN_MS: Final = 1_500
AUDIBLE_MS: Final = 50
AUDIBLE_PEAK: Final = 96
"""Above comfort noise (at most 69, ``audio.cut.silence``), below any speech."""
TONE_ERROR: Final = 0.1
"""What a tone's codec and its fades leave beside it, as a share of its amplitude."""
FRAME_MS: Final = 10


def findings(
    heard: Sequence[Word], spans: Sequence[AudioSpan], reader: Reader, published: Sequence[Word] = ()
) -> list[AudioSpan]:
    """Where in the silenced ``spans`` of one channel the second recogniser still ``heard`` a word.

    ``reader`` holds the released audio: Whisper stretches words over silence, so a word counts only where at least
    ``AUDIBLE_MS`` of its time in the span sounds. ``published`` are the words of the sanitized transcript: one of them
    heard nearby is no find. The result carries the times of the word and the type of its span, never what was heard.
    """
    found: list[AudioSpan] = []
    for word in heard:
        if word.start_ms is None or word.end_ms is None or not letters(word.text):
            continue
        middle = (word.start_ms + word.end_ms) // 2
        for span in spans:
            slack = min(TIMING_ERROR_MS, (span.end_ms - span.start_ms) // 4)
            if not span.start_ms + slack <= middle < span.end_ms - slack or _published(word, middle, published):
                continue
            inside = Interval(word.start_ms, word.end_ms).intersect(Interval(span.start_ms, span.end_ms))
            if _audible_ms(reader, span.channel, inside) >= AUDIBLE_MS:
                found.append(AudioSpan(word.start_ms, word.end_ms, span.channel, span.entity_type))
                break
    return found


def _audible_ms(reader: Reader, channel: int, interval: Interval) -> Ms:
    frames = range(interval.start, interval.end, FRAME_MS)
    return sum(FRAME_MS for at in frames if _sounds(reader.pcm(channel, at, at + FRAME_MS), reader.rate_hz))


def _sounds(frame: NDArray[np.int16], rate_hz: int) -> bool:
    """Whether a frame holds more sound than what the operator put there: comfort noise, or a tone with its codec's
    error."""
    if not len(frame):
        return False
    samples = frame.astype(np.float64)
    turning = np.exp(-2j * np.pi * silence.TONE_HZ / rate_hz * np.arange(len(frame)))
    tone = 2 * np.mean(samples * turning)
    rest = samples - np.real(tone * np.conj(turning))
    return bool(np.abs(rest).max() > max(AUDIBLE_PEAK, TONE_ERROR * abs(tone)))


def _published(word: Word, middle_ms: Ms, published: Sequence[Word]) -> bool:
    said = letters(word.text)
    near = Interval(middle_ms - KNOWN_WITHIN_MS, middle_ms + KNOWN_WITHIN_MS)
    return any(
        known.start_ms is not None
        and known.end_ms is not None
        and Interval(known.start_ms, known.end_ms).overlaps(near)
        and letters(known.text) == said
        for known in published
    )
