"""Deepgram: live ``Results``, pre-recorded documents (with or without utterances), Flux ``TurnInfo``, Voice Agent
``ConversationText``. Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.limits import whole as whole_number
from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, kind_in
from deid_stream.wire.providers.fields import (
    Spoken,
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
    whole,
    words_in_seconds,
)
from deid_stream.wire.segments import Draft

_WORD: Final = ("punctuated_word", "word")


def _is_live(message: Fields) -> bool:
    return message.get("type", "Results") == "Results" and isinstance(message.get("channel"), dict)


def _live(message: Fields) -> Iterator[Draft]:
    """One segment a message; a final one finishes its channel up to ``start + duration``, speech or not."""
    best = first(child(message, "channel"), "alternatives")
    start = seconds_as_ms(message, "start")
    duration = number(message, "duration")
    end = None if start is None or duration is None else round(start + duration * 1000, 3)
    index = message.get("channel_index")
    is_final = message.get("is_final") is True
    draft = Draft(
        text=text(best, "transcript"),
        start_ms=start,
        end_ms=end,
        channel=whole_number(index[0]) if isinstance(index, list) and index else None,
        is_final=is_final,
        words=words_in_seconds(best, "words", *_WORD),
        transcribed_until_ms=end if is_final else None,
    )
    yield from by_speaker(draft, [label(w, "speaker") for w in objects(best, "words")])


def _is_recorded(document: Fields) -> bool:
    results = child(document, "results")
    return has_list(results, "channels") or has_list(results, "utterances")


def _recorded(document: Fields) -> Iterator[Draft]:
    results = child(document, "results")
    if has_list(results, "utterances"):
        yield from _utterances(results)
        return
    several = len(list(objects(results, "channels"))) > 1
    for index, (at, channel) in enumerate(entries(results, "channels", "$.results")):
        best = first(channel, "alternatives")
        words = words_in_seconds(best, "words", *_WORD)
        if not words:
            if text(best, "transcript") != "":
                yield Draft(text=text(best, "transcript"), at=at)
            continue
        speakers = [label(w, "speaker") for w in objects(best, "words")]
        yield from cut(
            map(Spoken, words, speakers),
            at=at,
            channel=index if several else None,
            language=text(channel, "detected_language"),
        )


def _utterances(results: Fields) -> Iterator[Draft]:
    for at, utterance in entries(results, "utterances", "$.results"):
        words = words_in_seconds(utterance, "words", *_WORD)
        speakers = [label(w, "speaker") for w in objects(utterance, "words")]
        draft = Draft(
            text=text(utterance, "transcript"),
            start_ms=seconds_as_ms(utterance, "start"),
            end_ms=seconds_as_ms(utterance, "end"),
            segment_id=text(utterance, "id"),
            channel=whole(utterance, "channel"),
            speaker=label(utterance, "speaker"),
            words=words,
            at=at,
        )
        yield from by_speaker(draft, speakers)


def _flux(message: Fields) -> Iterator[Draft]:
    """A turn, restated until ``EndOfTurn``. Its words have no times."""
    said = text(message, "transcript")
    start = seconds_as_ms(message, "audio_window_start")
    if not said and message.get("event") != "EndOfTurn":
        return
    turn = whole(message, "turn_index")
    yield Draft(
        text=said,
        start_ms=start,
        end_ms=seconds_as_ms(message, "audio_window_end"),
        segment_id=None if turn is None or start is None else f"turn-{turn}-{start:.0f}",
        is_final=message.get("event") == "EndOfTurn",
    )


def _spoken(message: Fields) -> Iterator[Draft]:
    yield Draft(text=text(message, "content"), role=role(message, "role"), timed=False)


PROVIDER: Final = Provider(
    "deepgram",
    "Deepgram",
    (
        Form("live Results", _is_live, _live),
        Form("pre-recorded", _is_recorded, _recorded),
        Form("Flux TurnInfo", kind_in("type", ["TurnInfo"]), _flux),
        Form("Voice Agent ConversationText", kind_in("type", ["ConversationText"]), _spoken),
        control(
            "type",
            *(
                "Metadata UtteranceEnd SpeechStarted Finalize CloseStream KeepAlive Connected Error Warning Welcome"
            ).split(),
            *(
                "SettingsApplied UserStartedSpeaking AgentThinking AgentStartedSpeaking AgentAudioDone PromptUpdated"
            ).split(),
            *("SpeakUpdated InjectionRefused FunctionCallRequest FunctionCallResponse History FatalError").split(),
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True, restates=True),
)
