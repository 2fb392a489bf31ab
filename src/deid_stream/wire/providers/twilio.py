"""Twilio: Conversational Intelligence sentences, real-time transcription, ConversationRelay prompts."""

from collections.abc import Iterator
from typing import Final

from deid_stream.errors import DecodeError, UnknownFormError
from deid_stream.wire.json import read_object
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, kind_in
from deid_stream.wire.providers.fields import (
    entries,
    has_list,
    is_true,
    objects,
    role,
    seconds_as_ms,
    text,
    whole,
)
from deid_stream.wire.segments import CUSTOMER, Draft, word


def _sentence(sentence: Fields, at: str = "$") -> Draft:
    """``media_channel`` counts from 1; times are seconds, as text."""
    channel = whole(sentence, "media_channel")
    index = whole(sentence, "sentence_index")
    return Draft(
        text=text(sentence, "transcript"),
        start_ms=seconds_as_ms(sentence, "start_time"),
        end_ms=seconds_as_ms(sentence, "end_time"),
        segment_id=text(sentence, "sid") or (None if index is None else f"sentence-{index}"),
        channel=channel - 1 if channel else None,
        words=[
            word(text(w, "word"), seconds_as_ms(w, "start_time"), seconds_as_ms(w, "end_time"))
            for w in objects(sentence, "words")
        ],
        at=at,
    )


def _page(document: Fields) -> Iterator[Draft]:
    for at, sentence in entries(document, "sentences"):
        yield _sentence(sentence, at)


def _is_sentence(document: Fields) -> bool:
    return "transcript" in document and bool({"media_channel", "sentence_index", "start_time"} & document.keys())


def _realtime(message: Fields) -> Iterator[Draft]:
    """A webhook's fields; the transcript is JSON in a field of its own. It has no times."""
    try:
        data: Fields = read_object((text(message, "TranscriptionData") or "").encode("utf-8", "replace"))
    except DecodeError:
        data = {}
    session, number = text(message, "TranscriptionSid"), whole(message, "SequenceId")
    yield Draft(
        text=text(data, "transcript"),
        role=role(message, "Track"),
        segment_id=f"{session}-{number}" if session and number is not None else None,
        is_final=is_true(message.get("Final")),
        language=text(message, "LanguageCode"),
        timed=not isinstance(data.get("transcript"), str),
        at="$.TranscriptionData",
    )


def _prompt(message: Fields) -> Iterator[Draft]:
    """What the caller said. What the agent says back is not in any message of ConversationRelay."""
    yield Draft(
        text=text(message, "voicePrompt"),
        role=CUSTOMER,
        is_final=message.get("last") is not False,
        language=text(message, "lang"),
        timed=not isinstance(message.get("voicePrompt"), str),
    )


def _sound(_message: Fields) -> Iterator[Draft]:
    raise UnknownFormError(
        "a frame of Media Streams is sound and no transcript",
        at="$.media",
        mend="take the stream in with deid-stream bridge twilio",
    )


PROVIDER: Final = Provider(
    "twilio",
    "Twilio",
    (
        Form("page of sentences", lambda document: has_list(document, "sentences"), _page),
        Form("sentence", _is_sentence, lambda document: iter((_sentence(document),))),
        Form("real-time transcription", kind_in("TranscriptionEvent", ["transcription-content"]), _realtime),
        Form("ConversationRelay prompt", kind_in("type", ["prompt"]), _prompt),
        Form("Media Streams frame (refused: it is sound)", kind_in("event", ["media"]), _sound, telling=False),
        control("TranscriptionEvent", "transcription-started", "transcription-stopped", "transcription-error"),
        control("type", "setup", "dtmf", "interrupt", "error"),
        control("event", "connected", "start", "stop", "mark", "dtmf"),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True),
)
