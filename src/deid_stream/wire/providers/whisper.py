"""Whisper JSON: openai-whisper and faster-whisper results, and the ``verbose_json`` of OpenAI-compatible servers."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import number, objects, seconds_as_ms, text
from deid_stream.wire.segments import Draft, word


def read(result: Mapping[str, Any]) -> Iterator[Draft]:
    """One final segment an entry of ``segments``; words carry their leading blank, which is not part of them.

    ``verbose_json`` lists the words once for all segments: each goes to the segment its middle falls in.
    """
    loose = list(objects(result, "words"))
    for segment in objects(result, "segments"):
        start, end = seconds_as_ms(segment, "start"), seconds_as_ms(segment, "end")
        words = list(objects(segment, "words")) or [w for w in loose if _within(w, start, end)]
        index = number(segment, "id")
        yield Draft(
            text=(text(segment, "text") or "").strip(),
            start_ms=start,
            end_ms=end,
            segment_id=None if index is None or start is None else f"{index:.0f}-{start:.0f}",
            language=text(segment, "language") or text(result, "language"),
            words=[
                word(
                    (text(w, "word") or "").strip(),
                    seconds_as_ms(w, "start"),
                    seconds_as_ms(w, "end"),
                    number(w, "probability"),
                )
                for w in words
            ],
        )


def _within(candidate: Mapping[str, Any], start_ms: float | None, end_ms: float | None) -> bool:
    begin, end = seconds_as_ms(candidate, "start"), seconds_as_ms(candidate, "end")
    if begin is None or end is None or start_ms is None or end_ms is None:
        return False
    return start_ms <= (begin + end) / 2 < end_ms
