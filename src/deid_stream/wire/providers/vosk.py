"""Vosk: results, partial results, alternatives. Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes
from deid_stream.wire.providers.fields import first, has_list, text, words_in_seconds
from deid_stream.wire.segments import Draft


def _result(document: Fields) -> Iterator[Draft]:
    words = words_in_seconds(document, "result", "word", confidence="conf")
    yield Draft(text=text(document, "text"), words=words)


def _alternatives(document: Fields) -> Iterator[Draft]:
    best = first(document, "alternatives")
    said = text(best, "text")
    if said:
        words = words_in_seconds(best, "result", "word")
        yield Draft(text=said.strip(), words=words, timed=bool(words))


def _partial(document: Fields) -> Iterator[Draft]:
    said = text(document, "partial")
    if said:
        words = words_in_seconds(document, "partial_result", "word", confidence="conf")
        yield Draft(text=said, words=words, is_final=False, timed=bool(words))


def _whole(document: Fields) -> Iterator[Draft]:
    said = text(document, "text")
    if said:
        yield Draft(text=said, timed=False)


def _is_whole(document: Fields) -> bool:
    return isinstance(document.get("text"), str) and document.keys() <= {"text", "spk", "spk_frames"}


PROVIDER: Final = Provider(
    "vosk",
    "Vosk",
    (
        Form("result", lambda document: has_list(document, "result") and "text" in document, _result),
        Form("partial result", lambda document: isinstance(document.get("partial"), str), _partial),
        Form(
            "alternatives",
            lambda document: has_list(document, "alternatives") and "text" in first(document, "alternatives"),
            _alternatives,
        ),
        Form("text without words", _is_whole, _whole, telling=False),
    ),
    Capabilities(WordTimes.EXACT, interims=True),
    aliases=("kaldi",),
)
