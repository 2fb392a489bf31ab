"""Gladia: live v2 messages (also as callbacks) and finished transcriptions. Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control
from deid_stream.wire.providers.fields import (
    child,
    entries,
    has_list,
    label,
    seconds_as_ms,
    text,
    whole,
    words_in_seconds,
)
from deid_stream.wire.segments import Draft


def _utterance(fields: Fields, at: str) -> Draft:
    said = text(fields, "text")
    return Draft(
        text=None if said is None else said.strip(),
        start_ms=seconds_as_ms(fields, "start"),
        end_ms=seconds_as_ms(fields, "end"),
        channel=whole(fields, "channel"),
        speaker=label(fields, "speaker"),
        language=text(fields, "language"),
        words=words_in_seconds(fields, "words", "word"),
        at=at,
    )


def _message(document: Fields) -> Fields:
    """The live message, with or without the callback around it."""
    return child(document, "payload") or document


def _is_live(document: Fields) -> bool:
    return bool(child(_message(document), "data", "utterance"))


def _live(document: Fields) -> Iterator[Draft]:
    data = child(_message(document), "data")
    draft = _utterance(child(data, "utterance"), "$.data.utterance")
    draft.segment_id = text(data, "id")
    draft.is_final = data.get("is_final") is True
    if draft.segment_id and draft.start_ms is not None:
        # the count begins again with each session
        draft.segment_id = f"{draft.segment_id}-{draft.start_ms:.0f}"
    yield draft


def _is_finished(document: Fields) -> bool:
    return has_list(_transcription(document), "utterances")


def _transcription(document: Fields) -> Fields:
    return (
        child(document, "result", "transcription")
        or child(document, "payload", "transcription")
        or child(document, "transcription")
    )


def _finished(document: Fields) -> Iterator[Draft]:
    for at, utterance in entries(_transcription(document), "utterances", "$.result.transcription"):
        yield _utterance(utterance, at)


_EVENTS: Final = (
    "audio_chunk speech_start speech_end start_session start_recording end_recording end_session stop_recording error "
    "translation named_entity_recognition sentiment_analysis post_transcript post_final_transcript post_summarization "
    "post_chapterization"
).split()

PROVIDER: Final = Provider(
    "gladia",
    "Gladia",
    (
        Form("live transcript", _is_live, _live),
        Form("finished transcription", _is_finished, _finished),
        control("type", *_EVENTS),
        control("event", *(f"live.{name}" for name in _EVENTS), "transcription.created", "transcription.error"),
        control("status", "queued", "processing", "error"),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
)
