"""Audio records to chunks and back. On the hot path of every call: no copy of the bytes, no parse done twice."""

from functools import lru_cache
from typing import Final, NamedTuple

from deid_stream.audio.codec import opus
from deid_stream.audio.codec.pcm import parse_content_type
from deid_stream.errors import AudioFormatError, DecodeError, UnknownTypeError
from deid_stream.model.events import AudioChunk, AudioFormat
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers, Limits

INTERLEAVED: Final = "x"
"""Stands for the channel in the record id of a chunk that interleaves several: ``call_id/x/seq``."""

_AUDIO_V1 = ce.AUDIO_V1.encode()
_TWO_WAYS = "ce_channel names one channel, the audio interleaves several: send one of the two"
_MAX_SEQ = 2**53
_MAX_CHANNEL = 63
_STREAMS = 8_192


class _Stream(NamedTuple):
    """What the chunks of one stream of a call say alike."""

    call_id: str
    customer_id: str
    channel: int | None
    format: AudioFormat | None
    """None: Opus, where each record says it."""
    frame_bytes: int
    headers: tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=_STREAMS)
def _stream(
    key: bytes | None,
    specversion: bytes | None,
    source: bytes | None,
    event_type: bytes | None,
    subject: bytes | None,
    customer: bytes | None,
    channel: bytes | None,
    content_type: bytes | None,
) -> _Stream:
    """Read once a stream, and kept once: of a held chunk's memory the headers would be the most by far."""
    if event_type is not None and event_type != _AUDIO_V1:
        raise UnknownTypeError(f"ce_type on the audio topic must be {ce.AUDIO_V1}")
    call_id = ce.call_id_of(key, {ce.SUBJECT: subject})
    customer_id = ce.customer_id_of({ce.CUSTOMER_ID: customer})
    if not content_type:
        raise AudioFormatError("header content-type is missing")
    audio_format = None if opus.is_opus(content_type) else parse_content_type(content_type)
    number = None if channel is None else ce.number_of({ce.CHANNEL: channel}, ce.CHANNEL, _MAX_CHANNEL)
    if number is not None and audio_format is not None and audio_format.channels > 1:
        raise DecodeError(_TWO_WAYS)
    headers = [
        (ce.SPECVERSION, specversion or b"1.0"),
        (ce.SOURCE, source or ce.OWN_SOURCE),
        (ce.TYPE, _AUDIO_V1),
        (ce.SUBJECT, call_id.encode()),
        (ce.CUSTOMER_ID, customer_id.encode()),
        (ce.CONTENT_TYPE, content_type),
    ]
    if channel is not None:
        headers.append((ce.CHANNEL, channel))
    frame_bytes = 1 if audio_format is None else audio_format.frame_bytes
    return _Stream(call_id, customer_id, number, audio_format, frame_bytes, tuple(headers))


def decode_audio(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int, offset: int, limits: Limits
) -> AudioChunk:
    """One ``calls.audio`` record. ``ce_type`` may be absent (the topic says it); everything else the contract names
    must be there. Headers that it does not name stay behind.

    Raises DecodeError, or one of its kinds: UnknownTypeError, OversizedError, NoCustomerError, AudioFormatError.
    """
    attributes = dict(headers)
    get = attributes.get
    stream = _stream(
        key,
        get(ce.SPECVERSION),
        get(ce.SOURCE),
        get(ce.TYPE),
        get(ce.SUBJECT),
        get(ce.CUSTOMER_ID),
        get(ce.CHANNEL),
        get(ce.CONTENT_TYPE),
    )
    if not value or len(value) > limits.max_audio_bytes:
        value = ce.check_size(value, limits.max_audio_bytes)
    if len(value) % stream.frame_bytes:
        raise AudioFormatError(f"{len(value)} bytes are not whole frames of {stream.frame_bytes} bytes")
    audio_format, encoded = stream.format, None
    if audio_format is None:
        encoded = value
        audio_format, value = opus.decode(value, limits.max_audio_bytes)
        if stream.channel is not None and audio_format.channels > 1:
            raise DecodeError(_TWO_WAYS)
    return AudioChunk(
        call_id=stream.call_id,
        customer_id=stream.customer_id,
        seq=ce.number_of(attributes, ce.SEQ, _MAX_SEQ),
        offset_ms=ce.number_of(attributes, ce.OFFSET_MS, ce.MAX_MEDIA_MS),
        format=audio_format,
        data=value,
        encoded=encoded,
        channel=stream.channel,
        headers=stream.headers,
        id=get(ce.ID) or b"",
        time=get(ce.TIME) or b"",
        time_ms=timestamp_ms,
        offset=offset,
    )


def record_id(call_id: str, channel: int | None, seq: int) -> bytes:
    """``call_id/channel/seq``: the key of a record made from this chunk, the same on every replay."""
    return f"{call_id}/{INTERLEAVED if channel is None else channel}/{seq}".encode()


def encode_audio(
    audio: SanitizedAudio, policy_version: str, permit: str | None = None
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers for Kafka; ``permit`` only towards training."""
    chunk = audio.chunk
    key = record_id(chunk.call_id, chunk.channel, chunk.seq)
    headers = [
        *chunk.headers,
        (ce.ID, chunk.id or key),
        (ce.SEQ, b"%d" % chunk.seq),
        (ce.OFFSET_MS, b"%d" % chunk.offset_ms),
        (ce.REDACTED_MS, b"%d" % audio.redacted_ms),
        (ce.POLICY_VERSION, policy_version.encode()),
    ]
    if chunk.time:
        headers.append((ce.TIME, chunk.time))
    if permit is not None:
        headers.append((ce.PERMIT, permit.encode()))
    return key, payload(chunk, audio.data), headers


def payload(chunk: AudioChunk, data: bytes) -> bytes:
    """What goes out for ``data``, in the chunk's own codec: its own bytes where ``data`` is as it came."""
    if chunk.encoded is None:
        return data
    return chunk.encoded if data is chunk.data else opus.encode(opus.Pcm(chunk.format, data))
