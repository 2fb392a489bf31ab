"""Amazon: Transcribe streaming and batch, Call Analytics (batch and streaming), Contact Lens, Live Call Analytics."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, nothing
from deid_stream.wire.providers.fields import (
    Spoken,
    any_of,
    attach,
    by_speaker,
    child,
    cut,
    entries,
    first,
    has_list,
    label,
    number,
    objects,
    role,
    seconds_as_ms,
    text,
)
from deid_stream.wire.segments import Draft, word

_MARKS: Final = frozenset(",.?!;:")


class _Item(NamedTuple):
    """How one of Amazon's item lists spells its fields. Times are milliseconds."""

    kind: str
    content: str
    times: Callable[[Fields], tuple[float | None, float | None]]
    confidence: str
    speaker: str


def _seconds(start: str, end: str) -> Callable[[Fields], tuple[float | None, float | None]]:
    return lambda item: (seconds_as_ms(item, start), seconds_as_ms(item, end))


def _millis(item: Fields) -> tuple[float | None, float | None]:
    return number(item, "BeginOffsetMillis"), number(item, "EndOffsetMillis")


_STREAM: Final = _Item("Type", "Content", _seconds("StartTime", "EndTime"), "Confidence", "Speaker")
_ANALYTICS: Final = _Item("ItemType", "Content", _millis, "Confidence", "Speaker")
_BATCH: Final = _Item("type", "content", _seconds("start_time", "end_time"), "confidence", "speaker_label")


def _spoken(items: Iterable[Fields], spelling: _Item) -> list[Spoken]:
    """Items to words; a punctuation item belongs to the word before it, as in the transcript's text."""
    words: list[Spoken] = []
    for item in items:
        best = first(item, "alternatives") if spelling is _BATCH else item
        content = text(best, spelling.content) or ""
        kind = (text(item, spelling.kind) or "").lower()
        if words and (kind == "punctuation" or (not kind and content and set(content) <= _MARKS)):
            attach(words, content)
        else:
            own = word(content, *spelling.times(item), number(best, spelling.confidence))
            words.append(Spoken(own, label(item, spelling.speaker)))
    return words


def _channel(fields: Fields, name: str) -> int | None:
    """``ch_0``, ``ch_1``."""
    digits = (text(fields, name) or "").removeprefix("ch_")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 3 else None


def _event(document: Fields) -> Fields:
    """The transcript event, with or without the SDK's key around it."""
    return child(document, "TranscriptEvent") or document


def _is_stream(document: Fields) -> bool:
    event = _event(document)
    return has_list(child(event, "Transcript"), "Results") or has_list(event, "Results")


def _stream(document: Fields) -> Iterator[Draft]:
    event = _event(document)
    for at, result in entries(child(event, "Transcript") or event, "Results"):
        best = first(result, "Alternatives")
        spoken = _spoken(objects(best, "Items"), _STREAM)
        draft = Draft(
            text=text(best, "Transcript"),
            start_ms=seconds_as_ms(result, "StartTime"),
            end_ms=seconds_as_ms(result, "EndTime"),
            segment_id=text(result, "ResultId"),
            channel=_channel(result, "ChannelId"),
            is_final=result.get("IsPartial") is False,
            language=text(result, "LanguageCode"),
            words=[s.word for s in spoken],
            at=at,
        )
        yield from by_speaker(draft, [s.speaker for s in spoken])


def _is_batch(document: Fields) -> bool:
    results = child(document, "results")
    return has_list(results, "transcripts") and (has_list(results, "items") or "channel_labels" in results)


def _batch(document: Fields) -> Iterator[Draft]:
    """A job's whole transcript, cut into segments: Amazon gives one text and one list of items."""
    results = child(document, "results")
    language = text(results, "language_code")
    labelled = child(results, "channel_labels")
    if has_list(labelled, "channels"):
        for at, channel in entries(labelled, "channels", "$.results.channel_labels"):
            number_of = _channel(channel, "channel_label")
            yield from cut(_spoken(objects(channel, "items"), _BATCH), at=at, channel=number_of, language=language)
        return
    speakers = {
        text(item, "start_time"): text(item, "speaker_label")
        for segment in objects(child(results, "speaker_labels"), "segments")
        for item in objects(segment, "items")
    }
    items = [
        item if "speaker_label" in item else {**item, "speaker_label": speakers.get(text(item, "start_time"))}
        for item in objects(results, "items")
    ]
    if not items and any(text(whole, "transcript") for whole in objects(results, "transcripts")):
        yield Draft(text=text(first(results, "transcripts"), "transcript"), at="$.results.transcripts[0]")
    spoken = _spoken(items, _BATCH)
    yield from cut(_carried(spoken), at="$.results.items", language=language)


