"""AssemblyAI streaming: v3 ``Turn`` messages, v2 ``PartialTranscript`` and ``FinalTranscript``; times are ms."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import number, objects, text
from deid_stream.wire.segments import Draft, word

_FINAL = {"FinalTranscript": True, "PartialTranscript": False}


def read(message: Mapping[str, Any]) -> Iterator[Draft]:
    """One segment a message; a v3 turn comes again once formatted, as a later revision of the same segment."""
    words = [
        word(text(w, "text"), number(w, "start"), number(w, "end"), number(w, "confidence"))
        for w in objects(message, "words")
    ]
    if message.get("type") == "Turn":
        if not words:
            return
        turn = number(message, "turn_order")
        yield Draft(
            text=text(message, "transcript"),
            segment_id=None if turn is None else f"turn-{turn:.0f}",
            revision=1 if message.get("turn_is_formatted") is True else 0,
            is_final=message.get("end_of_turn") is True,
            words=words,
        )
    elif message.get("message_type") in _FINAL:
        start = number(message, "audio_start")
        yield Draft(
            text=text(message, "text"),
            start_ms=start,
            end_ms=number(message, "audio_end"),
            is_final=_FINAL[str(message["message_type"])],
            words=words,
        )
