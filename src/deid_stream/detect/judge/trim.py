"""A guess of the model line by line, without function words and names of fields at its edges."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.judge.addresses import NUMBERS, PLACES, STREETS, UNITS
from deid_stream.detect.vocabulary import (
    CLOSED,
    COMMON,
    DICTIONARY,
    FIELDS,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    word_set,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import WORD
from deid_stream.units import CharIndex

_LINE: Final = re.compile(r"[^\n]+")
_FUNCTION: Final = word_set("judge.function")
_LAST_FIELD: Final = re.compile(r"-(?P<field>[^\W\d_]+)\Z")
_POSSESSIVE: Final = re.compile(r"(?<=\w)['’]s(?=[ ,]+\w)", re.IGNORECASE)
_FORMER: Final = re.compile(r"(?<![^\W_])ex-(?:[^\W\d_]+ )?")
_WRITTEN_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_SIDE_OF: Final = re.compile(
    r"(?:the )?(?:(?:north|south|east|west|far|other|opposite|left|right|wrong) )?"
    r"(?:side|end|top|bottom) of (?:the )?"
)
"""Where beside an address something is; the address comes after it."""
_GLUED_BEFORE: Final = re.compile(r"(?P<word>[^\W\d_]{3,})[.!?,](?=\d|[A-Z])")
_GLUED_AFTER: Final = re.compile(r"[.!?](?P<word>[A-Z][a-z]{2,})\Z")
"""A sentence that begins or ends without a blank: "confirmed.472 North Street", "Blacow Road.Cost"."""
_COUNTED: Final = NUMBERS | MONTHS
_PAUSE: Final = re.compile(r"[,;:.!?]\s*\Z")
_VALUED: Final = frozenset(
    {T.PHONE_NUMBER, T.CREDIT_CARD, T.CARD_CVV, T.CARD_EXPIRY, T.ID_NUMBER, T.EMAIL_ADDRESS, T.BANK_ACCOUNT}
)


def tidied(text: str, detection: Detection, everyday: frozenset[str], *, cased: bool) -> Iterator[Detection]:
    """A guess of the model line by line (an address stays whole), without function words and field"
    " names at its edges."""
    kind = detection.entity_type
    lines = [(detection.start, detection.end)]
    if kind is not T.ADDRESS and "\n" in text[detection.start : detection.end]:
        lines = [
            (detection.start + m.start(), detection.start + m.end())
            for m in _LINE.finditer(text[detection.start : detection.end])
        ]
    if kind is T.PERSON:
        lines = [part for line in lines for part in _between_function_words(text, *line)]
        lines = [(_after_former(text, *line), line[1]) for line in lines]
    elif kind is T.EMAIL_ADDRESS and (written := _WRITTEN_ADDRESS.search(text, *lines[0])) is not None:
        lines = [written.span()]
    for left, right in lines:
        start, end = _unglued(text, left, right, address=kind is T.ADDRESS)
        words = [(m.start(), m.end(), m.group()) for m in WORD.finditer(text, start, end)]
        first, last = 0, len(words)
        while first < last and _loose(words, first, first + 1, kind, everyday, cased=cased):
            first += 1
        while last > first and _loose(words, last - 1, last - 2, kind, everyday, cased=cased):
            last -= 1
        if kind is T.PERSON:
            last = _before_pause(text, words, first, last)
        if first < last:
            left = start if first == 0 else words[first][0]
            right = end if last == len(words) else words[last - 1][1]
            if kind in _VALUED or kind is T.ADDRESS:
                right = _without_field(text, left, right)
            yield msgspec.structs.replace(detection, start=left, end=right)


def _without_field(text: str, start: CharIndex, end: CharIndex) -> CharIndex:
    """The end of a number without the name of its field that a hyphen joins to it: "07700 063 966-Fax"."""
    match = _LAST_FIELD.search(text, start, end)
    return match.start() if match is not None and match.group("field").lower() in FIELDS else end


def _between_function_words(text: str, start: CharIndex, end: CharIndex) -> Iterator[tuple[CharIndex, CharIndex]]:
    """A guess that runs over a function word or an owner is two ("ryan costa as guardian", "acme's ryan costa")."""
    left = start
    for match in WORD.finditer(text, start, end):
        if len(match.group()) > 1 and match.group().lower() in _FUNCTION:
            if match.start() > left:
                yield left, match.start()
            left = match.end()
        elif (owner := _POSSESSIVE.search(text, match.start(), match.end() + 2)) is not None and owner.end() < end:
            if text[match.start() : owner.start()].lower() in COMMON:
                continue  # "alameda children's clinic"
            if owner.start() > left:
                yield left, owner.start()
            left = owner.end()
    if left < end:
        yield left, end


def _unglued(text: str, start: CharIndex, end: CharIndex, *, address: bool) -> tuple[CharIndex, CharIndex]:
    """Without the last word of the sentence before and the first of the one after, which no blank parts from it."""
    before = _GLUED_BEFORE.match(text, start, end)
    if before is not None and before.group("word").lower() in COMMON - STREETS - UNITS:
        start = before.end()
    after = _GLUED_AFTER.search(text, start, end)
    if after is not None and after.group("word").lower() in COMMON - STREETS - UNITS - PLACES:
        end = after.start()
    if address and (side := _SIDE_OF.match(text[start:end].lower())) is not None and start + side.end() < end:
        start += side.end()
    return start, end


def _after_former(text: str, start: CharIndex, end: CharIndex) -> CharIndex:
    """Where a name begins after what somebody once was: "ex-wife dana", "ex-beatle ringo"."""
    former = _FORMER.match(text.lower(), start)
    return former.end() if former is not None and former.end() < end else start


def _before_pause(text: str, words: list[tuple[int, int, str]], first: int, last: int) -> int:
    """The count of words without an everyday word that a comma parts from a name: "for atticus, table"."""
    while last - first > 1 and _PAUSE.search(text, words[last - 2][1], words[last - 1][0]):
        if words[last - 1][2] not in COMMON:
            break
        last -= 1
    return last


def _loose(
    words: list[tuple[int, int, str]], at: int, neighbour: int, kind: T, everyday: frozenset[str], *, cased: bool
) -> bool:
    """An edge word that is no part of any value: a function word, a field's name; in cased text a small common word."""
    word = words[at][2]
    low = word.lower()
    beside = words[neighbour][2] if 0 <= neighbour < len(words) else ""
    if len(low) == len(beside) == 1:
        return False  # letters of a spelled value
    if low in FIELDS or low.removesuffix("'s").removesuffix("’s") in FIELDS:
        return True
    if low in _FUNCTION or low in FUNCTION_HI:
        return len(low) > 1 or (neighbour > at and len(beside) > 1)
    if kind is T.PERSON and len(words) > 1:
        closed = low in CLOSED and len(low) > 1 and not (len(words) == 2 and beside.lower() in GIVEN_NAMES)
        return closed or (cased and word.islower() and low in COMMON) or (word.islower() and low in DICTIONARY)
    return kind in _VALUED and kind is not T.EMAIL_ADDRESS and len(low) > 1 and low in everyday and low not in _COUNTED