def _carried(words: list[Spoken]) -> Iterator[Spoken]:
    """A word without a label belongs to whoever spoke before."""
    speaker: str | None = None
    for spoken in words:
        speaker = spoken.speaker or speaker
        yield spoken._replace(speaker=speaker)


def _is_analytics(document: Fields) -> bool:
    return has_list(document, "Transcript") and (
        "JobName" in document or "Participants" in document or _has_content(document)
    )


def _has_content(document: Fields) -> bool:
    return any("Content" in entry for entry in objects(document, "Transcript"))


def _analytics(document: Fields) -> Iterator[Draft]:
    """Call Analytics and Contact Lens after the call: one entry per turn."""
    roles = {text(p, "ParticipantId"): role(p, "ParticipantRole") for p in objects(document, "Participants")}
    for at, turn in entries(document, "Transcript"):
        yield _turn(turn, at, text(document, "LanguageCode"), roles.get(text(turn, "ParticipantId")))


def _turn(turn: Fields, at: str, language: str | None, party: str | None = None) -> Draft:
    spoken = _spoken(objects(turn, "Items"), _ANALYTICS)
    return Draft(
        text=text(turn, "Content", "Transcript"),
        start_ms=number(turn, "BeginOffsetMillis"),
        end_ms=number(turn, "EndOffsetMillis"),
        segment_id=text(turn, "Id", "UtteranceId"),
        role=role(turn, "ParticipantRole") or party or role(turn, "ParticipantId"),
        is_final=turn.get("IsPartial") is not True,
        language=text(turn, "LanguageCode") or language,
        words=[s.word for s in spoken],
        at=at,
    )


def _utterance(document: Fields) -> Fields:
    return child(document, "UtteranceEvent") or document


def _is_utterance(document: Fields) -> bool:
    return "UtteranceId" in _utterance(document)


def _utterances(document: Fields) -> Iterator[Draft]:
    yield _turn(_utterance(document), "$.UtteranceEvent", None)


def _lens(document: Fields) -> Iterator[Draft]:
    """Contact Lens during the call: an utterance is an interim, a transcript its final."""
    for at, segment in entries(document, "Segments"):
        if final := child(segment, "Transcript"):
            yield _turn(final, f"{at}.Transcript", text(document, "LanguageCode"))
        elif interim := child(segment, "Utterance"):
            draft = _turn(interim, f"{at}.Utterance", text(document, "LanguageCode"))
            draft.text, draft.is_final = text(interim, "PartialContent"), False
            draft.segment_id = text(interim, "TranscriptId") or draft.segment_id
            yield draft
        elif not {"Categories", "PostContactSummary"} & segment.keys():
            yield Draft(at=at)


def _is_live_call(document: Fields) -> bool:
    return document.get("EventType") == "ADD_TRANSCRIPT_SEGMENT"


def _live_call(document: Fields) -> Iterator[Draft]:
    yield Draft(
        text=text(document, "Transcript"),
        start_ms=seconds_as_ms(document, "StartTime"),
        end_ms=seconds_as_ms(document, "EndTime"),
        segment_id=text(document, "SegmentId"),
        role=role(document, "Channel", "Speaker"),
        is_final=document.get("IsPartial") is not True,
        language=text(document, "LanguageCode"),
    )


def _has(name: str) -> Callable[[Fields], bool]:
    return lambda document: bool(child(document, name))


PROVIDER: Final = Provider(
    "aws",
    "Amazon",
    (
        Form("Transcribe stream", _is_stream, _stream),
        Form("Transcribe batch", _is_batch, _batch),
        Form("Call Analytics or Contact Lens after the call", _is_analytics, _analytics),
        Form("Call Analytics UtteranceEvent", _is_utterance, _utterances),
        Form("Contact Lens segments", lambda document: has_list(document, "Segments"), _lens),
        Form("Live Call Analytics segment", _is_live_call, _live_call),
        Form("CategoryEvent", any_of(_has("CategoryEvent"), _has("ConfigurationEvent")), nothing),
        control(
            "EventType", "START", "END", "STARTED", "COMPLETED", "FAILED", "ADD_AGENT_ASSIST", "ADD_CALL_CATEGORY",
            "UPDATE_AGENT", "ADD_S3_RECORDING_URL", "ADD_SUMMARY", "CONTINUE",
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
    aliases=("amazon", "transcribe", "contactlens", "lca"),
)  # fmt: skip
