"""Addresses come in pieces: this joins the pieces and takes what belongs to them on both sides.

"41377 schachterlweg 62 apt 501 polsing after the concert": the pieces (a number, a flat) are found elsewhere; between
and beside them stand only numbers, street and unit words, names of places and words nobody uses otherwise. Everyday
words end an address.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from deid_stream.detect.vocabulary import COMMON, DICTIONARY, FUNCTION_HI, GIVEN_NAMES, word_set, words
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.text.languages import WordClass, lexicon
from deid_stream.text.tokens import DOTTED
from deid_stream.units import CharIndex

PLACES: Final = words("en/places")
STREETS: Final = word_set("addresses.streets")
NAMED_STREETS: Final = word_set("addresses.named_streets")
"""Street words that make an address of a strange name alone."""
UNITS: Final = word_set("addresses.units")
_HOUSES: Final = word_set("addresses.houses") | STREETS
_AFTER_HOUSE: Final = word_set("addresses.after_house")
"""Everyday words that may stand behind a house that is named."""
_STATE_CODES: Final = word_set("addresses.state_codes")
_FIELDS: Final = word_set("addresses.fields")
_INFLECTED: Final = ("ing", "ed", "ly", "tion", "tions", "ment", "ness")
"""Endings by which a word of the dictionary is an everyday word, and part of no address."""
_GAP: Final = re.compile(r"[\s,.#:()>-]{0,6}\Z")
_SENTENCE_END: Final = re.compile(r"[.?!]\s+[A-Z]|[?!:;]")
_NUMBER_CLASSES: Final = frozenset(
    map(int, (WordClass.UNIT, WordClass.TEEN, WordClass.TEN, WordClass.SCALE, WordClass.REPEAT, WordClass.ORDINAL))
)


def number_words(table: str) -> frozenset[str]:
    """The words of a language table that are numbers or parts of them."""
    return frozenset(w for w, c in lexicon((table,)).classes.items() if c in _NUMBER_CLASSES)


NUMBERS: Final = number_words("en") | {"o"}
_DOUBTFUL: Final = frozenset(lexicon(("en",)).doubts) - {"o", "no"}
"""Numbers of other languages that are words of English or of names: "do", "char"."""
_MAX_GROWTH: Final = 12
"""An address grows by at most this many words on either side."""
_MAX_CROSSING: Final = 3
"""The first of two streets that meet has at most this many words. A larger value redacts more before an "and"."""
_BEFORE_CROSSING: Final = frozenset({"at", "of", "between"})
_CROSSINGS: Final = frozenset("corner crossing crossroads intersection junction".split())
_MAX_STRANGE: Final = 4
"""An address grows over at most this many words in a row of which nothing is known but that they are not everyday
words. A larger value redacts more of what follows an address."""


class _Token(NamedTuple):
    start: CharIndex
    end: CharIndex
    low: str
    kind: str
    """``n`` number, ``u`` unit word, ``s`` street word, ``p`` place, ``x`` strange, ``h`` strange and a
    person's name, ``w`` everyday word."""


def grow_addresses(
    text: str, detections: list[Detection], language: str, counted: Sequence[int] = ()
) -> list[Detection]:
    """The detections of one source ``text`` with every address grown to what belongs to it.

    ``counted``: not 0 for each character of ``text`` that is plainly of a quantity or an amount, which no address grows
    over ("2 people"); empty where none is.
    In a Hindi turn "se" and "ne" after a place are its postpositions, not directions ("gomti nagar se").
    """
    if not any(d.entity_type is T.ADDRESS for d in detections):
        return detections
    tokens = [token for match in DOTTED.finditer(text) for token in _words_of(match)]
    if language == "hi":
        tokens = [t._replace(kind="w") if t.low in FUNCTION_HI else t for t in tokens]
    if language == "en":
        after = [*tokens[1:], None]
        tokens = [
            t._replace(kind="w") if t.low in _DOUBTFUL and (n is None or n.kind == "w") else t
            for t, n in zip(tokens, after, strict=True)
        ]
    if counted:
        tokens = [t._replace(kind="w") if counted[t.start] and counted[t.end - 1] else t for t in tokens]
    _mark(tokens, detections)
    grown = []
    for detection in detections:
        if detection.entity_type is T.ADDRESS:
            start = _to_crossing(tokens, _grow_left(text, tokens, _with_house_name(tokens, detection.start)))
            end = _grow_right(text, tokens, detection.end)
            if (start, end) != (detection.start, detection.end):
                detection = Detection(start, end, T.ADDRESS, detection.score, detection.detector, detection.origin)
        grown.append(detection)
    return grown


