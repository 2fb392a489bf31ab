"""Genesys AudioHook: ``event`` messages with transcript entities. Times are ISO durations from the stream's start."""

from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control
from deid_stream.wire.providers.fields import child, duration_ms, entries, first, number, objects, role, text
from deid_stream.wire.segments import Draft, word


def _span(fields: Fields) -> tuple[float | None, float | None]:
    offset, length = duration_ms(fields, "offset"), duration_ms(fields, "duration")
    return offset, None if offset is None or length is None else offset + length


def _is_event(document: Fields) -> bool:
    return document.get("type") == "event" and isinstance(child(document, "parameters").get("entities"), list)


def _event(document: Fields) -> Iterator[Draft]:
    for at, entity in entries(child(document, "parameters"), "entities", "$.parameters"):
        if entity.get("type") == "transcript" or not entity:
            yield _transcript(child(entity, "data"), f"{at}.data")


def _transcript(data: Fields, at: str) -> Draft:
    best = first(data, "alternatives")
    shown = first(best, "interpretations")
    start, end = _span(data)
    languages = best.get("languages")
    return Draft(
        text=text(shown, "transcript"),
        start_ms=start,
        end_ms=end,
        segment_id=text(data, "id"),
        role=role(data, "channel"),
        is_final=data.get("isFinal") is True,
        language=languages[0] if isinstance(languages, list) and languages and isinstance(languages[0], str) else None,
        words=_words(shown),
        at=at,
    )


def _words(shown: Fields) -> list[Word]:
    return [
        word(text(token, "value"), *_span(token), number(token, "confidence")) for token in objects(shown, "tokens")
    ]


PROVIDER: Final = Provider(
    "genesys",
    "Genesys AudioHook",
    (
        Form("event with transcript entities", _is_event, _event),
        control(
            "type",
            *("open opened close closed ping pong discarded disconnect error paused pause resume resumed").split(),
            *("update updated reconnecting playback_started playback_completed").split(),
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True),
    aliases=("audiohook",),
)
