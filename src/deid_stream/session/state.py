"""What of a call outlives its records: the checkpoint's share of one call. Content-free (laws 7 and 8)."""

from typing import Any

import msgspec

from deid_stream.detect.conversation import ConversationState
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval, Ms


class ReleasedSegment(msgspec.Struct, frozen=True, array_like=True):
    """A segment that has left: enough to know a repeat from a revision, and the record id to correct."""

    segment_id: str
    revision: int
    channel: int
    seq: int
    end_ms: Ms


Part = tuple[int, str]
"""A segment among the records: its source offset and its id (one record may hold several segments)."""


class UnlocatedTurn(msgspec.Struct, frozen=True, array_like=True):
    """A turn whose text has left while its audio had not arrived; its records are read again."""

    parts: tuple[Part, ...]
    channel: int
    start_ms: Ms
    end_ms: Ms
    spans: tuple[Span, ...]
    """In characters of the turn's text."""
    muted: bool


class StreamState(msgspec.Struct, array_like=True):
    """One audio stream: a channel, or -1 for the interleaved set."""

    channel: int
    released_until_ms: Ms
    judged_until_ms: Ms
    """Up to here it is decided what no transcript explains."""
    chunks: int


class CallState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything a session needs beyond the records that will be read again."""

    call_id: str
    customer_id: str
    conversation: ConversationState | None = None
    started_ms: Ms = 0
    declared_channels: int = 0
    minor: bool = False
    metadata: dict[str, Any] = {}
    """Allow-listed, content-free fields only."""
    ended_ms: Ms | None = None
    duration_ms: Ms | None = None
    last_record_ms: Ms = 0
    watermark_ms: Ms = 0
    forced_ms: Ms = 0
    covered_ms: dict[int, Ms] = {}
    next_seq: dict[int, int] = {}
    released: list[ReleasedSegment] = []
    forgotten_until_ms: dict[int, Ms] = {}
    unlocated: list[UnlocatedTurn] = []
    pending: list[Part] = []
    holes: list[AudioSpan] = []
    explained: dict[int, list[Interval]] = {}
    streams: list[StreamState] = []
    redactions: dict[str, int] = {}
    redacted_audio_ms: dict[str, Ms] = {}
    segments: int = 0
    withheld: bool = False
    closed: bool = False
