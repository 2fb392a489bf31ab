"""Defines what a word is, for all code that cuts text: letters, marks and digits; and the fold, under which two
spellings of a word are equal.

A text is cut into words, digit groups and signs, each with its place and its word class. Letters include the combining
marks that follow them, without which no word of Hindi or Tamil stays in one piece.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from typing import Final

from deid_stream.text.languages import SEVERAL, SHORTEST_DRAWN, Lexicon, WordClass, undrawn
from deid_stream.units import CharIndex

_MARK_BLOCKS: Final = ((0x0300, 0x0370), (0x0483, 0x0488), (0x0591, 0x05C8), (0x0610, 0x0700), (0x0900, 0x0F00))
_JOINERS: Final = "\u200c\u200d"
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\ufeff"
)
"""Invisible characters: soft hyphens, blanks of no width, signs of direction. Inside a word they are ignored."""
MARKS: Final = f"{_JOINERS}{_INVISIBLE}" + "".join(
    chr(code)
    for first, end in _MARK_BLOCKS
    for code in range(first, end)
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
"""Characters that are no letters to Python but part of the word before them."""
_LETTERS: Final = rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*"
_CHARS: Final = rf"[^\W_]+(?:[{MARKS}]+[^\W_]*)*"


def word(inside: str = "", *, digits: bool = True) -> str:
    """The pattern of the one word that there is: letters with their marks, and ``digits``, in parts that each of the
    signs ``inside`` may join. Every room that cuts a text into words names here which signs join them."""
    part = _CHARS if digits else _LETTERS
    return rf"{part}(?:[{re.escape(inside)}]{part})*" if inside else part


TOKEN: Final = re.compile(word("'’", digits=False) + r"|\d+|[^\w\s]|_")
"""Words without digits, runs of digits, and signs one by one."""
WORD: Final = re.compile(word("'’-"))
"""Letters and digits, with apostrophes and hyphens inside: "o'brien-smith" is one word."""
DOTTED: Final = re.compile(word("'’.-"))
"""The same with dots inside: "10.5", "u.k"."""
PLAIN: Final = re.compile(word())
"""Letters and digits alone: "o'brien" is two words."""
LETTERS: Final = re.compile(word(digits=False))
NAME_PATTERN: Final = word("'’-", digits=False)
NAME: Final = re.compile(NAME_PATTERN)
POSSESSIVES: Final = ("'s", "’s")
"""Endings (in lower case) that are no part of a name."""
"""Letters alone, with apostrophes and hyphens inside."""
STRETCH: Final = re.compile(r"[^\s,;:()\[\]{}\"|<>!?…“”„«»—–]+")
"""What the model was trained to read as one word: all that stands between blanks, brackets and signs of a sentence. To
change it is to train the model again."""
_LAST_PLANE_END: Final = 0x40000
"""Unicode writes text in the planes before this code; those after it have no numbers (a test looks)."""
DIGIT_SIGNS: Final = {
    ord(char): str(int(value))
    for char in filter(str.isnumeric, map(chr, range(_LAST_PLANE_END)))
    if not char.isdecimal() and (value := unicodedata.numeric(char)) in range(10)
}
"""Digits that are no decimal characters: circled, dingbat, raised, lowered, Roman, Chinese ("④", "❹", "⁴", "Ⅳ",
"四")."""
_HAS_DIGIT_SIGN: Final = re.compile("[" + "".join(map(chr, DIGIT_SIGNS)) + "]")
_LETTER_NAME: Final = re.compile(r"(?:LATIN CAPITAL|LATIN SMALL|INDICATOR SYMBOL) LETTER ([A-Z])$")
_LETTER_SIGNS: Final = {
    code: named[1].lower() if "SMALL" in named[0] else named[1]
    for code in (*range(0x2400, 0x2500), *range(0x1F100, 0x1F200))
    if (named := _LETTER_NAME.search(unicodedata.name(chr(code), "")))
} | {
    code: plain
    for code in (*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D800))
    if len(plain := unicodedata.normalize("NFKC", chr(code))) == 1
}
"""Letters that are signs to Python, in circles, squares or brackets, filled or not, or as flags ("Ⓐ", "🄰", "🅐", "⒜",
"🇦"), and letters and signs of another width or a mathematician's ("Ａ", "＠", "𝐀")."""
_ACCENTS: Final = frozenset(map(chr, range(*_MARK_BLOCKS[0])))


