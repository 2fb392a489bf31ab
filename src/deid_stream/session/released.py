"""Remembers what was redacted in a segment that has left, so that a later revision can only add to it.

A checkpoint may not hold text, so what was redacted is kept as places among the segment's words. A revision rarely has
the same words: a formatter writes "4539" for "four five three nine", a recogniser joins or cuts segments. Where the
text that left is still in memory, the two texts are compared word by word. Where it is not (after a restart), equal
numbers of words are taken to be the same words. Where neither tells, nothing of the revision may be read.
"""

import difflib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Span
from deid_stream.text.normalise import normalise
from deid_stream.text.tokens import TOKEN
from deid_stream.units import Ms

INHERITED: Final = "revision"
"""``Span.detector`` of a span that is redacted because an earlier revision of the segment had it redacted."""
_MAX_COMPARED: Final = 250_000
"""Two texts are compared only where the product of their numbers of words is at most this (500 words each). A larger
value takes quadratically more time; above it, a revision can only be masked."""


class Cover(msgspec.Struct, frozen=True, array_like=True):
    """Redacted words ``[first, end)`` of a segment's text, counted from 0."""

    first: int
    end: int
    entity_type: EntityType
    value_id: int


class ReleasedSegment(msgspec.Struct, frozen=True, array_like=True):
    """A segment that has left: enough to know a repeat from a revision, the record id to correct, and what of it was
    redacted. Content-free."""

    segment_id: str
    revision: int
    channel: int
    seq: int
    end_ms: Ms
    words: int = -1
    """Number of words of its text; -1: not known (released by version 0.1.0)."""
    covers: tuple[Cover, ...] = ()
    in_doubt: bool = False
    """Whether another segment of its turn had something redacted."""


class Place(NamedTuple):
    """A word of a text: half-open, in characters, and its lower-case form."""

    start: int
    end: int
    low: str


def words_of(text: str) -> list[Place]:
    """Words and runs of digits, in order; signs are left out."""
    return [Place(*match.span(), word.lower()) for match in TOKEN.finditer(text) if (word := match[0])[0].isalnum()]


def count_of(text: str) -> int:
    """Number of ``words_of``."""
    return sum([word[0].isalnum() for word in TOKEN.findall(text)])


def covers_of(text: str, spans: Sequence[Span]) -> tuple[Cover, ...]:
    """The places of ``spans`` (characters of ``text``, sorted) among its words."""
    if not spans:
        return ()
    places = words_of(text)
    found = []
    for span in spans:
        touched = [at for at, place in enumerate(places) if place.start < span.end and span.start < place.end]
        if touched:
            found.append(Cover(touched[0], touched[-1] + 1, span.entity_type, span.value_id))
    return tuple(found)


def inherited(known: ReleasedSegment, before: str | None, after: str) -> list[Span] | None:
    """What of the text ``after`` must go because it went in the released revision, whose text was ``before`` (None
    where it is not in memory). None: it cannot be told, so all of ``after`` must go."""
    places = words_of(after)
    if known.words < 0:
        return None
    if before is None:
        if len(places) == known.words:
            return _spans(places, _by_index(known.covers))
        return None if known.covers or known.in_doubt else []
    return carried(known.covers, before, after)


def carried(covers: Sequence[Cover], before: str, after: str) -> list[Span] | None:
    """``covers`` of the text ``before`` as spans of ``after``, by comparing both; None: they are too long for that."""
    if not covers:
        return []
    places = words_of(after)
    old, new = [place.low for place in words_of(before)], [place.low for place in places]
    if len(old) * len(new) > _MAX_COMPARED:
        return None
    return _spans(places, _carried(_by_index(covers), old, new))


def remaining(covers: Sequence[Cover], before: str, after: str) -> list[Span]:
    """What of ``covers`` of the text ``before`` can still be read in ``after``: the same words at their places, and
    their digits in whatever way they are written."""
    if not covers:
        return []
    there, here = words_of(before), words_of(after)
    old, new = [_plain(place.low) for place in there], [_plain(place.low) for place in here]
    if len(old) * len(new) > _MAX_COMPARED:
        return []
    gone = _by_index(covers)
    digits = "".join(old[at] for at in sorted(gone) if at < len(old) and old[at].isdecimal())
    found = {at: covers[0] for at, word in enumerate(new) if word.isdecimal() and word in digits}
    for same in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        found |= {same.b + n: gone[same.a + n] for n in range(same.size) if same.a + n in gone}
    return _spans(here, found)


def _plain(low: str) -> str:
    return normalise(low).text


def shifted(spans: Sequence[Span] | None, by: int) -> list[Span]:
    """``spans`` so many characters later."""
    return [msgspec.structs.replace(span, start=span.start + by, end=span.end + by) for span in spans or ()]


def united(found: Sequence[Span], kept: Sequence[Span]) -> tuple[Span, ...]:
    """Both, sorted and disjoint; where they overlap, one span over both that is called as the one in ``found``."""
    joined: list[Span] = []
    for span in sorted([*found, *kept], key=lambda span: (span.start, span.end)):
        if joined and span.start < joined[-1].end:
            last = joined.pop()
            named = last if span.detector == INHERITED else span
            joined.append(msgspec.structs.replace(named, start=last.start, end=max(last.end, span.end)))
        else:
            joined.append(span)
    return tuple(joined)


def adds(spans: Sequence[Span], text: str, known: ReleasedSegment) -> bool:
    """``spans`` cover a word of ``text`` that did not go when it was released."""
    gone = _by_index(known.covers)
    return any(at not in gone for cover in covers_of(text, spans) for at in range(cover.first, cover.end))


def _by_index(covers: Sequence[Cover]) -> dict[int, Cover]:
    return {at: cover for cover in covers for at in range(cover.first, cover.end)}


def _carried(gone: dict[int, Cover], old: list[str], new: list[str]) -> dict[int, Cover]:
    """The redacted words of ``old`` as words of ``new``: the same words, all that stands in the place of one, and what
    was put between two. What was put beside a value is new text, for the detector to judge."""
    carried: dict[int, Cover] = {}
    for tag, begin, end, to_begin, to_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            carried |= {to_begin + at - begin: gone[at] for at in range(begin, end) if at in gone}
            continue
        if tag == "insert":
            cover = gone.get(begin - 1) if begin in gone else None
        else:
            cover = next((gone[at] for at in range(begin, end) if at in gone), None)
        if cover is not None:
            carried |= dict.fromkeys(range(to_begin, to_end), cover)
    return carried


def _spans(places: Sequence[Place], gone: dict[int, Cover]) -> list[Span]:
    """One span for each run of words that share a cover."""
    spans: list[Span] = []
    last: Cover | None = None
    for at, place in enumerate(places):
        cover = gone.get(at)
        if cover is not None and cover is last:
            spans[-1] = msgspec.structs.replace(spans[-1], end=place.end)
        elif cover is not None:
            spans.append(Span(place.start, place.end, cover.entity_type, 1.0, INHERITED, cover.value_id))
        last = cover
    return spans
