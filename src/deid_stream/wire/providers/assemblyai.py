"""AssemblyAI: streaming v3 ``Turn`` messages, v2 ``PartialTranscript`` and ``FinalTranscript``, and finished
transcripts (batch). Times are milliseconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, kind_in, nothing
from deid_stream.wire.providers.fields import Spoken, cut, entries, has_list, label, number, objects, text, whole
from deid_stream.wire.segments import Draft, word


def _words(fields: Fields) -> list[Word]:
    return [
        word(text(w, "text"), number(w, "start"), number(w, "end"), number(w, "confidence"))
        for w in objects(fields, "words")
    ]


def _turn(message: Fields) -> Iterator[Draft]:
    """A turn comes again once formatted, as a later revision of the same segment. ``turn_order`` begins at 0 again with
    each connection, so the turn's start belongs to its id."""
    words = _words(message)
    said = text(message, "transcript")
    if not words and not said:
        return
    turn = whole(message, "turn_order")
    start = next((w.start_ms for w in words if w.start_ms is not None), None)
    yield Draft(
        text=said,
        segment_id=None if turn is None or start is None else f"turn-{turn}-{start}",
        revision=1 if message.get("turn_is_formatted") is True else 0,
        is_final=message.get("end_of_turn") is True,
        channel=_channel(message),
        speaker=label(message, "speaker_label"),
        language=text(message, "language_code"),
        words=words,
    )


def _realtime(message: Fields) -> Iterator[Draft]:
    said = text(message, "text")
    if said == "" and not has_list(message, "words"):
        return
    yield Draft(
        text=said,
        start_ms=number(message, "audio_start"),
        end_ms=number(message, "audio_end"),
        is_final=message.get("message_type") == "FinalTranscript",
        words=_words(message),
    )


def _channel(fields: Fields) -> int | None:
    """Channels count from 1."""
    index = whole(fields, "channel")
    return index - 1 if index else None


def _is_batch(document: Fields) -> bool:
    return document.get("status") == "completed" and ("words" in document or "utterances" in document)


def _batch(document: Fields) -> Iterator[Draft]:
    """The utterances where channels or speakers were asked for; else the words, cut into segments."""
    language = text(document, "language_code")
    if not has_list(document, "utterances"):
        speakers = [label(w, "speaker") for w in objects(document, "words")]
        if text(document, "text") and not speakers:
            yield Draft(text=text(document, "text"), at="$")
        yield from cut(map(Spoken, _words(document), speakers), at="$.words", language=language)
        return
    for at, utterance in entries(document, "utterances"):
        yield Draft(
            text=text(utterance, "text"),
            start_ms=number(utterance, "start"),
            end_ms=number(utterance, "end"),
            channel=_channel(utterance),
            speaker=label(utterance, "speaker"),
            language=language,
            words=_words(utterance),
            at=at,
        )


PROVIDER: Final = Provider(
    "assemblyai",
    "AssemblyAI",
    (
        Form("streaming v3 Turn", kind_in("type", ["Turn"]), _turn),
        Form("streaming v2 transcript", kind_in("message_type", ["PartialTranscript", "FinalTranscript"]), _realtime),
        Form("finished transcript", _is_batch, _batch),
        control("type", "Begin", "Termination", "SpeechStarted", "Error", "SpeakerRevision"),
        control("message_type", "SessionBegins", "SessionTerminated", "SessionInformation"),
        control("status", "queued", "processing", "error"),
        Form(
            "errors",
            lambda document: document.keys() <= {"error", "error_code"} and bool(document),
            nothing,
            telling=False,
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True, restates=True),
)