def is_word_char(char: str) -> bool:
    """A letter, a digit, or a mark that belongs to one."""
    return char.isalnum() or char in MARKS


def plain_digits(text: str) -> str:
    """``text`` with every digit sign as its decimal digit; the same length."""
    return text if text.isascii() or not _HAS_DIGIT_SIGN.search(text) else text.translate(DIGIT_SIGNS)


def plain_letters(text: str) -> str:
    """``text`` with every letter in a circle, a square, brackets or another width as the letter; the same length."""
    return text if text.isascii() else text.translate(_LETTER_SIGNS)


_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухѕіјһѵԁԛԝкмтпгвнєɑοανρτυκιεχγѡոսօցհզյɡıɩʏ",
    "aeopcyxsijhvdqwkmtnrbheaoavptukiexywnuoghqjgiiy",
)
"""Letters of other scripts that are read as Latin ones, lower case."""


def skeleton(low: str) -> str:
    """Lower-case ``low`` as it looks: letters of other scripts as the Latin ones they look like; the same length."""
    return low if low.isascii() else low.translate(_LOOK_ALIKES)


@lru_cache(maxsize=4096)
def fold(character: str) -> str:
    """What counts of one character where two writings are compared: no case, no width, no accents above or below, no
    signs, nothing invisible; vowel signs of scripts that write them as marks do count. May be none, or several."""
    letter = plain_letters(character)
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
    return "".join(c for c in plain if c.isalnum() or (unicodedata.category(c)[0] == "M" and c not in _ACCENTS))


_UNREAD: Final = re.compile(f"[{_JOINERS}{_INVISIBLE}{''.join(sorted(_ACCENTS))}]")


def visible(text: str) -> tuple[str, Sequence[CharIndex]]:
    """``text`` as a reader sees it, letters and signs of another width as the ordinary ones, without invisible signs
    and loose accents; for each character left its place in ``text``, and last the length of ``text``."""
    text = plain_letters(text)
    if text.isascii() or not _UNREAD.search(text):
        return text, range(len(text) + 1)
    at = [place for place, character in enumerate(text) if not _UNREAD.match(character)]
    return "".join(text[place] for place in at), [*at, len(text)]


def seen(low: str) -> str:
    """Lower-case ``low`` as a reader sees it: without invisible signs and loose accents, look-alikes as Latin
    letters."""
    return low if low.isascii() else skeleton(_UNREAD.sub("", unicodedata.normalize("NFKD", low)).lower())


def _plain_letters(low: str, known: Container[str]) -> str:
    """A word in full-width, mathematical or look-alike letters in ordinary ones; the same length, else as it is. Where
    it is ``known`` without its invisible signs and loose accents, without them."""
    plain = unicodedata.normalize("NFKC", low).lower()
    if _UNREAD.search(low) and (bare := seen(low)) in known:
        return bare
    return skeleton(plain) if len(plain) == len(low) else low


class Tokens:
    """Parallel lists over the tokens of one text: start, end, lower-case form, word class (0: none)."""

    __slots__ = ("classes", "ends", "lows", "starts", "text")

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        plain = plain_digits(text)
        known = lexicon.classes
        spans = [match.span() for match in TOKEN.finditer(plain)]
        self.starts: list[CharIndex] = [start for start, _ in spans]
        self.ends: list[CharIndex] = [end for _, end in spans]
        drawn: Iterable[int] = range(len(spans))
        if plain.isascii():
            text_low = plain.lower()
            lows = [text_low[start:end] for start, end in spans]
            # one look at the whole text for the few words that have a letter twice in a row
            drawn = {bisect_right(self.starts, match.start()) - 1 for match in SEVERAL.finditer(text_low)}
        else:
            lows = [plain[start:end].lower() for start, end in spans]
            lows = [low if low.isascii() or low in known else _plain_letters(low, known) for low in lows]
        for at in drawn:
            low = lows[at]
            if low not in known and len(low) > SHORTEST_DRAWN and (once := undrawn(low)) != low:
                lows[at] = lexicon.drawn.get(once, low)
        self.lows = lows
        digits = int(WordClass.DIGITS)
        self.classes = [known.get(low) or (digits if low[0].isdecimal() else 0) for low in lows]

    def __len__(self) -> int:
        return len(self.starts)

    def spaced(self, left: int, right: int) -> bool:
        """Only white space lies between two neighbouring tokens, and there is some."""
        gap = self.text[self.ends[left] : self.starts[right]]
        return bool(gap) and gap.isspace()
