"""Redacts the text of a segment and its words from the same spans, and checks what is about to leave (law 3)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from deid_stream.model.entities import EntityType
from deid_stream.model.events import Word
from deid_stream.model.outputs import Entity
from deid_stream.model.spans import Span
from deid_stream.redact.check import Values
from deid_stream.redact.operators.registry import masked, replacement
from deid_stream.redact.text import Replaced, replace
from deid_stream.redact.words import redact_words
from deid_stream.units import Interval, Ms
from deid_stream.words.placement import Placement, place


class Redacted(NamedTuple):
    """Sanitized text and words, and one entity a redaction with offsets into the sanitized text."""

    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    disagreements: int = 0
    """Stretches of words that said something else than the text and were replaced by ``*``."""
    remains: int = 0
    """Places where a redacted value stood once more and was replaced by ``*``."""


def redact_segment(
    text: str,
    words: Sequence[Word],
    spans: Sequence[Span],
    *,
    channel: int,
    operator_of: Callable[[EntityType], str | None],
    key: bytes,
    heard: Sequence[str] = (),
    placed: Placement | None = None,
) -> Redacted:
    """Replace every span whose type has an operator.

    ``spans`` are sorted, half-open and disjoint in characters of ``text``. Where a span has no word, its entity has no
    times. ``heard`` are values that only the words had: they must not leave either. ``placed``: where the words stand
    in the text; None: it is worked out here.
    """
    chosen = [(span, name) for span in spans if (name := operator_of(span.entity_type)) is not None]
    placed = placed or place(text, [word.text for word in words])
    if not chosen and all(placed.sure) and not heard:
        return Redacted(text, tuple(words), ())
    replaced = replace(text, chosen, lambda value, span, name: replacement(value, span, name, key))
    sanitized_words = redact_words(
        text, words, placed, [span for span, _ in chosen], [part.text for part in replaced.replacements]
    )
    entities = tuple(
        Entity(
            entity_type=part.span.entity_type,
            start=part.start,
            end=part.end,
            start_ms=times[0],
            end_ms=times[1],
            channel=channel,
            score=round(part.span.score, 3),
            detector=part.span.detector,
            operator=part.operator,
        )
        for part in replaced.replacements
        for times in (_times(part.span, words, placed),)
    )
    values = Values([*(text[span.start : span.end] for span, _ in chosen), *heard])
    redacted = Redacted(replaced.text, sanitized_words, entities, len(placed.disagreements))
    return _checked(redacted, replaced, text, values) if values else redacted


def _checked(redacted: Redacted, replaced: Replaced, source: str, values: Values) -> Redacted:
    """Masks what remains of ``values`` outside the replacements; the text keeps its length."""
    written = [part.text for part in replaced.replacements if part.text]
    text = redacted.text
    remains = 0
    shift = 0
    for number, clear in enumerate(replaced.clear):
        for place_ in values.found(source[clear.start : clear.end]):
            start, end = clear.start + place_.start + shift, clear.start + place_.end + shift
            text = text[:start] + masked(text[start:end]) + text[end:]
            remains += 1
        if number < len(replaced.replacements):
            part = replaced.replacements[number]
            shift = part.end - part.span.end
    words = list(redacted.words)
    said = " ".join(_without(word.text, written) for word in words)
    for place_ in values.found(said):
        at = 0
        for number, word in enumerate(words):
            length = len(_without(word.text, written))
            if Interval(at, at + length).overlaps(place_):
                words[number] = Word(masked(word.text), word.start_ms, word.end_ms, word.confidence)
                remains += 1
            at += length + 1
    return redacted._replace(text=text, words=tuple(words), remains=remains)


def _without(text: str, written: Sequence[str]) -> str:
    """A word without what an operator wrote into it, which holds no value: the form in which it is searched for
    values."""
    for part in written:
        text = text.replace(part, "|" * len(part))
    return text


def _times(span: Span, words: Sequence[Word], placed: Placement) -> tuple[Ms | None, Ms | None]:
    touched = [words[at] for at in placed.touched(Interval(span.start, span.end))]
    starts = [word.start_ms for word in touched if word.start_ms is not None]
    ends = [word.end_ms for word in touched if word.end_ms is not None]
    return (min(starts) if starts else None, max(ends) if ends else None)
