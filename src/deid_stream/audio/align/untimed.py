"""Place words on the audio by the VAD alone, where there are no times and no forced aligner (extra ``align``)."""

from collections.abc import Sequence
from typing import NamedTuple

from deid_stream.audio.align.believable import TimedWord
from deid_stream.audio.hear import vad
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Word
from deid_stream.units import Interval, Ms

SHORTEST_SPEECH_MS: Ms = 200


class Placed(NamedTuple):
    """Words with guessed times, and how far these may be off."""

    words: list[TimedWord]
    error_ms: Ms


def in_proportion(reader: Reader, channel: int, window: Interval, words: Sequence[Word]) -> Placed | None:
    """Words laid over the speech in ``window`` (ms) by their length; None when there is too little speech for them.

    The speaking rate within a turn varies, so the uncertainty grows with the turn.
    """
    speech = vad.speech(reader, channel, window)
    total_ms = sum(part.length for part in speech)
    weights = [_weight(word.text) for word in words]
    if not words or total_ms < max(SHORTEST_SPEECH_MS, 25 * sum(weights)):
        return None
    scale = total_ms / sum(weights)
    timed: list[TimedWord] = []
    said = 0.0
    for word, weight in zip(words, weights, strict=True):
        start, end = said * scale, (said + weight) * scale
        timed.append(TimedWord(word.text, _in_speech(speech, start), _in_speech(speech, end)))
        said += weight
    return Placed(timed, max(300, total_ms // 8))


def _weight(text: str) -> int:
    """Length of a word in letters; a digit stands for a word of four."""
    return 2 + sum(4 if character.isdigit() else 1 for character in text if character.isalnum())


def _in_speech(speech: Sequence[Interval], spoken_ms: float) -> Ms:
    """Media time at which so much speech has gone by."""
    left = spoken_ms
    for part in speech:
        if left <= part.length:
            return part.start + round(left)
        left -= part.length
    return speech[-1].end
