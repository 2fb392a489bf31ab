"""Finds the customer's own terms, however they are written: those that are always redacted (deny) and those that are
never (allow)."""

from collections.abc import Iterator, Sequence
from typing import Final

from deid_stream.detect.vocabulary import word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.normalise import normalise
from deid_stream.text.offsets import Written
from deid_stream.text.tokens import PLAIN, fold, is_word_char, skeleton
from deid_stream.units import Interval

_BESIDE: Final = 24
"""Characters of the source on either side in which a number may go on."""
_FILLERS: Final = word_set("fillers.words") | word_set("fillers.links")
"""Words that may stand inside a mention of a denied term."""
_SIGNS: Final = " \t\n-.,/()+#*:;\u2013\u2014'_"
DENY: Final = "deny"
"""Rule id of what a deny list found."""
ALLOW: Final = "allow"
"""Rule id of what an allow list kept."""


class Terms:
    """Both lists, compiled once. Terms are compared without case, accents, signs, blanks and invisible characters;
    numbers in words and in digits are the same."""

    __slots__ = ("_allow", "_deny")

    def __init__(self, allow: Sequence[str], deny: Sequence[str]) -> None:
        self._allow = _forms(allow)
        self._deny = _forms(deny)

    def denied(self, written: Written) -> Iterator[Detection]:
        """Every mention of a denied term as whole words of the source."""
        for place in _mentions(written, self._deny):
            yield Detection(place.start, place.end, EntityType.ID_NUMBER, 1.0, DENY, Origin.CUSTOMER)

    def allowed(self, written: Written) -> list[Interval]:
        """Where an allowed term stands in full; what is found inside it stays, but for what the customer denies.

        A term that is or holds a run of digits is not there where more digits stand right beside it.
        """
        return list(_mentions(written, self._allow, alone=True))


def _forms(terms: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (_letters(form) for term in terms for form in (term, _written(term))))))


def _mentions(written: Written, terms: Sequence[str], *, alone: bool = False) -> Iterator[Interval]:
    """Places of whole-word mentions in the source, found in it and in its written form."""
    if not terms:
        return
    sources = [written.source] if written.text is written.source else [written.source, written.text]
    for text, low, places in (reading for source in sources for reading in _readings(source, fluent=not alone)):
        for term in terms:
            at = low.find(term)
            while at >= 0:
                start, end = places[at], places[at + len(term) - 1] + 1
                at = low.find(term, at + 1)
                if not _whole(text, start, end):
                    continue
                if text is not written.source:
                    start, end = written.to_source(start, end)
                if not (alone and _has_digit(term) and _digits_beside(written, start, end)):
                    yield Interval(start, end)


def _written(term: str) -> str:
    return normalise(term).text


def _letters(text: str) -> str:
    return "".join(skeleton(fold(c)) for c in text)


def _has_digit(value: str) -> bool:
    return any(map(str.isdecimal, value))


def _digits_beside(written: Written, start: int, end: int) -> bool:
    """Digits go on within a few characters, so that the term is only a part of a longer number."""
    after = written.between(end, end + _BESIDE).lstrip(_SIGNS)
    before = written.between(max(0, start - _BESIDE), start).rstrip(_SIGNS)
    return after[:1].isdecimal() or before[-1:].isdecimal()


def _folded(text: str) -> tuple[str, list[int]]:
    """The letters and digits of ``text``, folded, and for each the character of ``text`` that it comes from."""
    parts: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        for low in skeleton(fold(char)):
            parts.append(low)
            places.append(at)
    return "".join(parts), places


def _readings(text: str, *, fluent: bool) -> Iterator[tuple[str, str, list[int]]]:
    """``text`` and ``_folded`` text; where it is asked for, also as a fluent speaker would have said it."""
    low, places = _folded(text)
    yield text, low, places
    gone = [range(*m.span()) for m in PLAIN.finditer(text) if m.group().lower() in _FILLERS] if fluent else ()
    if gone:
        left = [n for n, at in enumerate(places) if not any(at in word for word in gone)]
        yield text, "".join(low[n] for n in left), [places[n] for n in left]


def _whole(text: str, start: int, end: int) -> bool:
    before = start == 0 or not is_word_char(text[start - 1])
    return before and (end == len(text) or not is_word_char(text[end]))
