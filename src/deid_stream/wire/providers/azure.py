"""Azure AI Speech: recognition results in the detailed format (one or a list of them), batch transcription, fast
transcription. Times are ticks of 100 ns, milliseconds or ISO durations."""

from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import ITEMS, Capabilities, Fields, Form, Provider, WordTimes, nothing
from deid_stream.wire.providers.fields import (
    child,
    duration_ms,
    entries,
    first,
    has_list,
    label,
    number,
    objects,
    text,
    whole,
)
from deid_stream.wire.segments import Draft, word

_TICKS_A_MS: Final = 10_000


def _moment(fields: Fields, name: str) -> float | None:
    """``offset`` or ``duration`` in ms, in whichever unit it is given."""
    for ticks in (f"{name}InTicks", name.capitalize()):
        if (value := number(fields, ticks)) is not None:
            return value / _TICKS_A_MS
    millis = number(fields, f"{name}Milliseconds")
    return duration_ms(fields, name) if millis is None else millis


def _span(fields: Fields) -> tuple[float | None, float | None]:
    offset, duration = _moment(fields, "offset"), _moment(fields, "duration")
    if offset is None:
        return None, None
    return offset, None if duration is None else offset + duration


def _words(fields: Fields, name: str, *spellings: str) -> list[Word]:
    return [word(text(w, *spellings), *_span(w), number(w, "Confidence", "confidence")) for w in objects(fields, name)]


def _is_result(document: Fields) -> bool:
    return "Offset" in document or "RecognitionStatus" in document


def _result(result: Fields, at: str = "$") -> Iterator[Draft]:
    """One segment a result. Where only lexical words are timed, the lexical text goes with them: the display form
    writes "45" for two words, and no span could be followed from one to the other."""
    start, end = _span(result)
    if result.get("RecognitionStatus", "Success") != "Success":
        return
    best = first(result, "NBest")
    shown = _words(best, "DisplayWords", "DisplayText")
    words = shown or _words(best, "Words", "Word")
    display = text(best, "Display") or text(result, "DisplayText", "Text")
    yield Draft(
        text=text(best, "Lexical") or display if words and not shown else display,
        start_ms=start,
        end_ms=end,
        segment_id=text(result, "Id"),
        channel=whole(result, "Channel"),
        speaker=text(result, "SpeakerId"),
        is_final="Text" not in result,
        language=text(child(result, "PrimaryLanguage"), "Language"),
        words=words,
        at=at,
    )


def _is_list(document: Fields) -> bool:
    found = list(objects(document, ITEMS))
    return bool(found) and all(_is_result(result) for result in found)


def _list(document: Fields) -> Iterator[Draft]:
    for at, result in entries(document, ITEMS):
        yield from _result(result, at)


def _batch(document: Fields) -> Iterator[Draft]:
    for at, phrase in entries(document, "recognizedPhrases"):
        if phrase.get("recognitionStatus", "Success") != "Success":
            continue
        start, end = _span(phrase)
        best = first(phrase, "nBest")
        shown = _words(best, "displayWords", "displayText")
        words = shown or _words(best, "words", "word")
        yield Draft(
            text=text(best, "lexical") or text(best, "display") if words and not shown else text(best, "display"),
            start_ms=start,
            end_ms=end,
            channel=whole(phrase, "channel"),
            speaker=label(phrase, "speaker"),
            language=text(phrase, "locale"),
            words=words,
            at=at,
        )


def _fast(document: Fields) -> Iterator[Draft]:
    for at, phrase in entries(document, "phrases"):
        start, end = _span(phrase)
        yield Draft(
            text=text(phrase, "text"),
            start_ms=start,
            end_ms=end,
            channel=whole(phrase, "channel"),
            speaker=label(phrase, "speaker"),
            language=text(phrase, "locale"),
            words=_words(phrase, "words", "text"),
            at=at,
        )


PROVIDER: Final = Provider(
    "azure",
    "Azure AI Speech",
    (
        Form("recognition result", _is_result, _result),
        Form("list of recognition results", _is_list, _list),
        Form("batch transcription", lambda document: has_list(document, "recognizedPhrases"), _batch),
        Form(
            "fast transcription",
            lambda document: has_list(document, "phrases") and "combinedPhrases" in document,
            _fast,
        ),
        Form(
            "speech events", lambda document: document.keys() <= {"Offset", "Type", "SessionId"}, nothing, telling=False
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
    aliases=("microsoft",),
)
