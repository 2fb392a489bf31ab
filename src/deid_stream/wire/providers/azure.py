"""Azure AI Speech recognition results in the detailed format; times are ticks of 100 ns."""

from collections.abc import Iterator, Mapping
from typing import Any

from deid_stream.wire.providers.fields import first, number, objects, text
from deid_stream.wire.segments import Draft, word

_TICKS_A_MS = 10_000


def read(result: Mapping[str, Any]) -> Iterator[Draft]:
    """One segment a result. Where only lexical words are timed, the lexical text goes with them: the display form
    writes "45" for two words, and no span could be followed from one to the other."""
    start, end = _span(result)
    if result.get("RecognitionStatus", "Success") != "Success":
        return
    best = first(result, "NBest")
    display_words = list(objects(best, "DisplayWords"))
    words = display_words or list(objects(best, "Words"))
    display = text(best, "Display") or text(result, "DisplayText", "Text")
    channel = number(result, "Channel")
    yield Draft(
        text=text(best, "Lexical") or display if words and not display_words else display,
        start_ms=start,
        end_ms=end,
        segment_id=text(result, "Id"),
        channel=None if channel is None else int(channel),
        is_final="Text" not in result,
        words=[word(text(w, "Word", "DisplayText"), *_span(w), number(w, "Confidence")) for w in words],
    )


def _span(fields: Mapping[str, Any]) -> tuple[float | None, float | None]:
    offset, duration = number(fields, "Offset"), number(fields, "Duration")
    if offset is None:
        return None, None
    return offset / _TICKS_A_MS, None if duration is None else (offset + duration) / _TICKS_A_MS
