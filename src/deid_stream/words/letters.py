"""Letters and digits as text and words are compared by: case, width, accents and punctuation do not count."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from deid_stream.units import CharIndex

_ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_FIRST_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"


class Token(NamedTuple):
    """A run of letters and digits: folded, and where it stands (characters)."""

    letters: str
    start: CharIndex
    end: CharIndex


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """What of one character counts; vowel signs of scripts that write them as marks do, accents do not."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(
        c
        for c in plain
        if c.isalnum() or (unicodedata.category(c)[0] == "M" and not _FIRST_ACCENT <= c <= _LAST_ACCENT)
    )


def tokens(text: str) -> list[Token]:
    """The runs of letters and digits of ``text``, in order. A mark alone begins no run."""
    if text.isascii():
        return [Token(match[0].lower(), match.start(), match.end()) for match in _ASCII_RUN.finditer(text)]
    found: list[Token] = []
    letters: list[str] = []
    start = 0
    for at, character in enumerate(text):
        folded = _folded(character)
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
    """All that counts of ``text``, run together."""
    return "".join(token.letters for token in tokens(text))
