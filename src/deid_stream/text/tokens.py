"""Cuts a text into words, digit groups and signs, each with its place and its word class."""

import re
from typing import Final

from deid_stream.text.languages import Lexicon, WordClass
from deid_stream.units import CharIndex

TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_")


class Tokens:
    """Parallel lists over the tokens of one text: start, end, lower-case form, word class (0: none)."""

    __slots__ = ("classes", "ends", "lows", "starts", "text")

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        starts: list[CharIndex] = []
        ends: list[CharIndex] = []
        lows: list[str] = []
        for match in TOKEN.finditer(text):
            start, end = match.span()
            starts.append(start)
            ends.append(end)
            lows.append(text[start:end].lower())
        self.starts = starts
        self.ends = ends
        self.lows = lows
        known = lexicon.classes
        digits = int(WordClass.DIGITS)
        self.classes = [known.get(low) or (digits if low[0].isdecimal() else 0) for low in lows]

    def __len__(self) -> int:
        return len(self.starts)

    def spaced(self, left: int, right: int) -> bool:
        """Only white space lies between two neighbouring tokens, and there is some."""
        gap = self.text[self.ends[left] : self.starts[right]]
        return bool(gap) and gap.isspace()
