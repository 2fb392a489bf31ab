"""Twilio Conversational Intelligence sentences, one or a page of them; times are seconds, as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import number, objects, seconds_as_ms, text
from deid_stream.wire.segments import Draft, word


def read(document: Mapping[str, Any]) -> Iterator[Draft]:
    """One final segment a sentence. ``media_channel`` counts from 1."""
    sentences = objects(document, "sentences") if "sentences" in document else iter((document,))
    for sentence in sentences:
        channel = number(sentence, "media_channel")
        index = number(sentence, "sentence_index")
        yield Draft(
            text=text(sentence, "transcript"),
            start_ms=seconds_as_ms(sentence, "start_time"),
            end_ms=seconds_as_ms(sentence, "end_time"),
            segment_id=text(sentence, "sid") or (None if index is None else f"sentence-{index:.0f}"),
            channel=int(channel) - 1 if channel else None,
            words=[
                word(text(w, "word"), seconds_as_ms(w, "start_time"), seconds_as_ms(w, "end_time"))
                for w in objects(sentence, "words")
            ],
        )
