"""How long words last: the shortest and longest believable time of one, and how much sound a text can take."""

from collections.abc import Iterable, Sequence
from typing import Final

from deid_stream.model.events import Word
from deid_stream.units import Ms

_FAST_LETTER_MS: Final = 45
_FAST_DIGIT_MS: Final = 200
"""Shortest sound of a letter (ms), as nobody speaks faster for a whole utterance. Larger values refuse the words of
fast speakers without word times, and smaller ones let a segment's words stand where there is no room for them."""
_ROOM_MS: Final = 250
"""By this factor more may sound than a text's letters usually take."""


def duration_bounds(text: str) -> tuple[Ms, Ms]:
    """Shortest and longest believable stated duration of a word: letters go by at 10 to 200 ms each, a digit is a
    word. Recognisers let words last into pauses, so the upper bound is far above ``longest_sound_ms``."""
    digits, letters = _counts(text)
    return max(10, 10 * letters + 40 * digits), 1000 + 200 * letters + 800 * digits


def longest_sound_ms(text: str) -> Ms:
    """How long one word can sound, said slowly; 0 without letters or digits.

    A larger value lets more sound pass on the word of a transcript that lacks words; a smaller one mutes the slowest
    speakers. Conversational speech takes 60 to 90 ms a letter.
    """
    if text.isalpha():  # most words; each is asked about several times
        return 400 + 120 * len(text)
    digits, letters = _counts(text)
    return 400 + 120 * letters + 700 * digits if digits or letters else 0


def most_sound_ms(words: Iterable[str]) -> Ms:
    """How much sound a run of words can take, its pauses not counted; 0 without letters or digits.

    Less a word than ``longest_sound_ms``: one word may be drawn out, a whole turn is not. Measured speech takes 50 to
    85 ms per letter, and a quarter of a second for a letter that is spelled. A larger value lets more sound pass beside
    a text that lacks words; a smaller one mutes slow speakers whose recogniser gives no word times.
    """
    digits = letters = spelled = spoken = 0
    for in_digits, in_letters in map(_counts, words):
        digits += in_digits
        letters += in_letters
        spelled += in_letters == 1 and not in_digits
        spoken += bool(in_letters or in_digits)
    return _ROOM_MS + 20 * spoken + 85 * letters + 200 * spelled + 600 * digits if spoken else 0


def usual_sound_ms(words: Iterable[str]) -> Ms:
    """How much sound a run of words takes where they are said slowly, and nothing more."""
    return max(0, most_sound_ms(words) - _ROOM_MS)


def least_sound_ms(words: Iterable[str]) -> Ms:
    """How much sound a run of words takes at least: no faster does anybody speak for a whole utterance."""
    return sum([_FAST_DIGIT_MS * digits + _FAST_LETTER_MS * letters for digits, letters in map(_counts, words)])


def sharing_time(words: Sequence[Word], at: int) -> Sequence[Word]:
    """The word ``at`` and those after it that have no time but its end, as recognisers give the last words of a
    segment: they are said in its time."""
    stop = at + 1
    while stop < len(words) and words[stop].start_ms == words[stop].end_ms == words[at].end_ms is not None:
        stop += 1
    return words[at:stop]


def _counts(text: str) -> tuple[int, int]:
    if text.isalpha():  # most words; each of them is counted several times
        return 0, len(text)
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return digits, letters
