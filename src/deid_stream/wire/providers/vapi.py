"""Vapi: ``transcript`` messages (without times) and ``end-of-call-report`` (when each message began)."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, nothing
from deid_stream.wire.providers.fields import child, ended_by_next, entries, has_list, number, role, seconds_as_ms, text
from deid_stream.wire.segments import Draft

_SILENT: Final = frozenset(
    "status-update speech-update conversation-update model-output tool-calls function-call hang user-interrupted "
    "voice-input transfer-update transfer-destination-request assistant-request assistant.started phone-call-control "
    "knowledge-base-request voice-request language-change-detected language-changed session.created session.updated "
    "session.deleted chat.created chat.deleted call.endpointing.request".split()
)


def _message(document: Fields) -> Fields:
    """The server message, with or without the webhook around it."""
    return child(document, "message") or document


def _kind(document: Fields) -> str:
    return (text(_message(document), "type") or "").partition("[")[0]


def _transcript(document: Fields) -> Iterator[Draft]:
    message = _message(document)
    said = text(message, "transcript")
    yield Draft(
        text=said,
        role=role(message, "role"),
        is_final=message.get("transcriptType") != "partial",
        timed=said is None,
        at="$.message",
    )


def _artifact(document: Fields) -> Fields:
    message = _message(document)
    return child(message, "artifact") or message


def _report(document: Fields) -> Iterator[Draft]:
    """Each spoken message lasts for its ``duration``, or until its ``endTime``; else until the next begins."""
    drafts = []
    for at, message in entries(_artifact(document), "messages", "$.message.artifact"):
        party = role(message, "role")
        if party is None and message:
            continue
        start, begun = seconds_as_ms(message, "secondsFromStart"), number(message, "time")
        length = number(message, "duration")
        over = number(message, "endTime")
        if length is None and over is not None and begun is not None:
            length = over - begun
        drafts.append(
            Draft(
                text=text(message, "message"),
                role=party,
                start_ms=start,
                end_ms=None if start is None or length is None or length <= 0 else start + length,
                at=at,
            )
        )
    yield from ended_by_next(drafts)


def _is_report(document: Fields) -> bool:
    return has_list(_artifact(document), "messages") and _kind(document) in ("", "end-of-call-report")


PROVIDER: Final = Provider(
    "vapi",
    "Vapi",
    (
        Form("transcript", lambda d: _kind(d) == "transcript" and "transcript" in _message(d), _transcript),
        Form("end-of-call-report", _is_report, _report),
        Form("messages without words", lambda document: _kind(document) in _SILENT, nothing, telling=False),
    ),
    Capabilities(WordTimes.NONE, interims=True, channels=True, restates=True),
)
