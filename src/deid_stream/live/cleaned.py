"""What leaves a live call. None of it holds anything raw."""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.model.events import Word
from deid_stream.model.outputs import AuditEntry, CallSummary, Entity, Output, Retraction, SanitizedAudio
from deid_stream.model.outputs import SanitizedSegment as Segment
from deid_stream.units import Ms


class CleanAudio(msgspec.Struct, frozen=True, kw_only=True):
    """One of the chunks that were fed in, silenced where it must be. It is as long as before, and bit-identical
    elsewhere."""

    channel: int
    offset_ms: Ms
    """Media time of the first sample, rounded to 1 ms."""
    first_sample: int
    """Index of the first sample on its channel, counted from the beginning of the call. Exact: join chunks by it."""
    rate_hz: int
    data: bytes
    """16-bit little-endian samples of one channel."""
    redacted_ms: Ms

    @property
    def samples(self) -> NDArray[np.int16]:
        """``data`` as an array."""
        return np.frombuffer(self.data, dtype="<i2")

    def __repr__(self) -> str:
        return f"<CleanAudio of channel {self.channel}>"


class CleanText(msgspec.Struct, frozen=True, kw_only=True):
    """A sanitized segment. A later one of the same ``segment_id`` replaces the earlier."""

    segment_id: str
    channel: int
    start_ms: Ms
    end_ms: Ms
    text: str
    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    language: str
    is_final: bool

    def __repr__(self) -> str:
        return f"<CleanText of channel {self.channel}>"


Clean = CleanAudio | CleanText | AuditEntry | CallSummary | Retraction
"""``AuditEntry``: what was redacted or withheld and why. ``CallSummary``: comes once, when the call is over.
``Retraction``: throw away what has come of the call so far, because it is a minor's."""


def cleaned(output: Output, first_sample_of: Callable[[int, int], int]) -> Clean:
    """A session's output as it may be handed out: without the chunk that came in. ``first_sample_of`` is asked with the
    channel and number of a chunk, once for each."""
    if isinstance(output, SanitizedAudio):
        chunk = output.chunk
        return CleanAudio(
            channel=chunk.channel or 0,
            offset_ms=chunk.offset_ms,
            first_sample=first_sample_of(chunk.channel or 0, chunk.seq),
            rate_hz=chunk.format.rate_hz,
            data=output.data,
            redacted_ms=output.redacted_ms,
        )
    if isinstance(output, Segment):
        return CleanText(
            segment_id=output.segment_id,
            channel=output.channel,
            start_ms=output.start_ms,
            end_ms=output.end_ms,
            text=output.text,
            words=output.words,
            entities=output.entities,
            language=output.language,
            is_final=output.is_final,
        )
    return output
