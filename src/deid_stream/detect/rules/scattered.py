"""A card number that is scattered over a turn: between amounts, times, ordinals, or words after every digit.

"$4539 $1488 $0343 $6467", "four, next one is five, next one is three". Each piece alone is plainly something else, so
only the whole decides: the same word or sign stands between all pieces, or two take turns ("45:39 pm 14:88 pm"), and
their digits, in order, are a card number of valid length and checksum. Numbers that only happen to follow each other
have different words between them. Four single digits or more with one and the same word between them ("four and five
and three and nine") are a number whatever it is.
"""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules import checksums
from deid_stream.detect.rules.plain import SURE
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import PLAIN

_DIGITS: Final = re.compile(r"\d+")
_GAP: Final = 40
"""At most this many characters stand between two pieces of a number; after more the topic is another. A larger value
joins numbers that do not belong together."""
_SHORTEST, _LONGEST = 13, 19
_CYCLE: Final = 2
"""The words between the pieces repeat after at most this many. A larger value joins more numbers of a list."""
_SINGLES: Final = 4
"""This many single digits with the same word between them are a number. A smaller value takes "two or three or four"; a
larger one leaves short numbers that are dictated so."""
_LINK_WORDS: Final = 5
"""At most this many words stand between two single digits of a number. A larger value takes more lists for numbers."""
_PIECES: Final = 3
"""Where two links take turns, both must come this often; where all links are the same, once is enough to be judged. A
smaller value takes more lists for a number."""


class ScatteredRecognizer:
    """Card numbers in pieces that other rules leave alone."""

    name = "scattered"

    def find(self, view: View) -> Iterator[Detection]:
        if not view.has_digit or sum(map(str.isdecimal, view.text)) < _SINGLES:
            return
        pieces = [m.span() for m in _DIGITS.finditer(view.text)]
        yield from _one_by_one(view, pieces)
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


def _one_by_one(view: View, pieces: list[tuple[int, int]]) -> Iterator[Detection]:
    """Rows of single digits with the same few words between all of them."""
    at = 0
    while at + 1 < len(pieces):
        link = _between(view, pieces[at], pieces[at + 1])
        stop = at + 1
        while link and stop < len(pieces) and _between(view, pieces[stop - 1], pieces[stop]) == link:
            stop += 1
        if stop - at >= _SINGLES and not any(view.plain_mask[start] & SURE for start, _ in pieces[at:stop]):
            start, end = pieces[at][0], pieces[stop - 1][1]
            yield view.detection(start, end, EntityType.ID_NUMBER, 0.7, "scattered/singles")
        at = max(stop - 1, at + 1)


def _between(view: View, left: tuple[int, int], right: tuple[int, int]) -> str:
    """The few words between two single digits; empty where they are no such pair."""
    if left[1] - left[0] > 1 or right[1] - right[0] > 1:
        return ""
    words = PLAIN.findall(view.low[left[1] : right[0]])
    return " ".join(words) if 0 < len(words) <= _LINK_WORDS else ""


def _link(gap: str) -> str:
    """The last word or sign between two pieces."""
    words = gap.split()
    return words[-1].casefold() if words else " "


def _is_card(code: str) -> bool:
    return code[0] in "3456" and checksums.luhn(code)
