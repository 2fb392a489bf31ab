"""The decoded input: immutable events, each with its record time and its source offset.

``time_ms`` is record time (Kafka timestamp, ms since the epoch); every deadline counts in it. ``offset`` is the
source offset within the call's partition of the topic the event came from (-1 outside Kafka). ``repr`` shows no
payload (law 8).
"""

from enum import StrEnum
from functools import cached_property
from typing import Final

import msgspec

from deid_stream.model.json import JsonObject
from deid_stream.units import Ms


class Encoding(StrEnum):
    MULAW = "mulaw"
    """ITU-T G.711 mu-law."""
    ALAW = "alaw"
    """ITU-T G.711 A-law."""
    PCM16LE = "s16le"
    PCM16BE = "s16be"
    """Network order, as ``audio/L16`` (RFC 3551) demands."""

    __hash__ = str.__hash__  # str's own hash is computed in C; enum's costs a Python call for every look-up


_SAMPLE_BYTES: Final = {Encoding.MULAW: 1, Encoding.ALAW: 1, Encoding.PCM16LE: 2, Encoding.PCM16BE: 2}


class AudioFormat(msgspec.Struct, frozen=True, dict=True):
    """How the bytes of a chunk are to be read. ``channels`` counts interleaved channels."""

    encoding: Encoding
    rate_hz: int
    channels: int = 1

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return _SAMPLE_BYTES[self.encoding]

    @cached_property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every interleaved channel."""
        return _SAMPLE_BYTES[self.encoding] * self.channels


class _Hidden(msgspec.Struct, frozen=True):
    """Base whose repr names the type and nothing else."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class CallStarted(_Hidden, frozen=True, kw_only=True):
    call_id: str
    customer_id: str
    time_ms: Ms
    offset: int = -1
    channels: int = 0
    """Audio channels of the call; 0: not said, learned as they appear."""
    minor: bool = False
    metadata: JsonObject = {}
    """What else the producer said (from, to, direction, region, agent ...): raw, sanitized before it leaves."""
    free_text: dict[str, str] = {}
    """Fields that the deployment names as free text: raw until the session has redacted them."""
    subject: str = ""
    """Who the person on the line is, as the producer names them: raw until ``worker.intake`` makes a pseudonym."""


class CallEnded(_Hidden, frozen=True, kw_only=True):
    call_id: str
    customer_id: str
    time_ms: Ms
    offset: int = -1
    duration_ms: Ms | None = None


class Word(_Hidden, frozen=True):
    """One recogniser word; times are media time, None where the recogniser gave none."""

    text: str
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    confidence: float | None = None


class Segment(_Hidden, frozen=True, kw_only=True):
    """Recogniser output, interim or final. A later ``revision`` of a ``segment_id`` replaces the earlier."""

    call_id: str
    customer_id: str
    segment_id: str
    text: str
    start_ms: Ms
    end_ms: Ms
    channel: int = 0
    revision: int = 0
    is_final: bool = True
    language: str = "en"
    words: tuple[Word, ...] = ()
    transcribed_until_ms: Ms | None = None
    provider: str = ""
    """Whose form the segment came in; empty: the contract's own."""
    timing: str = ""
    """Timing profile name (``audio.align.profiles``); empty: the configured default."""
    speaker: str = ""
    """Who speaks, where a channel holds several: a role or the recogniser's label. Never leaves; empty: not said."""
    timed: bool = True
    """False where nothing says when it was said: ``start_ms`` is 0 and ``end_ms`` the longest it may have taken, and
    its place follows from record time; once it is placed, they are the stretch in which it was said."""
    time_ms: Ms = 0
    offset: int = -1


class AudioChunk(_Hidden, frozen=True, kw_only=True, gc=False):
    """One audio record. ``channel`` is None when the chunk interleaves several channels. Held by the hundred thousand
    and part of no cycle, so the collector need not know it."""

    call_id: str
    customer_id: str
    seq: int
    offset_ms: Ms
    """Media time of the first sample."""
    format: AudioFormat
    data: bytes
    channel: int | None = None
    encoded: bytes | None = None
    """The record's own bytes, where ``data`` is the PCM that they were decoded to."""
    headers: tuple[tuple[str, bytes], ...] = ()
    """The contract's headers that every chunk of the stream repeats, for the output record; all chunks share one
    tuple."""
    id: bytes = b""
    """``ce_id``; empty: to be made of call, channel and ``seq``."""
    time: bytes = b""
    """``ce_time`` as it was given."""
    time_ms: Ms = 0
    offset: int = -1


Event = CallStarted | CallEnded | Segment | AudioChunk
