"""NVIDIA Riva: streaming and offline responses, protobuf JSON in either spelling. Times are milliseconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes
from deid_stream.wire.providers.fields import (
    by_speaker,
    entries,
    first,
    has_list,
    is_true,
    label,
    number,
    objects,
    rough_length_ms,
    seconds_as_ms,
    text,
    whole,
)
from deid_stream.wire.segments import Draft, word

_PROCESSED: Final = ("audioProcessed", "audio_processed")


def _results(document: Fields) -> Iterator[Draft]:
    """An offline answer has no interims; a streamed one says what is final."""
    streamed = any({"isFinal", "is_final", "stability"} & result.keys() for result in objects(document, "results"))
    for at, result in entries(document, "results"):
        best = first(result, "alternatives")
        listed = list(objects(best, "words"))
        # protobuf leaves a zero out
        words = [
            word(
                text(w, "word"),
                number({"startTime": 0, **w}, "start_time", "startTime"),
                number(w, "endTime", "end_time"),
                number(w, "confidence"),
            )
            for w in listed
        ]
        tag = whole(result, "channelTag", "channel_tag")
        said = text(best, "transcript")
        is_final = not streamed or is_true(result.get("isFinal", result.get("is_final")))
        processed = seconds_as_ms(result, *_PROCESSED)
        draft = Draft(
            text=None if said is None else said.strip(),
            end_ms=None if words else processed,
            channel=tag - 1 if tag else None,
            is_final=is_final,
            words=words,
            transcribed_until_ms=processed if is_final else None,
            at=at,
        )
        if not words and processed is not None:
            draft.start_ms = max(0, processed - rough_length_ms(said))
        elif not words:
            draft.timed = said is None
        yield from by_speaker(draft, [label(w, "speakerTag", "speaker_tag") for w in listed])


PROVIDER: Final = Provider(
    "riva",
    "NVIDIA Riva",
    (Form("recognition results", lambda document: has_list(document, "results"), _results, telling=False),),
    Capabilities(WordTimes.EXACT, interims=True, channels=True, speakers=True),
    aliases=("nvidia", "nemo"),
)
