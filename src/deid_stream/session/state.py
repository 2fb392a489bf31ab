"""The checkpoint's share of one call: the states of its parts, a version, and how older versions are read.

Content-free (laws 7 and 8): positions, counters, expected types, keyed digests, places of what was redacted, and
the metadata as the summary will have it. Each part owns its state; this module only puts them together.
"""

from typing import Final

import msgspec

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.errors import StateError
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import SeqRange
from deid_stream.model.spans import AudioSpan
from deid_stream.session.holdback import HoldbackState
from deid_stream.session.ledger import LedgerState
from deid_stream.session.lifecycle import LifecycleState, Phase
from deid_stream.session.released import ReleasedSegment
from deid_stream.session.rereading import Part, RereadingState, UnlocatedTurn
from deid_stream.session.sound import SoundState
from deid_stream.session.streams import StreamState
from deid_stream.session.transcript import TranscriptState
from deid_stream.units import Interval, Ms

VERSION: Final = 2
"""Of the snapshots that this version writes; older ones are read. Raise it with every change that an older worker could
not read."""


class CallState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a session needs beyond the records that will be read again."""

    v: int
    call_id: str
    customer_id: str
    key_id: str = ""
    """Of the master key that the digests' key comes from; empty: version 0.1.0 began the call."""
    lifecycle: LifecycleState = LifecycleState()
    holdback: HoldbackState = HoldbackState()
    sound: SoundState = SoundState()
    transcript: TranscriptState | msgspec.Raw = TranscriptState()
    """A session writes it as ``msgspec.Raw``, encoded once per turn (``encoded``) and not with each chunk that leaves;
    read from a checkpoint it is a TranscriptState."""
    rereading: RereadingState = RereadingState()
    ledger: LedgerState = LedgerState()


class _First(msgspec.Struct, kw_only=True):
    """What version 0.1.0 wrote: all fields side by side, and no version."""

    call_id: str
    customer_id: str
    conversation: ConversationState | None = None
    started_ms: Ms = 0
    declared_channels: int = 0
    minor: bool = False
    metadata: JsonObject = {}
    ended_ms: Ms | None = None
    duration_ms: Ms | None = None
    last_record_ms: Ms = 0
    watermark_ms: Ms = 0
    forced_ms: Ms = 0
    covered_ms: dict[int, Ms] = {}
    next_seq: dict[int, int] = {}
    released: tuple[ReleasedSegment, ...] = ()
    forgotten_until_ms: dict[int, Ms] = {}
    unlocated: tuple[UnlocatedTurn, ...] = ()
    pending: tuple[Part, ...] = ()
    holes: tuple[AudioSpan, ...] = ()
    explained: dict[int, tuple[Interval, ...]] = {}
    streams: tuple[StreamState, ...] = ()
    redactions: dict[str, int] = {}
    redacted_audio_ms: dict[str, Ms] = {}
    segments: int = 0
    withheld: bool = False

    def composed(self) -> CallState:
        """As the present version would have written it."""
        phase = Phase.ENDED if self.ended_ms is not None else Phase.LIVE if self.started_ms else Phase.AWAITED
        left_audio = (
            SeqRange(None if stream.channel < 0 else stream.channel, 0, stream.chunks - 1)
            for stream in self.streams
            if stream.chunks
        )
        return CallState(
            v=VERSION,
            call_id=self.call_id,
            customer_id=self.customer_id,
            lifecycle=LifecycleState(
                phase=phase,
                started_ms=self.started_ms,
                declared_channels=self.declared_channels,
                minor=self.minor,
                metadata=self.metadata,
                ended_ms=self.ended_ms,
                duration_ms=self.duration_ms,
                last_record_ms=self.last_record_ms,
            ),
            holdback=HoldbackState(
                watermark_ms=self.watermark_ms, forced_ms=self.forced_ms, covered_ms=self.covered_ms
            ),
            sound=SoundState(streams=self.streams, holes=self.holes, explained=self.explained),
            transcript=TranscriptState(
                conversation=self.conversation,
                next_seq=self.next_seq,
                released=self.released,
                forgotten_until_ms=self.forgotten_until_ms,
            ),
            rereading=RereadingState(pending=self.pending, unlocated=self.unlocated),
            ledger=LedgerState(
                redactions=self.redactions,
                redacted_audio_ms=self.redacted_audio_ms,
                segments=self.segments,
                transcripts=self.segments + len(self.pending),
                withheld=self.withheld,
                left_text=tuple(SeqRange(channel, 0, seq - 1) for channel, seq in self.next_seq.items() if seq),
                left_audio=tuple(left_audio),
            ),
        )


class _Version(msgspec.Struct):
    v: int = 1


_encoder = msgspec.json.Encoder()
_version = msgspec.json.Decoder(_Version)
_present = msgspec.json.Decoder(CallState)
_first = msgspec.json.Decoder(_First)


def encoded(state: TranscriptState) -> msgspec.Raw:
    """The transcript's share of a snapshot."""
    return msgspec.Raw(_encoder.encode(state))


def encode(state: CallState) -> bytes:
    """A snapshot: JSON."""
    return _encoder.encode(state)


def decode(snapshot: bytes) -> CallState:
    """A snapshot of this version or an older one. Raises StateError for any other, and for what is no snapshot."""
    try:
        version = _version.decode(snapshot).v
        if version == VERSION:
            return _present.decode(snapshot)
        if version == 1:
            return _first.decode(snapshot).composed()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"a call state cannot be read ({type(error).__name__})") from None
    raise StateError(f"a call state has version {version}; this worker reads versions up to {VERSION}")