def _mark(tokens: list[_Token], detections: list[Detection]) -> None:
    """Cities that were found are places; a person's name is never taken on the way to the left."""
    for detection in detections:
        if detection.entity_type in (T.LOCATION, T.PERSON):
            kind = "p" if detection.entity_type is T.LOCATION else "h"
            index = _index_from(tokens, detection.start)
            while index < len(tokens) and tokens[index].start < detection.end:
                if (kind == "p" and len(tokens[index].low) > 2) or tokens[index].kind == "x":
                    tokens[index] = tokens[index]._replace(kind=kind)
                index += 1


def _words_of(match: re.Match[str]) -> Iterator[_Token]:
    """The word, or two where a sentence ends within it without a blank ("confirmed.472", "road.cost")."""
    low = match.group().lower()
    before, dot, after = low.partition(".")
    if dot and after and len(before) > 2 and before.isalpha():
        yield _Token(match.start(), match.start() + len(before), before, _kind(before))
        yield _Token(match.end() - len(after), match.end(), after, _kind(after))
    else:
        yield _Token(match.start(), match.end(), low, _kind(low))


def _kind(low: str) -> str:
    if low in NUMBERS or any(map(str.isdecimal, low)):
        return "n"
    if low in UNITS:
        return "u"
    if low in STREETS:
        return "s"
    if low in PLACES:
        return "p"
    if (
        len(low) > 1
        and low not in COMMON
        and low not in _FIELDS
        and not (low in DICTIONARY and low.endswith(_INFLECTED))
    ):
        return "x"
    return "w"


def _index_from(tokens: list[_Token], at: CharIndex) -> int:
    """Index of the first token that starts at or after ``at``."""
    low, high = 0, len(tokens)
    while low < high:
        middle = (low + high) // 2
        if tokens[middle].start < at:
            low = middle + 1
        else:
            high = middle
    return low


def _grow_right(text: str, tokens: list[_Token], end: CharIndex) -> CharIndex:
    index = _index_from(tokens, end)
    strange = 0
    for offset in range(_MAX_GROWTH):
        if index + offset >= len(tokens):
            break
        token = tokens[index + offset]
        if token.end <= end:
            continue
        gap = text[end : token.start]
        if not _GAP.match(gap) or _SENTENCE_END.search(text[end : token.start + 1]):
            break
        house = _named_house(tokens, index + offset)
        if house is not None:
            end, strange = house, 0
            continue
        previous = tokens[index + offset - 1] if index + offset > 0 else None
        following = tokens[index + offset + 1] if index + offset + 1 < len(tokens) else None
        kind = token.kind
        if kind == "w" and _is_code(text, token):
            kind = "p"
        if kind == "w" and token.low in _STATE_CODES and following is not None and following.kind == "n":
            kind = "p"
        if token.low == "on" and following is not None and following.low == "canada":
            kind = "p"  # Ontario
        if kind == "w" and not (_belongs(previous, token, following) or _is_letter(text, previous, token)):
            break
        if kind == "u" and not (
            (following is not None and (following.kind in "nx" or len(following.low) == 1))
            or (token.low in ("floor", "fl") and previous is not None and previous.kind == "n")
        ):
            break
        strange = strange + 1 if kind in "xh" else 0
        if strange > _MAX_STRANGE or (kind in "xh" and token.low in GIVEN_NAMES and strange > 1):
            break
        end = token.end
    return end


