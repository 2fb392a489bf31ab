"""Runs of digits in written text: groups with nothing but signs, fillers and corrections between them."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from deid_stream.detect.vocabulary import word_set
from deid_stream.text.tokens import PLAIN
from deid_stream.units import CharIndex

_DIGIT: Final = re.compile(r"\d")
_ORDINAL: Final = re.compile(
    r"\d+(?:st|nd|rd|th|s|pm|am|p|gb|mb|tb|kg|km|ft|mm|cm|hrs?|mins?|g|in|inch|oz|ml|mg)|\d{1,3}[kxd]", re.I
)
_FILLERS: Final = word_set("runs.fillers")
_FILLERS_LATE: Final = word_set("runs.fillers_late")
_LISTED: Final = frozenset({"a", "and", "then"})
"""Words between digits that are listed one by one."""
_AREA_CODE: Final = ["area", "code"]
_AREA_DIGITS: Final = 3
"""Digits of an area code of North America, which may be named behind it: "415 area code, 555 0122"."""
_GAP_WORDS: Final = 4
"""At most this many fillers and corrections stand between two groups of a number ("four nine uh no sorry six"). A
larger value joins numbers of different things."""
_GAP_SIGNS: Final = frozenset(" \t-.,/()+#*:;–—'_…")


class Group(NamedTuple):
    start: CharIndex
    end: CharIndex
    digits: int
    mixed: bool
    """Letters and digits in one word."""


class Run(NamedTuple):
    groups: tuple[Group, ...]

    @property
    def start(self) -> CharIndex:
        return self.groups[0].start

    @property
    def end(self) -> CharIndex:
        return self.groups[-1].end

    @property
    def digits(self) -> int:
        return sum(g.digits for g in self.groups)


def groups(text: str) -> Iterator[Group]:
    """Words of written ``text`` that hold a digit; ordinals and measures apart. Linear: from digit to digit."""
    length, done = len(text), 0
    digit = _DIGIT.search(text)
    while digit is not None:
        start = digit.start()
        while start > done and text[start - 1].isalnum():
            start -= 1
        end = digit.end()
        while end < length and text[end].isalnum():
            end += 1
        done = end
        word = text[start:end]
        digits = sum(map(str.isdecimal, word)) if len(word) > 1 else 1
        if digits == len(word) or not _ORDINAL.fullmatch(word):
            yield Group(start, end, digits, digits < len(word))
        digit = _DIGIT.search(text, end)


def runs(text: str) -> list[Run]:
    """Groups joined over signs, fillers and corrections."""
    rows: list[list[Group]] = []
    counted = 0
    for group in groups(text):
        single = group.end - group.start == 1
        if rows and _bridges(text[rows[-1][-1].end : group.start], counted, single=single):
            rows[-1].append(group)
            counted += group.digits
        else:
            rows.append([group])
            counted = group.digits
    return [Run(tuple(row)) for row in rows]


def _bridges(gap: str, digits_before: int, *, single: bool) -> bool:
    """``single``: one digit alone stands behind it, which may be the last one listed: "a 4 a 5 and a 6"."""
    if len(gap) > 40:
        return False
    if _GAP_SIGNS.issuperset(gap):
        return len(gap) <= 6
    words = PLAIN.findall(gap.lower())
    if digits_before == _AREA_DIGITS and words[:2] == _AREA_CODE:
        words = words[2:]
    if len(words) > _GAP_WORDS or "\n" in gap:
        return False
    if single and "a" in words and _LISTED.issuperset(words):
        return True
    late = digits_before >= 3
    return all(
        (len(w) == 1 and (late or w not in "ai"))
        or w in _FILLERS
        or (late and w in _FILLERS_LATE)
        or (w == "and" and "then" in words)
        for w in words
    )


def only_dictation(text: str) -> bool:
    """Nothing but digits, letters, signs and fillers: somebody is reading something out."""
    return all(
        any(map(str.isdecimal, w)) or len(w) == 1 or w in _FILLERS or w in _FILLERS_LATE
        for w in PLAIN.findall(text.lower())
    )
