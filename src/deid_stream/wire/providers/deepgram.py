"""Deepgram live streaming ``Results`` messages; other message types hold no words."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import first, number, objects, seconds_as_ms, text
from deid_stream.wire.segments import Draft, word


def read(message: Mapping[str, Any]) -> Iterator[Draft]:
    """One segment a message; a final one finishes its channel up to ``start + duration``, speech or not."""
    if message.get("type", "Results") != "Results":
        return
    channel = message.get("channel")
    best = first(channel, "alternatives") if isinstance(channel, dict) else {}
    start = seconds_as_ms(message, "start")
    duration = number(message, "duration")
    end = None if start is None or duration is None else round(start + duration * 1000, 3)
    index = message.get("channel_index")
    is_final = message.get("is_final") is True
    yield Draft(
        text=text(best, "transcript"),
        start_ms=start,
        end_ms=end,
        channel=index[0] if isinstance(index, list) and index and isinstance(index[0], int) else None,
        is_final=is_final,
        words=[
            word(
                text(w, "punctuated_word", "word"),
                seconds_as_ms(w, "start"),
                seconds_as_ms(w, "end"),
                number(w, "confidence"),
            )
            for w in objects(best, "words")
        ],
        transcribed_until_ms=end if is_final else None,
    )
