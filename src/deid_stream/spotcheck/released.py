"""Puts together what was published of one call: its sound, the spans that must be silent, and the words left in clear.

Pure: records in, values out.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar

import msgspec

from deid_stream.audio.codec.compose import compose
from deid_stream.audio.hold.reader import Recording
from deid_stream.errors import DecodeError
from deid_stream.kafka.record import InRecord
from deid_stream.model.events import Word
from deid_stream.model.json import UNDECODABLE
from deid_stream.model.outputs import AuditAction
from deid_stream.model.spans import AudioSpan
from deid_stream.units import Interval, Ms, merge
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.limits import Limits

Value = TypeVar("Value")

REASON: Final = "spot_check"
"""Reason of the audit entry about a find."""
CONTEXT_MS: Final = 5_000
"""Sound on either side of a silenced span that the recogniser hears with it: it reads badly out of context."""
_LIMITS: Final = Limits(max_audio_bytes=1 << 30)
"""What was published passed the deployment's own limits."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a ``deid.calls`` record."""

    call_id: str
    customer_id: str
    time_ms: Ms
    """Record time of the call's end."""
    duration_ms: Ms
    audio_chunks: int
    policy_version: str


class _Entity(msgspec.Struct, frozen=True):
    entity_type: str
    channel: int
    start_ms: Ms | None = None
    end_ms: Ms | None = None


class _Transcript(msgspec.Struct, frozen=True):
    words: tuple[Word, ...] = ()
    entities: tuple[_Entity, ...] = ()


class _Audit(msgspec.Struct, frozen=True):
    action: str
    reason: str
    channel: int | None = None
    start_ms: Ms | None = None
    end_ms: Ms | None = None


class Released(NamedTuple):
    """One call, ready to be listened to."""

    recording: Recording
    channels: int
    spans: tuple[AudioSpan, ...]
    published: tuple[Word, ...]

    def on(self, channel: int) -> list[AudioSpan]:
        """What must not be heard on a channel."""
        return [span for span in self.spans if span.channel == channel]

    def windows(self, channel: int) -> list[Interval]:
        """Media time around the channel's silenced spans, in ms: all that has to be listened to."""
        return merge(Interval(max(0, s.start_ms - CONTEXT_MS), s.end_ms + CONTEXT_MS) for s in self.on(channel))


_summary = msgspec.json.Decoder(Summary)
_transcript = msgspec.json.Decoder(_Transcript)
_audit = msgspec.json.Decoder(_Audit)


def sampled(call_id: str, share: float) -> bool:
    """Whether a call is of the sample: the same answer everywhere and always, and of a larger share too.

    The hash has no key: whoever audits the sample can tell which calls belong to it, and this process needs no secret.
    """
    digest = blake2b(call_id.encode(), digest_size=8, person=b"spotcheck").digest()
    return int.from_bytes(digest) < share * 2**64


def read_summary(value: bytes) -> Summary:
    """A ``deid.calls`` value. Raises DecodeError."""
    try:
        return _summary.decode(value)
    except UNDECODABLE:
        raise DecodeError("a record of deid.calls is not a call summary") from None


def newest(records: Iterable[InRecord]) -> dict[bytes, InRecord]:
    """Records by key, the last of each; keys that a tombstone removed are left out."""
    found = {record.key: record for record in records if record.key is not None}
    return {key: record for key, record in found.items() if record.value is not None}


def is_minor(audit: Iterable[InRecord]) -> bool:
    """The call was a minor's: nothing but its summary and its audit left."""
    return any((line.action, line.reason) == (AuditAction.CLOSED, "minor") for line in _decoded(_audit, audit))


def taken_back(audit: Iterable[InRecord]) -> AuditAction | None:
    """Why the whole call was taken back: ``QUARANTINED`` by a spot check, or ``DELETED`` because somebody asked for it;
    None: for neither."""
    said = {(line.action, line.reason) for line in _decoded(_audit, audit)}
    if (AuditAction.QUARANTINED, REASON) in said:
        return AuditAction.QUARANTINED
    return AuditAction.DELETED if (AuditAction.DELETED, "deletion") in said else None


def _call_of(record: InRecord) -> bytes | None:
    """Of a published record, whose key is not the call's id alone."""
    return next((raw for name, raw in record.headers if name == ce.SUBJECT), None)


def put_together(audio: Iterable[InRecord], transcripts: Iterable[InRecord], audit: Iterable[InRecord]) -> Released:
    """From Kafka records of one call. Raises DecodeError where they are not what this service writes."""
    chunks = [decode_audio(_call_of(r), r.value, r.headers, r.timestamp, r.offset, _LIMITS) for r in audio]
    recording = compose(chunks)
    channels = recording.samples.shape[1]
    segments = list(_decoded(_transcript, transcripts))
    silenced = [
        AudioSpan(line.start_ms, line.end_ms, line.channel, line.reason)
        for line in _decoded(_audit, audit)
        if line.action == AuditAction.SILENCED
        and line.start_ms is not None
        and line.end_ms is not None
        and line.channel is not None
    ]
    entities = [entity for segment in segments for entity in segment.entities]
    return Released(
        recording,
        channels,
        tuple(sorted({*silenced, *_never_silenced(entities, silenced, channels)})),
        tuple(word for segment in segments for word in segment.words),
    )


def _never_silenced(entities: Sequence[_Entity], silenced: Sequence[AudioSpan], channels: int) -> Iterable[AudioSpan]:
    """Entities of the text for which nothing was silenced anywhere, at the time of their words."""
    for entity in entities:
        if entity.start_ms is None or entity.end_ms is None:
            continue
        time = Interval(entity.start_ms, entity.end_ms)
        # a call mixed down to fewer channels carries every speaker on each
        targets = [entity.channel] if entity.channel < channels else range(channels)
        for channel in targets:
            if not any(s.channel == channel and time.overlaps(Interval(s.start_ms, s.end_ms)) for s in silenced):
                yield AudioSpan(time.start, time.end, channel, entity.entity_type)


def _decoded(decoder: "msgspec.json.Decoder[Value]", records: Iterable[InRecord]) -> Iterable[Value]:
    try:
        for record in records:
            yield decoder.decode(record.value or b"")
    except UNDECODABLE:
        raise DecodeError("a published record of the call is not what this service writes") from None
