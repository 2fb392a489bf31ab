"""Telnyx ``call.transcription`` webhooks. They have no times."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, nothing
from deid_stream.wire.providers.fields import child, role, text
from deid_stream.wire.segments import Draft


def _event(document: Fields) -> str:
    return text(child(document, "data"), "event_type") or ""


def _transcription(document: Fields) -> Iterator[Draft]:
    said = child(document, "data", "payload", "transcription_data")
    yield Draft(
        text=text(said, "transcript"),
        role=role(said, "transcription_track"),
        segment_id=text(child(document, "data"), "id"),
        is_final=said.get("is_final") is not False,
        timed=not isinstance(said.get("transcript"), str),
        at="$.data.payload.transcription_data",
    )


PROVIDER: Final = Provider(
    "telnyx",
    "Telnyx",
    (
        Form("call.transcription", lambda document: _event(document) == "call.transcription", _transcription),
        Form("other call events", lambda document: _event(document).startswith(("call.", "streaming.")), nothing),
    ),
    Capabilities(WordTimes.NONE, interims=True, channels=True),
)
