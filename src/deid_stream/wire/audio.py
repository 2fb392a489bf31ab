"""Audio records to chunks and back. On the hot path of every call: no copy of the bytes, no parse done twice."""

from typing import Final

from deid_stream.audio.pcm import parse_content_type
from deid_stream.errors import AudioFormatError, DecodeError, UnknownTypeError
from deid_stream.model.events import AudioChunk
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers, Limits

ALLOWED_HEADERS: Final = frozenset(
    {
        ce.SPECVERSION,
        ce.ID,
        ce.SOURCE,
        ce.TYPE,
        ce.TIME,
        ce.SUBJECT,
        ce.CUSTOMER_ID,
        ce.CHANNEL,
        ce.SEQ,
        ce.OFFSET_MS,
        ce.CONTENT_TYPE,
    }
)
"""What a source record may hand to its output record; any other header stays behind."""

INTERLEAVED: Final = "x"
"""Stands for the channel in the record id of a chunk that interleaves several: ``call_id/x/seq``."""

_REQUIRED = frozenset({ce.SPECVERSION, ce.ID, ce.SOURCE, ce.TYPE, ce.SUBJECT})
_AUDIO_V1 = ce.AUDIO_V1.encode()
_MAX_SEQ = 2**53
_MAX_CHANNEL = 63


def decode_audio(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int, offset: int, limits: Limits
) -> AudioChunk:
    """One ``calls.audio`` record. ``ce_type`` may be absent (the topic says it); everything else the contract names
    must be there.

    Raises DecodeError, or one of its kinds: UnknownTypeError, OversizedError, NoCustomerError, AudioFormatError.
    """
    attributes = dict(headers)
    if attributes.get(ce.TYPE, _AUDIO_V1) != _AUDIO_V1:
        raise UnknownTypeError(f"ce_type on the audio topic must be {ce.AUDIO_V1}")
    if not value or len(value) > limits.max_audio_bytes:
        value = ce.check_size(value, limits.max_audio_bytes)
    call_id = ce.call_id_of(key, attributes)
    customer_id = ce.customer_id_of(attributes)
    content_type = attributes.get(ce.CONTENT_TYPE)
    if not content_type:
        raise AudioFormatError("header content-type is missing")
    audio_format = parse_content_type(content_type)
    if len(value) % audio_format.frame_bytes:
        raise AudioFormatError(f"{len(value)} bytes are not whole frames of {audio_format.frame_bytes} bytes")
    channel = ce.number_of(attributes, ce.CHANNEL, _MAX_CHANNEL) if ce.CHANNEL in attributes else None
    if channel is not None and audio_format.channels > 1:
        raise DecodeError("ce_channel names one channel, the content type interleaves several: send one of the two")
    seq = ce.number_of(attributes, ce.SEQ, _MAX_SEQ)
    names = attributes.keys()
    # nearly always there is nothing to leave behind, and the tuple goes on as it is
    kept = tuple(headers) if names <= ALLOWED_HEADERS else tuple([h for h in headers if h[0] in ALLOWED_HEADERS])
    if len(attributes) != len(headers) or not names >= _REQUIRED:
        kept = _completed(attributes, call_id, channel, seq)
    return AudioChunk(
        call_id=call_id,
        customer_id=customer_id,
        seq=seq,
        offset_ms=ce.number_of(attributes, ce.OFFSET_MS, ce.MAX_MEDIA_MS),
        format=audio_format,
        data=value,
        channel=channel,
        headers=kept,
        time_ms=timestamp_ms,
        offset=offset,
    )


def _completed(
    attributes: dict[str, bytes], call_id: str, channel: int | None, seq: int
) -> tuple[tuple[str, bytes], ...]:
    """The allowed headers once each, with the attributes that a CloudEvent must have and the source left out."""
    defaults = {
        ce.SPECVERSION: b"1.0",
        ce.ID: record_id(call_id, channel, seq),
        ce.SOURCE: ce.OWN_SOURCE,
        ce.TYPE: _AUDIO_V1,
        ce.SUBJECT: call_id.encode(),
    }
    return tuple({**defaults, **{k: v for k, v in attributes.items() if k in ALLOWED_HEADERS}}.items())


def record_id(call_id: str, channel: int | None, seq: int) -> bytes:
    """``call_id/channel/seq``: the key of a record made from this chunk, the same on every replay."""
    return f"{call_id}/{INTERLEAVED if channel is None else channel}/{seq}".encode()


def encode_audio(
    audio: SanitizedAudio, policy_version: str, permit: str | None = None
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers for Kafka; ``permit`` only towards training."""
    chunk = audio.chunk
    headers = [
        *chunk.headers,
        (ce.REDACTED_MS, b"%d" % audio.redacted_ms),
        (ce.POLICY_VERSION, policy_version.encode()),
    ]
    if permit is not None:
        headers.append((ce.PERMIT, permit.encode()))
    return record_id(chunk.call_id, chunk.channel, chunk.seq), audio.data, headers
