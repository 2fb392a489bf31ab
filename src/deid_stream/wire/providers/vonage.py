"""Vonage: speech input webhooks (without times) and transcriptions of recordings (times in ms)."""

from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, nothing
from deid_stream.wire.providers.fields import child, entries, first, has_list, number, objects, text
from deid_stream.wire.segments import CUSTOMER, Draft, word


def _input(document: Fields) -> Iterator[Draft]:
    best = first(child(document, "speech"), "results")
    said = text(best, "text")
    yield Draft(text=said, role=CUSTOMER, timed=said is None, at="$.speech.results[0]")


def _is_recording(document: Fields) -> bool:
    return any(has_list(channel, "transcript") for channel in objects(document, "channels"))


def _recording(document: Fields) -> Iterator[Draft]:
    for index, (at, channel) in enumerate(entries(document, "channels")):
        for place, sentence in entries(channel, "transcript", at):
            start, length = number(sentence, "timestamp"), number(sentence, "duration")
            yield Draft(
                text=text(sentence, "sentence", "raw_sentence"),
                start_ms=start,
                end_ms=None if start is None or length is None else start + length,
                channel=index,
                words=_words(sentence),
                at=place,
            )


def _words(sentence: Fields) -> list[Word]:
    return [
        word(text(w, "word"), number(w, "start_time"), number(w, "end_time"), number(w, "confidence"))
        for w in objects(sentence, "words")
    ]


PROVIDER: Final = Provider(
    "vonage",
    "Vonage",
    (
        Form("speech input", lambda document: bool(first(child(document, "speech"), "results")), _input),
        Form("recording's transcription", _is_recording, _recording),
        Form(
            "input without speech", lambda document: "speech" in document or "dtmf" in document, nothing, telling=False
        ),
    ),
    Capabilities(WordTimes.EXACT, channels=True),
    aliases=("nexmo",),
)