def _named_house(tokens: list[_Token], at: int) -> CharIndex | None:
    """The end of "the old bakery", "the crescent" after a house number ("41", "19 a"); None where something else
    begins at ``at``. Behind it an everyday word may only lead on ("please", "near")."""
    before = tokens[max(0, at - 2) : at]
    if tokens[at].low != "the" or not before:
        return None
    lettered = len(before) == 2 and len(before[1].low) == 1 and before[0].kind == "n"
    if before[-1].kind != "n" and not lettered:
        return None
    for last in (at + 1, at + 2):
        if last < len(tokens) and tokens[last].low in _HOUSES:
            following = tokens[last + 1] if last + 1 < len(tokens) else None
            leads_on = following is None or following.kind != "w" or following.low in _AFTER_HOUSE
            return tokens[last].end if leads_on else None
    return None


def _is_letter(text: str, previous: _Token | None, token: _Token) -> bool:
    """A capital alone after a street or a number, in text with small letters: "4058 18th Street A"."""
    lone = token.end - token.start == 1 and text[token.start].isupper() and token.low != "i"
    return lone and not text.isupper() and previous is not None and previous.kind in "ns"


def _is_code(text: str, token: _Token) -> bool:
    """Two capitals in a text that is not all capitals: a state or province."""
    return len(token.low) == 2 and text[token.start : token.end].isupper() and not text.isupper()


def _belongs(previous: _Token | None, token: _Token, following: _Token | None) -> bool:
    """An everyday word or a single letter that is part of an address after all: "12 b", "district of columbia"."""
    if previous is None:
        return False
    if token.low == "of":
        return previous.low in ("district", "isle", "city", "state")
    if token.low in "ai" and following is not None and (token.low == "i" or following.kind == "w"):
        return token.low == "a" and following.low == "the" and previous.kind == "n"
    if len(token.low) == 1 and token.low.isalpha():
        return previous.kind == "n" or previous.low in UNITS or (following is not None and following.kind == "n")
    return False


def _with_house_name(tokens: list[_Token], start: CharIndex) -> CharIndex:
    """Over the name of the house that stands at ``start``: "riverside" before "house, second floor"."""
    at = _index_from(tokens, start)
    if not 0 < at < len(tokens) or tokens[at].start != start or tokens[at].low not in _HOUSES - STREETS:
        return start
    name = tokens[at - 1]
    return name.start if name.kind in "xp" and name.end + 1 == start else start


def _to_crossing(tokens: list[_Token], start: CharIndex) -> CharIndex:
    """Over the street that meets the one at ``start``, where the words before it tell that two are named: "at katrina
    and rua do paseo", "the corner of maarit and hersnapvej"."""
    joint = _index_from(tokens, start) - 1
    if joint < 1 or tokens[joint].low != "and":
        return start
    first = joint
    while first > 0 and joint - first < _MAX_CROSSING and tokens[first - 1].kind in "xhsp":
        first -= 1
    if first == joint or first == 0 or tokens[first - 1].low not in _BEFORE_CROSSING:
        return start
    if tokens[first - 1].low != "of" or (first > 1 and tokens[first - 2].low in _CROSSINGS):
        return tokens[first].start
    return start


def _grow_left(text: str, tokens: list[_Token], start: CharIndex) -> CharIndex:
    """To the left only as far as a number or a unit word: "schachterlweg 62" after "41377"."""
    index = _index_from(tokens, start) - 1
    best, edge, strange = start, start, 0
    for offset in range(_MAX_GROWTH):
        if index - offset < 0:
            break
        token = tokens[index - offset]
        if token.end > edge:
            break  # the guess begins within it: "confirmed.472 north mathilda avenue"
        gap = text[token.end : edge]
        if not _GAP.match(gap) or _SENTENCE_END.search(text[token.end : edge + 1]):
            break
        kind = token.kind
        if (
            kind in "wh"
            or token.low in GIVEN_NAMES
            or (token.low == "main" and text[edge : edge + 4].lower() != "road")
        ):
            break
        if kind == "x":
            strange += 1
            if strange > _MAX_STRANGE - 1:
                break
        else:
            strange = 0
        edge = token.start
        first = index - offset == 0 or tokens[index - offset - 1].low in ("address", "is", "at")
        if kind == "n" or (kind == "u" and (first or token.low not in ("no", "number"))):
            best = edge
    return best
