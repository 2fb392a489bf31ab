"""Sanitized calls as a training job uses them: a numpy array of the sound beside transcript, entities and permits.
This module reads nothing by itself: ``Assembler`` is given the records of the training topics."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.compose import compose
from deid_stream.datasets.held import HeldCall, Source
from deid_stream.errors import DecodeError
from deid_stream.model.ids import split_record_id
from deid_stream.units import Ms, ms_to_samples
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.limits import Limits
from deid_stream.wire.published import PublishedPermit, PublishedSegment, read_permit, read_segment

Samples = NDArray[np.int16]

_LIMITS: Final = Limits(max_audio_bytes=1 << 30)
"""What was published passed the deployment's own limits."""


class Published(Protocol):
    """The parts of a Kafka record that are read here; ``timestamp`` is epoch ms."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> "tuple[tuple[str, bytes], ...]": ...
    @property
    def timestamp(self) -> Ms: ...
    @property
    def offset(self) -> int: ...


class SanitizedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the training topics."""

    call_id: str
    customer_id: str
    rate_hz: int
    """Frames per second; 0 where the call has no audio."""
    audio: Samples
    """int16, full scale 32768, ``(frames, channels)``; frame 0 is the start of the call. ``(0, 0)`` without audio."""
    segments: tuple[PublishedSegment, ...]
    """Sorted by ``start_ms``; times are ms from the start of the call."""
    permits: tuple[PublishedPermit, ...]
    """Each permit under which a record of the call was published, sorted by time."""
    partial: bool
    """True: training has only a part of the call."""
    digest: str
    """SHA-256 in hexadecimal of the keys and offsets of its records (``HeldCall.digest``)."""

    @property
    def duration_ms(self) -> Ms:
        return len(self.audio) * 1000 // self.rate_hz if self.rate_hz else 0

    @property
    def retain_until_ms(self) -> Ms | None:
        """The earliest end of its permits, epoch ms: the call must be deleted by then. None: no permit has an end."""
        ends = [permit.retain_until_ms for permit in self.permits if permit.retain_until_ms is not None]
        return min(ends, default=None)

    def clip(self, segment: PublishedSegment) -> Samples:
        """The sound of a segment, int16 ``(frames,)`` at ``rate_hz``; shorter, or empty, where the audio ends before
        the segment does. Channel 0 stands for a channel that the audio does not have: a recording that was mixed down
        to fewer channels has every speaker there."""
        if not self.audio.size:
            return np.zeros(0, np.int16)
        channel = segment.channel if segment.channel < self.audio.shape[1] else 0
        start = ms_to_samples(segment.start_ms, self.rate_hz)
        return self.audio[start : ms_to_samples(segment.end_ms, self.rate_hz), channel]


class _Gathering:
    def __init__(self) -> None:
        self.transcripts: list[Published] = []
        self.audio: list[Published] = []

    def __len__(self) -> int:
        return len(self.transcripts) + len(self.audio)


class Assembler:
    """The second pass over the training topics: collects each wanted call's records until all are there.

    ``wanted`` is what the first pass found (``datasets.held``), by call id.
    """

    def __init__(self, wanted: Mapping[str, HeldCall]) -> None:
        self._wanted = wanted
        self._open: dict[str, _Gathering] = {}

    @property
    def waiting(self) -> int:
        """Number of calls of which some records have come and some are missing."""
        return len(self._open)

    def add(self, source: Source, record: Published) -> SanitizedCall | None:
        """Take in one record, in offset order per partition. Returns the call that this record completes, else None;
        records that the first pass does not name (retracted, replaced, of other calls) are ignored.

        Raises DecodeError where a record is not one that this service publishes.
        """
        parts = split_record_id(record.key or b"")
        if parts is None or record.value is None:
            return None
        held = self._wanted.get(parts[0])
        if held is None:
            return None
        keys = held.transcripts if source is Source.TRANSCRIPTS else held.audio
        if keys.get(record.key or b"") != record.offset:
            return None
        gathering = self._open.setdefault(parts[0], _Gathering())
        (gathering.transcripts if source is Source.TRANSCRIPTS else gathering.audio).append(record)
        if len(gathering) < held.records:
            return None
        return _put_together(parts[0], self._open.pop(parts[0]), held)


def _put_together(call_id: str, gathered: _Gathering, held: HeldCall) -> SanitizedCall:
    segments = sorted((read_segment(r.value or b"") for r in gathered.transcripts), key=lambda s: (s.start_ms, s.seq))
    chunks = [
        decode_audio(call_id.encode(), r.value, r.headers, r.timestamp, r.offset, _LIMITS) for r in gathered.audio
    ]
    permits = {segment.permit for segment in segments if segment.permit is not None}
    permits |= {permit for record in gathered.audio if (permit := _permit_of(record)) is not None}
    customers = {segment.customer_id for segment in segments} | {chunk.customer_id for chunk in chunks}
    if len(customers) != 1:
        raise DecodeError("a call's training records name more than one customer")
    samples, rate_hz = np.zeros((0, 0), np.int16), 0
    if chunks:
        recording = compose(chunks)
        samples, rate_hz = recording.samples, recording.rate_hz
    return SanitizedCall(
        call_id=call_id,
        customer_id=customers.pop(),
        rate_hz=rate_hz,
        audio=samples,
        segments=tuple(segments),
        permits=tuple(sorted(permits, key=lambda permit: (permit.time_ms, permit.policy_version))),
        partial=held.gaps or any(permit.partial for permit in permits),
        digest=held.digest(),
    )


def _permit_of(record: Published) -> PublishedPermit | None:
    raw = dict(record.headers).get(ce.PERMIT)
    return read_permit(raw) if raw is not None and raw.startswith(b"{") else None


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """One segment with its sound: a row of an exported dataset. ``start_ms`` and ``end_ms`` count from the start of the
    call."""

    id: str
    call_id: str
    customer_id: str
    channel: int
    start_ms: Ms
    end_ms: Ms
    language: str
    text: str
    entities: tuple[tuple[str, int, int], ...]
    """Entity type, start and end (half-open, in characters of ``text``) of each placeholder."""
    rate_hz: int
    audio: Samples
    """int16 ``(frames,)``; empty where the call has no audio there."""
    policy_version: str
    permit: PublishedPermit | None
    partial: bool


def clips(call: SanitizedCall) -> Iterator[Clip]:
    """One clip per segment, in the order of their start. Segments without a letter or digit are left out."""
    for segment in call.segments:
        if not any(map(str.isalnum, segment.text)):
            continue
        yield Clip(
            id=f"{call.call_id}/{segment.channel}/{segment.seq}",
            call_id=call.call_id,
            customer_id=call.customer_id,
            channel=segment.channel,
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            language=segment.language,
            text=segment.text,
            entities=tuple((entity.entity_type, entity.start, entity.end) for entity in segment.entities),
            rate_hz=call.rate_hz,
            audio=call.clip(segment),
            policy_version=segment.policy_version,
            permit=segment.permit,
            partial=call.partial,
        )
