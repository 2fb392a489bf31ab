"""Google Cloud Speech-to-Text, v1 (``startTime``) and v2 (``startOffset``): streaming, recognize, batch recognize, and
the operation around them. Protobuf JSON in either spelling (``isFinal``, ``is_final``)."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, nothing
from deid_stream.wire.providers.fields import (
    Spoken,
    by_speaker,
    child,
    cut,
    entries,
    first,
    has_list,
    is_true,
    join,
    label,
    number,
    objects,
    rough_length_ms,
    seconds_as_ms,
    text,
    whole,
)
from deid_stream.wire.segments import Draft, word

_ZERO: Final = {"startTime": "0s"}
"""proto3 JSON leaves out a zero, and only a zero."""
_ENVELOPE: Final = ("totalBilledTime", "total_billed_time", "metadata")


def _end_ms(result: Fields) -> float | None:
    return seconds_as_ms(result, "resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")


def _final(result: Fields) -> bool:
    return is_true(result.get("isFinal", result.get("is_final")))


def _is_streamed(document: Fields) -> bool:
    return any(_final(result) or "stability" in result for result in objects(document, "results"))


def _is_over(document: Fields, result: Fields, *, streamed: bool) -> bool:
    """Streaming finals say so. Results of a whole recording do not: they come with what was billed, or with a
    confidence, which no interim has."""
    if streamed:
        return _final(result)
    best = first(result, "alternatives")
    return any(name in document for name in _ENVELOPE) or bool(number(best, "confidence"))


def _words(best: Fields) -> list[Spoken]:
    return [
        Spoken(
            word(
                text(w, "word"),
                seconds_as_ms({**_ZERO, **w}, "startOffset", "start_offset", "start_time", "startTime"),
                seconds_as_ms(w, "endOffset", "endTime", "end_offset", "end_time"),
                number(w, "confidence"),
            ),
            label(w, "speakerLabel", "speaker_label", "speakerTag", "speaker_tag"),
        )
        for w in objects(best, "words")
    ]


def _own(words: list[Spoken], said: str | None) -> list[Spoken]:
    """With diarization, a v1 result holds all words since the beginning: those of its own text are the last."""
    count = len((said or "").split())
    if said is None or len(words) <= count or join(words) == said:
        return words
    return words[-count:] if count else []


def _channel(result: Fields) -> int | None:
    tag = whole(result, "channelTag", "channel_tag")
    return tag - 1 if tag else None


def _restated(document: Fields) -> list[Spoken] | None:
    """All words with their speakers, in a last result that has no text of its own (v1 recognize with diarization)."""
    results = list(objects(document, "results"))
    if len(results) < 2 or "transcript" in first(results[-1], "alternatives"):
        return None
    words = _words(first(results[-1], "alternatives"))
    return words if words and any(w.speaker for w in words) else None


def _results(document: Fields, at: str = "$") -> Iterator[Draft]:
    """One segment a result. Its start is its first word's; where words have no times, the end of the result before it,
    or what its letters may take."""
    if (restated := _restated(document)) is not None:
        yield from cut(restated, at=f"{at}.results")
        return
    ends: dict[int | None, float] = {}
    streamed = _is_streamed(document)
    for place, result in entries(document, "results", at):
        yield from _result(result, place, ends, is_final=_is_over(document, result, streamed=streamed))


def _result(result: Fields, at: str, ends: dict[int | None, float], *, is_final: bool) -> Iterator[Draft]:
    best = first(result, "alternatives")
    said = text(best, "transcript")
    spoken = _own(_words(best), said)
    channel, end = _channel(result), _end_ms(result)
    start = None
    if end is not None and not any(s.word.start_ms is not None for s in spoken):
        start = max(0, min(ends.get(channel, end), end) if channel in ends else end - rough_length_ms(said))
    if end is not None:
        ends[channel] = end
    draft = Draft(
        text=said.strip() if said is not None else None,
        start_ms=start,
        end_ms=end,
        channel=channel,
        is_final=is_final,
        language=text(result, "languageCode", "language_code"),
        words=[s.word for s in spoken],
        transcribed_until_ms=end if is_final else None,
        at=at,
    )
    yield from by_speaker(draft, [s.speaker for s in spoken])


def _is_results(document: Fields) -> bool:
    """Google's times are text (``"1.5s"``); Riva's, of nearly the same form, are numbers;
    Speechmatics' results have a type."""
    others = (_of_riva(result) or "type" in result for result in objects(document, "results"))
    return has_list(document, "results") and "message" not in document and not any(others)


def _of_riva(result: Fields) -> bool:
    words = first(first(result, "alternatives"), "words")
    return "audioProcessed" in result or any(isinstance(words.get(name), int) for name in ("startTime", "endTime"))


def _answer(document: Fields) -> Fields:
    return child(document, "response")


def _is_operation(document: Fields) -> bool:
    return has_list(_answer(document), "results") or bool(child(_answer(document), "results"))


def _operation(document: Fields) -> Iterator[Draft]:
    """A finished operation: of one recording (v1), or by recording (v2)."""
    answer = _answer(document)
    if has_list(answer, "results"):
        yield from _results({"metadata": {}, **answer}, "$.response")
        return
    for done in child(answer, "results").values():
        inner = done if isinstance(done, dict) else {}
        found = child(inner, "transcript") or child(inner, "inlineResult", "transcript")
        if has_list(found, "results"):
            yield from _results({"metadata": {}, **found}, "$.response.results.*")
        else:
            yield Draft(at="$.response.results.*")


def _is_pending(document: Fields) -> bool:
    return "name" in document and "response" not in document and ("metadata" in document or "error" in document)


def _is_event(document: Fields) -> bool:
    return "results" not in document and bool(
        {"speechEventType", "speech_event_type", "speechEventTime"} & document.keys()
    )


PROVIDER: Final = Provider(
    "google",
    "Google Speech-to-Text",
    (
        Form("streaming, recognize or BatchRecognize results", _is_results, _results),
        Form("finished operation", _is_operation, _operation),
        Form("operation that has not finished or has failed", _is_pending, nothing, telling=False),
        Form("speech events", _is_event, nothing),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True, restates=True),
    aliases=("gcp", "chirp"),
)
