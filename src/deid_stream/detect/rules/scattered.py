"""A card number that is scattered over a turn: between amounts, times, ordinals, or words after every digit.

"$4539 $1488 $0343 $6467", "four, next one is five, next one is three". Each piece alone is plainly something else, so
only the whole decides: all digits of a stretch, in order, are a card number of valid length and checksum.
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
_PIECES: Final = 3
"""Pieces from which a number counts as scattered; fewer are a run."""


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
            for last in range(first, len(pieces)):
                code += view.text[slice(*pieces[last])]
                if len(code) > _LONGEST:
                    break
                if len(code) >= _SHORTEST and last - first + 1 >= _PIECES and _is_card(code):
                    start, end = pieces[first][0], pieces[last][1]
                    yield view.detection(start, end, EntityType.CREDIT_CARD, 0.8, f"{self.name}/card")


def _is_card(code: str) -> bool:
    return code[0] in "3456" and checksums.luhn(code)
