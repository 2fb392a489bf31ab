"""Whisper and what speaks like it: openai-whisper, faster-whisper, WhisperX, whisper.cpp, Groq, the answers of OpenAI's
transcription API (``verbose_json``, ``diarized_json``, ``json``) and the transcripts of its Realtime API."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from deid_stream.model.events import Word
from deid_stream.wire.providers.base import ITEMS, Capabilities, Fields, Form, Provider, WordTimes, control, kind_in
from deid_stream.wire.providers.fields import (
    Spoken,
    by_speaker,
    child,
    cut,
    entries,
    glued,
    has_list,
    label,
    number,
    objects,
    seconds_as_ms,
    text,
    whole,
)
from deid_stream.wire.segments import AGENT, CUSTOMER, Draft, word

_DONE: Final = "conversation.item.input_audio_transcription.completed"
_AGENT_DONE: Final = ("response.audio_transcript.done", "response.output_audio_transcript.done")


def _word(fields: Fields) -> Word:
    """Words carry their leading blank, which is not part of them."""
    confidence = number(fields, "probability", "score", "confidence")
    said = (text(fields, "word", "text") or "").strip()
    return word(said, seconds_as_ms(fields, "start"), seconds_as_ms(fields, "end"), confidence)


def _is_segments(document: Fields) -> bool:
    return has_list(document, "segments") and "message" not in document


def _segments(result: Fields) -> Iterator[Draft]:
    """One final segment an entry of ``segments``. ``verbose_json`` lists the words once for all segments: each goes to
    the segment its middle falls in."""
    if not result["segments"] and text(result, "text"):
        yield Draft(text=text(result, "text"), timed=False)
        return
    loose = _Loose([_word(w) for w in objects(result, "words")])
    for at, segment in entries(result, "segments"):
        start, end = seconds_as_ms(segment, "start"), seconds_as_ms(segment, "end")
        own = list(objects(segment, "words"))
        index = label(segment, "id")
        draft = Draft(
            text=(text(segment, "text") or "").strip() if segment else None,
            start_ms=start,
            end_ms=end,
            segment_id=None if index is None or start is None or end is None else f"{index}-{start:.0f}-{end:.0f}",
            channel=whole(segment, "channel"),
            speaker=label(segment, "speaker"),
            language=text(segment, "language") or text(result, "language"),
            words=[_word(w) for w in own] if own else loose.within(start, end),
            at=at,
        )
        yield from by_speaker(draft, [label(w, "speaker") for w in own] if own else [None] * len(draft.words))


class _Loose:
    """Words listed apart from the segments, found by their middle."""

    def __init__(self, words: list[Word]) -> None:
        timed = [(w.start_ms + w.end_ms, w) for w in words if w.start_ms is not None and w.end_ms is not None]
        timed.sort(key=lambda pair: pair[0])
        self._words = [w for _, w in timed]
        self._twice_middle = [middle for middle, _ in timed]

    def within(self, start_ms: float | None, end_ms: float | None) -> list[Word]:
        """Those whose middle lies in ``[start_ms, end_ms)``."""
        if start_ms is None or end_ms is None:
            return []
        first = bisect_right(self._twice_middle, 2 * start_ms - 0.001)
        last = bisect_right(self._twice_middle, 2 * end_ms - 0.001)
        return self._words[first:last]


def _is_words(document: Fields) -> bool:
    """OpenAI with ``timestamp_granularities[]=word`` alone."""
    return has_list(document, "words") and "text" in document and any("word" in w for w in objects(document, "words"))


def _loose_words(document: Fields) -> Iterator[Draft]:
    words = [Spoken(_word(w), label(w, "speaker")) for w in objects(document, "words")]
    yield from cut(words, at="$.words", language=text(document, "language"))


def _cpp(document: Fields) -> Iterator[Draft]:
    """whisper.cpp ``--output-json`` and ``--output-json-full``; offsets are milliseconds."""
    language = text(child(document, "result"), "language")
    for at, segment in entries(document, "transcription"):
        offsets = child(segment, "offsets")
        yield Draft(
            text=(text(segment, "text") or "").strip() if segment else None,
            start_ms=number(offsets, "from"),
            end_ms=number(offsets, "to"),
            speaker=label(segment, "speaker"),
            language=language,
            words=_joined(segment),
            at=at,
        )


def _joined(segment: Fields) -> list[Word]:
    """Tokens to words: a token with a leading blank begins one; tokens in brackets are whisper.cpp's own."""
    words: list[Word] = []
    for token in objects(segment, "tokens"):
        piece = text(token, "text") or ""
        if not piece.strip() or piece.startswith("[_"):
            continue
        start, end = number(child(token, "offsets"), "from"), number(child(token, "offsets"), "to")
        own = word(piece.strip(), start, end, number(token, "p"))
        if words and not piece.startswith(" "):
            words[-1] = glued(words[-1], own)
        else:
            words.append(own)
    return words


def _list(document: Fields) -> Iterator[Draft]:
    """The segments of faster-whisper as a bare list."""
    yield from _segments({"segments": document[ITEMS]})


def _is_list(document: Fields) -> bool:
    found = list(objects(document, ITEMS))
    return bool(found) and all("text" in segment and "start" in segment for segment in found)


def _whole(document: Fields) -> Iterator[Draft]:
    """A text without any times."""
    said = text(document, "text")
    if said:
        yield Draft(text=said, timed=False, language=text(document, "language"))


def _is_whole(document: Fields) -> bool:
    return isinstance(document.get("text"), str)


def _realtime(message: Fields) -> Iterator[Draft]:
    agent = message.get("type") in _AGENT_DONE
    yield Draft(
        text=text(message, "transcript"),
        segment_id=text(message, "item_id"),
        role=AGENT if agent else CUSTOMER,
        timed=False,
    )


PROVIDER: Final = Provider(
    "whisper",
    "Whisper and OpenAI",
    (
        Form("segments (verbose_json, diarized_json, WhisperX)", _is_segments, _segments),
        Form("words only", _is_words, _loose_words),
        Form("whisper.cpp", lambda document: has_list(document, "transcription"), _cpp),
        Form("list of segments", _is_list, _list),
        Form("Realtime API transcripts", kind_in("type", [_DONE, *_AGENT_DONE]), _realtime),
        control(
            "type", "transcript.text.delta", "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.failed", "response.audio_transcript.delta",
            "response.output_audio_transcript.delta", "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "session.created", "session.updated",
        ),
        Form("text only (json)", _is_whole, _whole, telling=False),
    ),
    Capabilities(WordTimes.LATE, speakers=True),
    aliases=("openai", "groq", "whisperx", "whispercpp", "gpt4o"),
)  # fmt: skip
