"""De-identifies a recorded call without Kafka, with the same decoding and the same session as a live call."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.align.learned import TimedWord, learned_profile
from deid_stream.audio.codec.pcm import SILENCE, decode
from deid_stream.datasets.callfile import CallFile, Pace, SourceRecord, join_channels, records, sanitized_segment
from deid_stream.datasets.wav import WavFile
from deid_stream.errors import DecodeError, counted
from deid_stream.keys import KeyRing
from deid_stream.model.events import AudioFormat
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import AuditAction, AuditEntry, Output, Retraction, SanitizedAudio, SanitizedSegment
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession, ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS, Interval, Ms, merge, ms_to_samples
from deid_stream.wire.decode import Decoded
from deid_stream.wire.decode import decode as decode_record
from deid_stream.wire.limits import Limits

_ROLES: Final = frozenset({"agent", "customer", "caller", "callee", "left", "right"})
"""Names of channels that go into the sanitized call file; any other may be somebody's name and becomes
``channel-N``."""


class Redacted(msgspec.Struct, frozen=True, order=True):
    """A stretch of a channel that was silenced: half-open, ms from the start of the call. ``entity_type`` is the type
    of the value, or why the sound was not trusted (``UNTRANSCRIBED`` ...)."""

    channel: int
    start_ms: Ms
    end_ms: Ms
    entity_type: str


class Replayed(msgspec.Struct, frozen=True):
    """A de-identified call."""

    wav: WavFile
    """Of the same format and length as the recording."""
    call: JsonObject
    """The content of the sanitized ``NAME.call.json``."""
    entities: list[JsonObject]
    """Every entity with its ``segment_id``, in the order of the segments."""
    redacted_ms: list[Redacted]
    """Sorted; stretches of one channel and type do not overlap."""

    @property
    def silenced_ms(self) -> Ms:
        """How much of the sound is silenced, all channels together. What two types cover counts once."""
        by_channel: dict[int, list[Interval]] = {}
        for span in self.redacted_ms:
            by_channel.setdefault(span.channel, []).append(Interval(span.start_ms, span.end_ms))
        return sum(part.end - part.start for spans in by_channel.values() for part in merge(spans))

    def __repr__(self) -> str:
        return f"<Replayed, {counted(len(self.entities), 'entity', 'entities')}>"


def replay(
    call: CallFile,
    *,
    detector: ConversationFactory,
    keys: KeyRing,
    policy: CompiledPolicy,
    settings: SessionSettings,
    pace: Pace,
    pipeline_version: str,
    limits: Limits | None = None,
) -> Replayed:
    """De-identify one call. What the session withholds is silent in the sound and missing in the text.

    Where ``settings.default_profile`` is empty, the timing profile is learned from the whole recording.

    Raises DecodeError or AudioFormatError, with the record's kind and time, where a record of the call cannot be
    decoded.
    """
    header = call.header
    settings = settings if settings.default_profile else _with_profile(settings, call)
    own = keys.of_call(header.customer_id, header.call_id)
    session = CallSession(
        header.call_id,
        header.customer_id,
        detector=detector,
        key=own.digests,
        settings=settings,
        policy=policy,
        pseudonym_key=own.pseudonyms,
    )
    outputs: list[Output] = []
    for record in records(call, pace):
        session.advance(record.time_ms)
        try:
            for event in _decode(record, limits or Limits()).sound():
                session.receive(event)
        except DecodeError as error:
            raise error.within(f"{call.name}, {record.kind} at {record.time_ms} ms") from None
        outputs += session.outputs()
    session.advance(FOREVER_MS)
    outputs += session.outputs()
    return _assemble(call, outputs, policy.version, pipeline_version)


def _with_profile(settings: SessionSettings, call: CallFile) -> SessionSettings:
    fmt = call.wav.format
    words = [
        TimedWord((segment.get("channel") or 0) if fmt.channels > 1 else 0, word["start_ms"], word["end_ms"])
        for segment in call.header.segments
        for word in segment.get("words") or []
        if isinstance(word.get("start_ms"), int | float) and isinstance(word.get("end_ms"), int | float)
    ]
    learned = learned_profile(decode(call.wav.data, fmt), fmt.rate_hz, words)
    return msgspec.structs.replace(
        settings, default_profile=learned or call.timing or SessionSettings().default_profile
    )


def _decode(record: SourceRecord, limits: Limits) -> Decoded:
    return decode_record(record.kind, record.key, record.value, record.headers, record.time_ms, -1, limits)


def _assemble(call: CallFile, outputs: Iterable[Output], policy_version: str, pipeline_version: str) -> Replayed:
    segments: dict[tuple[int, str], SanitizedSegment] = {}
    pieces: list[Piece] = []
    silenced: dict[tuple[int, str], list[Interval]] = {}
    for output in outputs:
        if isinstance(output, SanitizedSegment) and output.is_final:
            segments[output.channel, output.segment_id] = output
        elif isinstance(output, SanitizedAudio):
            pieces.append(Piece(output.chunk.channel, output.chunk.offset_ms, output.data))
        elif isinstance(output, Retraction):
            segments.clear()
            pieces.clear()
        elif isinstance(output, AuditEntry) and output.action is AuditAction.SILENCED:
            span = Interval(output.start_ms or 0, min(output.end_ms or 0, call.wav.duration_ms))
            silenced.setdefault((output.channel or 0, output.reason), []).append(span)
    ordered = sorted(segments.values(), key=lambda segment: (segment.start_ms, segment.channel, segment.seq))
    return Replayed(
        wav=compose(call.wav, pieces),
        call=_sanitized(call, ordered, policy_version, pipeline_version),
        entities=[
            {"segment_id": segment.segment_id, **msgspec.to_builtins(entity)}
            for segment in ordered
            for entity in segment.entities
        ],
        redacted_ms=sorted(
            Redacted(channel, span.start, span.end, reason)
            for (channel, reason), spans in silenced.items()
            for span in merge(spans)
        ),
    )


class Piece(NamedTuple):
    """Bytes of released audio that begin at ``offset_ms``: of one channel, or of all, interleaved (``channel``
    None)."""

    channel: int | None
    offset_ms: Ms
    data: bytes


def compose(wav: WavFile, pieces: Iterable[Piece]) -> WavFile:
    """A recording of the format and length of ``wav`` that holds the pieces at their places, and silence elsewhere."""
    fmt = wav.format
    silence = SILENCE[fmt.encoding] * wav.frames
    if fmt.channels == 1:
        pieces = [piece._replace(channel=None) for piece in pieces]
    whole = bytearray(silence * fmt.channels)
    streams = [bytearray(silence) for _ in range(fmt.channels)]
    mono = msgspec.structs.replace(fmt, channels=1)
    apart = False
    for piece in pieces:
        if piece.channel is None:
            _place(whole, piece.data, piece.offset_ms, fmt)
        else:
            _place(streams[piece.channel], piece.data, piece.offset_ms, mono)
            apart = True
    return WavFile(fmt, join_channels([bytes(stream) for stream in streams], fmt) if apart else bytes(whole))


def _place(track: bytearray, data: bytes, offset_ms: Ms, fmt: AudioFormat) -> None:
    at = ms_to_samples(offset_ms, fmt.rate_hz) * fmt.frame_bytes
    room = max(0, min(len(data), len(track) - at))
    track[at : at + room] = data[:room]


def _sanitized(
    call: CallFile, segments: list[SanitizedSegment], policy_version: str, pipeline_version: str
) -> JsonObject:
    header, fmt = call.header, call.wav.format
    named = header.channels if isinstance(header.channels, list) else []
    channels = [
        named[n] if n < len(named) and named[n] in _ROLES else f"channel-{n}"
        for n in range(max(fmt.channels, len(named)))
    ]
    return {
        "call_id": header.call_id,
        "customer_id": header.customer_id,
        "language": segments[0].language if segments else "und",
        "sample_rate_hz": fmt.rate_hz,
        "encoding": str(fmt.encoding),
        "channels": channels,
        "duration_ms": call.wav.duration_ms,
        "policy_version": policy_version,
        "pipeline_version": pipeline_version,
        "segments": [sanitized_segment(segment) for segment in segments],
    }
