"""Amazon Transcribe streaming ``TranscriptEvent``: results with items, punctuation apart from the words."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.model.events import Word
from deid_stream.wire.providers.fields import first, number, objects, seconds_as_ms, text
from deid_stream.wire.segments import Draft, word


def read(event: Mapping[str, Any]) -> Iterator[Draft]:
    """One segment a result; ``ChannelId`` is ``ch_0``, ``ch_1``."""
    transcript = event.get("Transcript")
    body = transcript if isinstance(transcript, dict) else event
    for result in objects(body, "Results"):
        best = first(result, "Alternatives")
        digits = (text(result, "ChannelId") or "").removeprefix("ch_")
        yield Draft(
            text=text(best, "Transcript"),
            start_ms=seconds_as_ms(result, "StartTime"),
            end_ms=seconds_as_ms(result, "EndTime"),
            segment_id=text(result, "ResultId"),
            channel=int(digits) if digits.isdecimal() else None,
            is_final=result.get("IsPartial") is False,
            language=text(result, "LanguageCode"),
            words=_words(best),
        )


def _words(alternative: Mapping[str, Any]) -> list[Word]:
    """Items to words; a punctuation item belongs to the word before it, as in the transcript's text."""
    words: list[Word] = []
    for item in objects(alternative, "Items"):
        content = text(item, "Content") or ""
        if item.get("Type") == "punctuation" and words:
            last = words[-1]
            words[-1] = Word(last.text + content, last.start_ms, last.end_ms, last.confidence)
        else:
            words.append(
                word(
                    content,
                    seconds_as_ms(item, "StartTime"),
                    seconds_as_ms(item, "EndTime"),
                    number(item, "Confidence"),
                )
            )
    return words
