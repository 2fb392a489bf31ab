"""Place words on the audio by the VAD alone, where there are no times and no forced aligner (extra ``align``)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.align.believable import TimedWord
from deid_stream.audio.hear import vad
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval, Ms, merge
from deid_stream.words.durations import least_sound_ms

SHORTEST_SPEECH_MS: Ms = 200
BETWEEN_MS: Final = 680
"""A pause of this length may part a recogniser's utterances. A larger value takes more of the speech before along, and
words may then be found there; a smaller one parts what was said in one go: its beginning is then silenced."""
_LEAST_ERROR_MS: Final = 450
"""Words laid over speech in proportion may be off by this much even in a short turn. A larger value silences more about
values."""
_ERROR_SHARE: Final = 6
"""Words that are laid over speech in proportion are off by up to the speech's length divided by this. A larger value
leaves the ends of values in long turns; a smaller one silences more about them."""


class Placed(NamedTuple):
    """Words with guessed times, and how far these may be off."""

    words: list[TimedWord]
    error_ms: Ms


def narrowed(segment: Segment, reader: Reader, channel: int) -> Segment:
    """A segment of which only a stretch is known that holds it, with the stretch that its words took: the last speech
    in it, as much as they need at least, back to a pause. Speech before that is another segment's, or nobody's. Where
    the sound ends within the stretch, so does that."""
    if segment.timed:
        return segment
    ended_ms = reader.held(channel).end
    if segment.start_ms < ended_ms < segment.end_ms:
        segment = msgspec.structs.replace(segment, end_ms=ended_ms)
    whole = Interval(segment.start_ms, segment.end_ms)
    # what never came may have been speech
    speech = merge([*vad.speech(reader, channel, whole), *reader.missing(channel, whole)])
    least_ms = least_sound_ms(segment.text.split())
    heard_ms = 0
    for later, part in pairwise(reversed(speech)):
        heard_ms += later.length
        if heard_ms >= least_ms and later.start - part.end >= BETWEEN_MS:
            return msgspec.structs.replace(segment, start_ms=later.start)
    return segment


def goes_on(reader: Reader, channel: int, at_ms: Ms) -> bool:
    """Whether an utterance is going on at ``at_ms``, or may be: people speak less than a pause between utterances
    before it, or nobody knows any more."""
    return at_ms - BETWEEN_MS < reader.held(channel).start > 0 or bool(
        vad.speech(reader, channel, Interval(max(0, at_ms - BETWEEN_MS), at_ms))
    )


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
    return Placed(timed, max(_LEAST_ERROR_MS, total_ms // _ERROR_SHARE))


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
