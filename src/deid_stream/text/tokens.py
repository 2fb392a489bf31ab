"""What a word is, for every room that cuts text: letters, marks, digits, and the fold that makes two spellings one.

A text is cut into words, digit groups and signs, each with its place and its word class. Letters include the
combining marks that follow them, without which no word of Hindi or Tamil stays in one piece.
"""

import re
import sys
import unicodedata
from typing import Final

from deid_stream.text.languages import SHORTEST_DRAWN, Lexicon, WordClass, undrawn
from deid_stream.units import CharIndex

_MARK_BLOCKS: Final = ((0x0300, 0x0370), (0x0483, 0x0488), (0x0591, 0x05C8), (0x0610, 0x0700), (0x0900, 0x0F00))
_JOINERS: Final = "\u200c\u200d"
MARKS: Final = _JOINERS + "".join(
    chr(code)
    for first, end in _MARK_BLOCKS
    for code in range(first, end)
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
"""Characters that are no letters to Python but part of the word before them."""
_LETTERS: Final = rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*"
_CHARS: Final = rf"[^\W_]+(?:[{MARKS}]+[^\W_]*)*"
TOKEN: Final = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})*|\d+|[^\w\s]|_")
WORD: Final = re.compile(rf"{_CHARS}(?:['’-]{_CHARS})*")
"""Letters and digits, with apostrophes and hyphens inside: "o'brien-smith" is one word."""
DOTTED: Final = re.compile(rf"{_CHARS}(?:['’.-]{_CHARS})*")
"""The same with dots inside: "10.5", "u.k"."""
PLAIN: Final = re.compile(_CHARS)
"""Letters and digits alone: "o'brien" is two words."""
LETTERS: Final = re.compile(_LETTERS)
NAME_PATTERN: Final = rf"{_LETTERS}(?:['’-]{_LETTERS})*"
NAME: Final = re.compile(NAME_PATTERN)
"""Letters alone, with apostrophes and hyphens inside."""
DIGIT_SIGNS: Final = {
    code: str(int(value))
    for code in range(sys.maxunicode + 1)
    if (value := unicodedata.numeric(chr(code), -1)) in range(10) and not chr(code).isdecimal()
}
"""Digits that are no decimal characters: circled, dingbat, raised, lowered, Roman, Chinese ("④", "❹", "⁴", "Ⅳ",
"四")."""
_HAS_DIGIT_SIGN: Final = re.compile("[" + "".join(map(chr, DIGIT_SIGNS)) + "]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")


_ACCENTS: Final = frozenset(map(chr, range(*_MARK_BLOCKS[0])))


def is_word_char(char: str) -> bool:
    """A letter, a digit, or a mark that belongs to one."""
    return char.isalnum() or char in MARKS


def plain_digits(text: str) -> str:
    """``text`` with every digit sign as its decimal digit; the same length."""
    return text if text.isascii() or not _HAS_DIGIT_SIGN.search(text) else text.translate(DIGIT_SIGNS)


def fold(text: str) -> str:
    """The form under which two writings of one term are equal: no case, no accents on capitals, nothing invisible."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold().replace("i\u0307", "i")


_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухѕіјһѵԁԛԝкмтпгвнєɑοανρτυκιεχγѡոսօցհզյɡıɩʏ",
    "aeopcyxsijhvdqwkmtnrbheaoavptukiexywnuoghqjgiiy",
)
"""Letters of other scripts that are read as Latin ones, lower case."""


def skeleton(low: str) -> str:
    """Lower-case ``low`` as it looks: letters of other scripts as the Latin ones they look like; the same length."""
    return low if low.isascii() else low.translate(_LOOK_ALIKES)


def without_accents(text: str) -> str:
    """``text`` without the marks above and below letters ("zürich"): recognisers write names with them or without."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c not in _ACCENTS)


def _plain_letters(low: str) -> str:
    """A word in full-width, mathematical or look-alike letters in ordinary ones; the same length, else as it is."""
    plain = unicodedata.normalize("NFKC", low).lower()
    return skeleton(plain) if len(plain) == len(low) else low


class Tokens:
    """Parallel lists over the tokens of one text: start, end, lower-case form, word class (0: none)."""

    __slots__ = ("classes", "ends", "lows", "starts", "text")

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        starts: list[CharIndex] = []
        ends: list[CharIndex] = []
        lows: list[str] = []
        plain = plain_digits(text)
        known = lexicon.classes
        for match in TOKEN.finditer(plain):
            start, end = match.span()
            starts.append(start)
            ends.append(end)
            low = plain[start:end].lower()
            if not low.isascii() and low not in known:
                low = _plain_letters(low)
            if low not in known and len(low) > SHORTEST_DRAWN and (once := undrawn(low)) != low:
                low = lexicon.drawn.get(once, low)
            lows.append(low)
        self.starts = starts
        self.ends = ends
        self.lows = lows
        digits = int(WordClass.DIGITS)
        self.classes = [known.get(low) or (digits if low[0].isdecimal() else 0) for low in lows]

    def __len__(self) -> int:
        return len(self.starts)

    def spaced(self, left: int, right: int) -> bool:
        """Only white space lies between two neighbouring tokens, and there is some."""
        gap = self.text[self.ends[left] : self.starts[right]]
        return bool(gap) and gap.isspace()
