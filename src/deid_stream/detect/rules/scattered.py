"""A card number that is scattered over a turn: between amounts, times, ordinals, or words after every digit.

"$4539 $1488 $0343 $6467", "four, next one is five, next one is three". Each piece alone is plainly something else, so
only the whole decides: the same word or sign stands between all pieces, or two take turns ("45:39 pm 14:88 pm"), and
their digits, in order, are a card number of valid length and checksum. Numbers that only happen to follow each other
have different words between them.
"""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules import checksums
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_DIGITS: Final = re.compile(r"\d+")
_GAP: Final = 40
"""Characters between two pieces; more is another topic."""
_SHORTEST, _LONGEST = 13, 19
_CYCLE: Final = 2
"""Links that may take turns."""
_PIECES: Final = 3
"""Turns that two links must take at least; one link needs a single one."""


class ScatteredRecognizer:
    """Card numbers in pieces that other rules leave alone."""

    name = "scattered"

    def find(self, view: View) -> Iterator[Detection]:
        if not view.has_digit or sum(map(str.isdecimal, view.text)) < _SHORTEST:
            return
        pieces = [m.span() for m in _DIGITS.finditer(view.text)]
        first = 0
        for at in range(1, len(pieces) + 1):
            if at == len(pieces) or pieces[at][0] - pieces[at - 1][1] > _GAP:
                yield from self._judged(view, pieces[first:at])
                first = at

    def _judged(self, view: View, pieces: list[tuple[int, int]]) -> Iterator[Detection]:
        """Every window of pieces that is a card number; windows are as few as pieces, each of them short."""
        for first in range(len(pieces)):
            code = ""
            links: list[str] = []
            for last in range(first, len(pieces)):
                if last > first:
                    links.append(_link(view.text[pieces[last - 1][1] : pieces[last][0]]))
                    if len(links) > _CYCLE and links[-1] != links[-1 - _CYCLE]:
                        break
                code += view.text[slice(*pieces[last])]
                if len(code) > _LONGEST:
                    break
                enough = len(links) >= (_PIECES if len(set(links)) > 1 else 1) * _CYCLE
                if len(code) >= _SHORTEST and enough and _is_card(code):
                    start, end = pieces[first][0], pieces[last][1]
                    yield view.detection(start, end, EntityType.CREDIT_CARD, 0.8, f"{self.name}/card")


def _link(gap: str) -> str:
    """The last word or sign between two pieces."""
    words = gap.split()
    return words[-1].casefold() if words else " "


def _is_card(code: str) -> bool:
    return code[0] in "3456" and checksums.luhn(code)
