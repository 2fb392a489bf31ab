"""Speechmatics: batch (json-v2) and real time (``AddTranscript``, ``AddSegment``). Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, kind_in
from deid_stream.wire.providers.fields import (
    Spoken,
    attach,
    by_speaker,
    child,
    cut,
    entries,
    first,
    has_list,
    join,
    number,
    objects,
    role,
    seconds_as_ms,
    text,
)
from deid_stream.wire.segments import Draft, word


def _spoken(fields: Fields) -> list[Spoken]:
    """Results to words; punctuation belongs to the word before it."""
    words: list[Spoken] = []
    for result in objects(fields, "results"):
        best = first(result, "alternatives")
        content = text(best, "content") or ""
        if result.get("type") == "punctuation" and words:
            attach(words, content)
            continue
        start, end = seconds_as_ms(result, "start_time"), seconds_as_ms(result, "end_time")
        words.append(Spoken(word(content, start, end, number(best, "confidence")), text(best, "speaker")))
    return words


def _channel(fields: Fields) -> int | None:
    """``channel_1`` is the first; a name of the customer's own says nothing."""
    digits = (text(fields, "channel") or "").removeprefix("channel_")
    return int(digits) - 1 if digits.isascii() and digits.isdigit() and 0 < len(digits) <= 3 and int(digits) else None


def _is_batch(document: Fields) -> bool:
    return has_list(document, "results") and "message" not in document and ("format" in document or "job" in document)


def _batch(document: Fields) -> Iterator[Draft]:
    language = text(child(document, "metadata", "transcription_config"), "language")
    by_channel: dict[str | None, list[Fields]] = {}
    for result in objects(document, "results"):
        by_channel.setdefault(text(result, "channel"), []).append(result)
    for index, (name, results) in enumerate(by_channel.items()):
        named: Fields = {"channel": name}
        channel = _channel(named)
        if channel is None and len(by_channel) > 1 and role(named, "channel") is None:
            channel = index
        spoken = _spoken({"results": results})
        party = role(named, "channel")
        for draft in cut(spoken, at="$.results", channel=channel, language=language):
            draft.role = draft.role or party
            yield draft


def _realtime(message: Fields) -> Iterator[Draft]:
    """Finals come a few words at a time, and finish the channel up to their end."""
    place = child(message, "metadata")
    is_final = message.get("message") == "AddTranscript"
    spoken = _spoken(message)
    start, end = seconds_as_ms(place, "start_time"), seconds_as_ms(place, "end_time")
    draft = Draft(
        text=join(spoken) if spoken else text(place, "transcript"),
        start_ms=start,
        end_ms=end,
        channel=_channel(message),
        role=role(message, "channel"),
        is_final=is_final,
        words=[s.word for s in spoken],
        transcribed_until_ms=end if is_final else None,
    )
    yield from by_speaker(draft, [s.speaker for s in spoken])


def _segments(message: Fields) -> Iterator[Draft]:
    for at, segment in entries(message, "segments"):
        place = child(segment, "metadata")
        yield Draft(
            text=text(segment, "text"),
            start_ms=seconds_as_ms(place, "start_time"),
            end_ms=seconds_as_ms(place, "end_time"),
            speaker=text(segment, "speaker_id"),
            language=text(segment, "language"),
            is_final=message.get("message") == "AddSegment",
            at=at,
        )


PROVIDER: Final = Provider(
    "speechmatics",
    "Speechmatics",
    (
        Form("real-time transcript", kind_in("message", ["AddTranscript", "AddPartialTranscript"]), _realtime),
        Form("real-time segments", kind_in("message", ["AddSegment", "AddPartialSegment"]), _segments),
        Form("batch (json-v2)", _is_batch, _batch),
        control(
            "message",
            *("RecognitionStarted AudioAdded EndOfTranscript EndOfUtterance Info Warning Error SpeakersResult").split(),
            *("ChannelAudioAdded AudioEventStarted AudioEventEnded AddTranslation AddPartialTranslation").split(),
            *("StartOfTurn EndOfTurn EndOfTurnPrediction SpeakerStarted SpeakerEnded").split(),
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
)
