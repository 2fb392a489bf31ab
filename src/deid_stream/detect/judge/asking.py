"""Turns in which nothing is a person's name: a question for a letter, an answer to "how many"."""

import re
from typing import Final

from deid_stream.detect.judge.addresses import NUMBERS, number_words
from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import GIVEN_NAMES
from deid_stream.model.entities import EntityType as T

NUMBERS_HI: Final = number_words("hi_latn") - GIVEN_NAMES
"""Number words of Hindi that are no given names ("das" is one)."""
_LETTER: Final = r"(?:an? |double )?(?:[a-z](?: (?:for|as in|like) [a-z]+)?|[a-z] [a-z]|[aeiouy]{2})"
_ASKED_LETTERS: Final = 80
"""A question for a letter has at most this many characters. A larger value only costs time."""
_LETTER_ASKED: Final = re.compile(
    r"(?:(?:so|sorry|and|um|uh|erm)[ ,]+)*(?:(?:is|was) (?:that|it|this)|did you say|do you mean|you said|sorry)[ ,]+"
    rf"(?:with )?{_LETTER}(?:,? or {_LETTER}){{0,2}}(?: please| sir| madam)?\W*"
    rf"|(?:with )?{_LETTER}(?:,? or (?:with )?{_LETTER}){{1,2}}\W*"
)
"""A turn that holds a question for one letter and nothing else."""


def asks_letters(view: View) -> bool:
    """Whether the turn only asks which letter was said: "is that b for bravo or p for papa", "was it i e or e i"."""
    said = view.written.source
    if view.expected or view.open_run is not None or len(said) > _ASKED_LETTERS:
        return False
    return _LETTER_ASKED.fullmatch(said.lower()) is not None


def says_how_many(view: View, lows: list[str]) -> bool:
    """Whether ``lows`` (words in lower case) are only numbers, in answer to "how many" or "kitne"."""
    return view.quantity_asked and T.PERSON not in view.expected and all(w in NUMBERS_HI or w in NUMBERS for w in lows)
