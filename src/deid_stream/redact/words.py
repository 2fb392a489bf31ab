"""Redacts the words of a segment from the spans of its text (law 3).

A word is published only where it is the text's own letters at its own place and no span touches it. Unsure words that
say what the text says leave as the text writes it, every other unsure word as ``*``.
"""

from collections.abc import Sequence

from deid_stream.model.events import Word
from deid_stream.model.spans import Span
from deid_stream.units import Interval
from deid_stream.words.placement import Placement, Stretch

MASK = "*"


def redact_words(
    text: str, words: Sequence[Word], placed: Placement, spans: Sequence[Span], replacements: Sequence[str]
) -> tuple[Word, ...]:
    """The words that a span touches become one, with the times from the first to the last of them."""
    return _Rewriting(text, words, placed, spans, replacements).words()


class _Rewriting:
    def __init__(
        self, text: str, words: Sequence[Word], placed: Placement, spans: Sequence[Span], replacements: Sequence[str]
    ) -> None:
        self._text = text
        self._words = words
        self._placed = placed
        self._spans = spans
        self._replacements = replacements
        self._touching: list[list[int]] = [[] for _ in words]
        for number, span in enumerate(spans):
            for at in placed.touched(Interval(span.start, span.end)):
                self._touching[at].append(number)
        self._stretch_of: dict[int, Stretch] = {at: s for s in placed.stretches for at in range(*s.words)}
        self._written: set[int] = set()

    def words(self) -> tuple[Word, ...]:
        kept: list[Word] = []
        at = 0
        while at < len(self._words):
            if self._touching[at]:
                stop = self._group_end(at)
                kept += self._replaced(range(at, stop))
                at = stop
            elif self._placed.sure[at] or at in self._placed.silent:
                kept.append(self._words[at])
                at += 1
            else:
                stretch = self._stretch_of[at]
                kept += self._unsure(stretch)
                at = stretch.words.end
        return tuple(kept)

    def _group_end(self, first: int) -> int:
        """The touched words that follow each other through common spans, and the punctuation between them."""
        numbers = set(self._touching[first])
        stop = at = first + 1
        while at < len(self._words):
            if not numbers.isdisjoint(self._touching[at]):
                numbers.update(self._touching[at])
                stop = at + 1
            elif at not in self._placed.silent:
                break
            at += 1
        return stop

    def _replaced(self, group: range) -> list[Word]:
        numbers = sorted({number for at in group for number in self._touching[at]})
        fresh = [number for number in numbers if number not in self._written]
        self._written.update(fresh)
        body = " ".join(self._replacements[number] for number in fresh if self._replacements[number])
        if not body:
            return []
        sure = [self._placed.places[at] for at in group if self._placed.sure[at]]
        before = after = ""
        if sure:
            first, last = self._spans[numbers[0]], self._spans[numbers[-1]]
            before = self._text[sure[0].start : max(sure[0].start, first.start)] if self._placed.sure[group[0]] else ""
            after = self._text[min(sure[-1].end, last.end) : sure[-1].end] if self._placed.sure[group[-1]] else ""
        return [_joined([self._words[at] for at in group], (before + body + after).strip())]

    def _unsure(self, stretch: Stretch) -> list[Word]:
        numbers = range(*stretch.words)
        said = [self._words[at] for at in numbers if at not in self._placed.silent]
        if stretch.agrees and stretch.written:
            return [_joined(said, self._text[stretch.text.start : stretch.text.end])]
        return [_joined([word], MASK) for word in said]


def _joined(words: Sequence[Word], text: str) -> Word:
    starts = [word.start_ms for word in words if word.start_ms is not None]
    ends = [word.end_ms for word in words if word.end_ms is not None]
    confidences = [word.confidence for word in words if word.confidence is not None]
    return Word(
        text=text,
        start_ms=min(starts) if starts else None,
        end_ms=max(ends) if ends else None,
        confidence=min(confidences) if confidences else None,
    )
