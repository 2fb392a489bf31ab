"""Google Cloud Speech-to-Text streaming responses, v1 (``startTime``) and v2 (``startOffset``), as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import first, number, objects, seconds_as_ms, text
from deid_stream.wire.segments import Draft, word


def read(response: Mapping[str, Any]) -> Iterator[Draft]:
    """One segment a result. Its start is its first word's: ask for word time offsets. ``channelTag`` counts from 1."""
    for result in objects(response, "results"):
        best = first(result, "alternatives")
        tag = number(result, "channelTag")
        end = seconds_as_ms(result, "resultEndTime", "resultEndOffset")
        is_final = result.get("isFinal") is True
        yield Draft(
            text=text(best, "transcript"),
            end_ms=end,
            channel=int(tag) - 1 if tag else None,
            is_final=is_final,
            language=text(result, "languageCode"),
            words=[
                word(
                    text(w, "word"),
                    # proto3 JSON leaves out a zero, and only a zero
                    seconds_as_ms({"startTime": "0s", **w}, "startOffset", "startTime"),
                    seconds_as_ms(w, "endOffset", "endTime"),
                    number(w, "confidence"),
                )
                for w in objects(best, "words")
            ],
            transcribed_until_ms=end if is_final else None,
        )
