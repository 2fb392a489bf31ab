"""Numbers that are read out piece by piece, turn after turn, with words about the pieces ("so that is six, okay")."""

from typing import Final

from deid_stream.detect.rules.runs import only_dictation
from deid_stream.detect.vocabulary import word_set
from deid_stream.text.normalise import ends_in_word, normalise
from deid_stream.text.tokens import PLAIN

_CARRIERS: Final = word_set("pieces.carriers") | word_set("runs.fillers") | word_set("runs.fillers_late")
_FEW_DIGITS: Final = 3
"""A piece has at most this many digits; with one more it is a number by itself."""
_FEW_WORDS: Final = 4
"""At most this many words stand before the piece that begins a number. A larger value takes short numbers of longer
sentences for a beginning."""


def only_carried(low: str) -> bool:
    """Nothing in lower-case written ``low`` but a piece of a number and what is said about it."""
    return all(any(map(str.isdecimal, w)) or len(w) == 1 or w in _CARRIERS for w in PLAIN.findall(low))


def begins_number(text: str) -> bool:
    """One to three digits at the end of a short turn: the first piece of a number, or all of an answer."""
    if ends_in_word(text):
        return False
    written = normalise(text).text.lower()
    digits = sum(map(str.isdecimal, written))
    if not 0 < digits <= _FEW_DIGITS:
        return False
    words = PLAIN.findall(written)
    plain = [word for word in words if not any(map(str.isdecimal, word))]
    return words[-1].isdecimal() and len(plain) <= _FEW_WORDS


def goes_on(text: str) -> bool:
    """Begins with a digit, or is nothing else: the next piece."""
    written = normalise(text).text.lower()
    words = PLAIN.findall(written)
    if not any(map(str.isdecimal, written)):
        return False
    return words[0].isdecimal() or only_dictation(written) or only_carried(written)


def continues(before: str, after: str) -> bool:
    """Whether a number, or a word that is spelled, goes on from the text ``before`` into the text ``after``."""
    ends, begins = PLAIN.findall(normalise(before).text), PLAIN.findall(normalise(after).text)
    return bool(ends and begins) and _is_piece(ends[-1]) and _is_piece(begins[0])


def _is_piece(word: str) -> bool:
    return len(word) == 1 or any(map(str.isdecimal, word))
