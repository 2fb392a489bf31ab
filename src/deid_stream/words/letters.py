"""The form in which text and words are compared: letters and digits, without case, width, accents and punctuation."""

import re
import unicodedata
from typing import Final, NamedTuple

from deid_stream.text.tokens import fold
from deid_stream.units import CharIndex

_ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")


class Token(NamedTuple):
    """A run of letters and digits: folded, and where it stands (characters)."""

    letters: str
    start: CharIndex
    end: CharIndex


def ascii_runs(text: str) -> list[tuple[CharIndex, CharIndex]]:
    """Where the ``tokens`` of an ASCII text stand."""
    return [match.span() for match in _ASCII_RUN.finditer(text)]


def same_runs(one: str, other: str) -> bool:
    """Whether two ASCII texts have the same ``tokens``, whatever stands between them."""
    return _ASCII_RUN.findall(one.lower()) == _ASCII_RUN.findall(other.lower())


def tokens(text: str) -> list[Token]:
    """The runs of letters and digits of ``text``, in order. A mark alone begins no run."""
    if text.isascii():
        if text.isalnum():  # most words; each is looked at several times
            return [Token(text.lower(), 0, len(text))]
        return [Token(match[0].lower(), match.start(), match.end()) for match in _ASCII_RUN.finditer(text)]
    found: list[Token] = []
    letters: list[str] = []
    start = 0
    for at, character in enumerate(text):
        folded = fold(character)
        if folded and (letters or character.isalnum() or folded.isalnum()):
            if not letters:
                start = at
            letters.append(folded)
        elif letters and not _joins(character):
            found.append(Token("".join(letters), start, at))
            letters = []
    if letters:
        found.append(Token("".join(letters), start, len(text)))
    return found


def _joins(character: str) -> bool:
    """Marks and invisible joiners stand within a word."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def letters(text: str) -> str:
    """The letters and digits of ``text`` in that form, without anything between them."""
    return "".join(token.letters for token in tokens(text))
