"""Redacts the text of a segment and its words from the same spans (law 3)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from deid_stream.model.entities import EntityType
from deid_stream.model.events import Word
from deid_stream.model.outputs import Entity
from deid_stream.model.spans import Span
from deid_stream.model.words import place_words
from deid_stream.redact.operators import operator
from deid_stream.units import Interval, Ms


class Redacted(NamedTuple):
    """Sanitized text and words, and one entity a redaction with offsets into the sanitized text."""

    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]


def redact_segment(
    text: str,
    words: Sequence[Word],
    spans: Sequence[Span],
    *,
    channel: int,
    operator_of: Callable[[EntityType], str | None],
    key: bytes,
) -> Redacted:
    """Replace every span whose type has an operator.

    ``spans`` are sorted, half-open and disjoint in characters of ``text``. The words that a span touches become one
    word, with the times from the first to the last of them; where a span has no word, its entity has no times.
    """
    chosen = [(span, name) for span in spans if (name := operator_of(span.entity_type)) is not None]
    if not chosen:
        return Redacted(text, tuple(words), ())
    places = place_words(text, words)
    pieces: list[str] = []
    entities: list[Entity] = []
    replacements: list[str] = []
    cursor = length = 0
    for span, name in chosen:
        clear = text[cursor : span.start]
        replacement = operator(name)(text[span.start : span.end], span, key)
        pieces += (clear, replacement)
        replacements.append(replacement)
        start = length + len(clear)
        length = start + len(replacement)
        cursor = span.end
        start_ms, end_ms = _times(span, words, places)
        entities.append(
            Entity(
                entity_type=span.entity_type,
                start=start,
                end=length,
                start_ms=start_ms,
                end_ms=end_ms,
                channel=channel,
                score=round(span.score, 3),
                detector=span.detector,
                operator=name,
            )
        )
    pieces.append(text[cursor:])
    redacted_words = _redact_words(text, words, places, [span for span, _ in chosen], replacements)
    return Redacted("".join(pieces), redacted_words, tuple(entities))


def _touches(place: Interval, span: Span) -> bool:
    # an empty place may stand for anything between its neighbours, so a span it merely borders counts
    if place.end > place.start:
        return place.start < span.end and span.start < place.end
    return span.start <= place.start <= span.end


def _times(span: Span, words: Sequence[Word], places: Sequence[Interval]) -> tuple[Ms | None, Ms | None]:
    touched = [word for word, place in zip(words, places, strict=True) if _touches(place, span)]
    starts = [word.start_ms for word in touched if word.start_ms is not None]
    ends = [word.end_ms for word in touched if word.end_ms is not None]
    return (min(starts) if starts else None, max(ends) if ends else None)


def _redact_words(
    text: str,
    words: Sequence[Word],
    places: Sequence[Interval],
    spans: Sequence[Span],
    replacements: Sequence[str],
) -> tuple[Word, ...]:
    kept: list[Word] = []
    group: list[Word] = []
    written: set[int] = set()
    group_spans: list[int] = []
    group_place = Interval(0, 0)

    def close() -> None:
        if not group:
            return
        fresh = [index for index in group_spans if index not in written]
        written.update(fresh)
        body = " ".join(replacements[index] for index in fresh if replacements[index])
        if fresh and body:
            before = text[group_place.start : max(group_place.start, spans[group_spans[0]].start)]
            after = text[min(group_place.end, spans[group_spans[-1]].end) : group_place.end]
            kept.append(_joined(group, (before + body + after).strip()))
        group.clear()
        group_spans.clear()

    for word, place in zip(words, places, strict=True):
        touched = [index for index, span in enumerate(spans) if _touches(place, span)]
        if not touched:
            close()
            kept.append(word if place.end > place.start else _joined([word], "*"))
            continue
        if group and touched[0] not in group_spans:
            close()
        group_place = place if not group else Interval(group_place.start, max(group_place.end, place.end))
        group.append(word)
        group_spans.extend(index for index in touched if index not in group_spans)
    close()
    return tuple(kept)


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
