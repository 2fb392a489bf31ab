"""ElevenLabs: post-call webhooks and live messages of its agents, and Scribe transcripts. Times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control, kind_in
from deid_stream.wire.providers.fields import (
    Spoken,
    attach,
    child,
    cut,
    ended_by_next,
    entries,
    has_list,
    label,
    objects,
    role,
    seconds_as_ms,
    text,
    whole,
)
from deid_stream.wire.segments import AGENT, CUSTOMER, Draft, word

_LIVE: Final = {
    "user_transcript": ("user_transcription_event", "user_transcript", CUSTOMER),
    "agent_response": ("agent_response_event", "agent_response", AGENT),
}


def _conversation(document: Fields) -> Fields:
    """The conversation, with or without the webhook around it."""
    return child(document, "data") or document


def _is_post_call(document: Fields) -> bool:
    turns = objects(_conversation(document), "transcript")
    return any("role" in turn and "time_in_call_secs" in turn for turn in turns)


def _post_call(document: Fields) -> Iterator[Draft]:
    """A turn says in which second it began; its end is the next turn's begin at most. A turn of tools has no words."""
    drafts = []
    for at, turn in entries(_conversation(document), "transcript", "$.data"):
        if turn and turn.get("message") is None:
            continue
        start = seconds_as_ms(turn, "time_in_call_secs")
        drafts.append(Draft(text=text(turn, "message"), role=role(turn, "role"), start_ms=start, at=at))
    for draft in ended_by_next(drafts):
        # the start is a whole second, rounded down: speech may reach into the next turn's first
        draft.end_ms = None if draft.end_ms is None else draft.end_ms + 1_000
        yield draft


def _live(message: Fields) -> Iterator[Draft]:
    event, field, party = _LIVE[str(message["type"])]
    said = text(child(message, event), field)
    yield Draft(text=said, role=party, timed=said is None, at=f"$.{event}")


def _is_scribe(document: Fields) -> bool:
    named = bool({"language_code", "language_probability"} & document.keys())
    return has_list(document, "words") and named and "status" not in document


def _scribe(document: Fields, at: str = "$", channel: int | None = None) -> Iterator[Draft]:
    """Words, the blanks between them, and sounds ("(laughter)"), which were not said."""
    words: list[Spoken] = []
    for w in objects(document, "words"):
        said = (text(w, "text") or "").strip()
        if w.get("type") in ("spacing", "audio_event") or not said:
            continue
        if words and not any(letter.isalnum() for letter in said):
            attach(words, said)
        else:
            own = word(said, seconds_as_ms(w, "start"), seconds_as_ms(w, "end"))
            words.append(Spoken(own, label(w, "speaker_id")))
    if not words and text(document, "text"):
        yield Draft(text=text(document, "text"), channel=channel, at=at)
    yield from cut(words, at=f"{at}.words", channel=channel, language=text(document, "language_code"))


def _is_channels(document: Fields) -> bool:
    return any(_is_scribe(part) for part in objects(document, "transcripts"))


def _channels(document: Fields) -> Iterator[Draft]:
    for at, part in entries(document, "transcripts"):
        yield from _scribe(part, at, whole(part, "channel_index"))


def _realtime(message: Fields) -> Iterator[Draft]:
    if has_list(message, "words"):
        yield from _scribe(message)
        return
    said = text(message, "text")
    if said:
        yield Draft(text=said, is_final=message.get("message_type") != "partial_transcript", timed=False)


PROVIDER: Final = Provider(
    "elevenlabs",
    "ElevenLabs",
    (
        Form("post-call transcription", _is_post_call, _post_call),
        Form("agents' live transcripts", kind_in("type", _LIVE), _live),
        Form(
            "Scribe realtime",
            kind_in(
                "message_type",
                ["partial_transcript", "committed_transcript", "committed_transcript_with_timestamps"],
            ),
            _realtime,
        ),
        Form("Scribe, channels apart", _is_channels, _channels),
        Form("Scribe", _is_scribe, _scribe),
        control("message_type", "session_started", "input_error", "auth_error", "quota_exceeded", "error"),
        control(
            "type", "post_call_audio", "call_initiation_failure", "conversation_initiation_metadata", "audio", "ping",
            "interruption", "agent_response_correction", "internal_tentative_agent_response", "vad_score",
            "client_tool_call", "agent_tool_response", "contextual_update",
        ),
    ),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
    aliases=("scribe",),
)  # fmt: skip
