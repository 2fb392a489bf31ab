"""Rev.ai: asynchronous transcripts (monologues) and streaming hypotheses. Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control
from deid_stream.wire.providers.fields import (
    Spoken,
    attach,
    cut,
    entries,
    has_list,
    join,
    label,
    number,
    objects,
    seconds_as_ms,
    text,
)
from deid_stream.wire.segments import Draft, word


def _spoken(fields: Fields, speaker: str | None = None) -> list[Spoken]:
    """Elements to words; punctuation (also the blanks) belongs to the word before it."""
    words: list[Spoken] = []
    for element in objects(fields, "elements"):
        value = text(element, "value") or ""
        if element.get("type") == "punct":
            attach(words, value.strip())
        else:
            start, end = seconds_as_ms(element, "ts"), seconds_as_ms(element, "end_ts")
            own: Word = word(value, start, end, number(element, "confidence"))
            words.append(Spoken(own, speaker))
    return words


def _monologues(document: Fields) -> Iterator[Draft]:
    for at, monologue in entries(document, "monologues"):
        words = _spoken(monologue, label(monologue, "speaker"))
        if not words:
            yield Draft(at=at)
        yield from cut(words, at=at, language=text(monologue, "language"))


def _is_hypothesis(document: Fields) -> bool:
    return document.get("type") in ("partial", "final") and has_list(document, "elements")


def _hypothesis(message: Fields) -> Iterator[Draft]:
    """Elements of a partial have no times, and blanks between them are left out."""
    words = _spoken(message)
    yield Draft(
        text=join(words),
        start_ms=seconds_as_ms(message, "ts"),
        end_ms=seconds_as_ms(message, "end_ts"),
        speaker=label(message, "speaker_id"),
        is_final=message.get("type") == "final",
        words=[s.word for s in words],
    )


PROVIDER: Final = Provider(
    "revai",
    "Rev.ai",
    (
        Form("monologues", lambda document: has_list(document, "monologues"), _monologues),
        Form("streaming hypothesis", _is_hypothesis, _hypothesis),
        control("type", "connected"),
    ),
    Capabilities(WordTimes.EXACT, interims=True, speakers=True),
)
