"""Searches the words of a turn for values, too, where they say something else than its text, and maps what is found
back to the text.

The text is what is published, but both came from the same sound: a value that only the words have is as secret.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from deid_stream.model.spans import Span
from deid_stream.session.turns import Turn
from deid_stream.units import CharIndex, Interval, subtract
from deid_stream.words.placement import Placement, place


class _Part(NamedTuple):
    """One segment. ``written_at``: where its text begins in the turn's text; ``heard_at``: where ``heard``, its words,
    begin in ``HeardTurn.text``."""

    written_at: CharIndex
    heard_at: CharIndex
    heard: str
    placed: Placement | None
    """None where the segment's text stands for its words."""
    words: tuple[str, ...]


class HeardTurn:
    """``text`` is the turn as the words of its segments have it; a segment without words, or whose words say what its
    text says, is there as its text."""

    def __init__(self, turn: Turn) -> None:
        self._parts: list[_Part] = []
        self.placed: list[Placement] = []
        """By segment: where its words stand in its text."""
        heard_at = 0
        for segment, written_at in zip(turn.segments, turn.starts(), strict=True):
            words = tuple(word.text for word in segment.words)
            whole = place(segment.text, words)
            self.placed.append(whole)
            placed = whole if words and whole.disagreements else None
            heard = segment.text if placed is None else " ".join(words)
            self._parts.append(_Part(written_at, heard_at, heard, placed, words))
            heard_at += len(heard) + 1
        self.text = " ".join(part.heard for part in self._parts)
        self.differs = any(part.placed is not None for part in self._parts)

    def values(self, spans: Sequence[Span]) -> list[str]:
        """What ``spans`` of ``text`` cover, in the words' own wording."""
        return [self.text[span.start : span.end] for span in spans]

    def added(self, found: Sequence[Span], known: Sequence[Span]) -> list[Span]:
        """``found`` in ``text`` as spans of the turn's text, without what ``known`` covers there; sorted."""
        taken = [Interval(span.start, span.end) for span in known]
        added: list[Span] = []
        for span in found:
            for part in self._parts:
                here = Interval(span.start - part.heard_at, span.end - part.heard_at)
                whole = _written(part, here.intersect(Interval(0, len(part.heard))))
                if not whole.length:
                    continue
                for left in subtract(whole, taken):
                    added.append(msgspec.structs.replace(span, start=left.start, end=left.end))
                    taken.append(left)
        return sorted(added)


def _written(part: _Part, heard: Interval) -> Interval:
    """The characters of the turn's text for a stretch of the part's heard text; empty where the text has none."""
    if not heard.length:
        return Interval(0, 0)
    if part.placed is None:
        return Interval(part.written_at + heard.start, part.written_at + heard.end)
    places: list[Interval] = []
    at = 0
    stretches = {n: s for s in part.placed.stretches for n in range(*s.words)}
    for number, word in enumerate(part.words):
        if Interval(at, at + len(word)).overlaps(heard) and (part.placed.sure[number] or stretches[number].written):
            places.append(part.placed.places[number])
        at += len(word) + 1
    if not places:
        return Interval(0, 0)
    return Interval(
        part.written_at + min(place_.start for place_ in places), part.written_at + max(place_.end for place_ in places)
    )
