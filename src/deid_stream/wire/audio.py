"""Audio records to chunks and back. This runs for every audio record: bytes are not copied, and headers that repeat are
parsed once."""

from functools import lru_cache
from typing import Final, NamedTuple

from deid_stream.audio.codec import opus
from deid_stream.audio.codec.pcm import parse_content_type
from deid_stream.errors import AudioFormatError, DecodeError, OversizedError, UnknownTypeError
from deid_stream.model.events import AudioChunk, AudioFormat
from deid_stream.model.ids import record_id
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers, is_time
from deid_stream.wire.limits import MAX_CHANNEL, MAX_MEDIA_MS, MAX_SEQ, Limits
from deid_stream.wire.media_types import canonical_type
from deid_stream.wire.notes import Note, ignore
from deid_stream.wire.structured import is_structured, unfold

_AUDIO_V1 = ce.AUDIO_V1.encode()
_STREAMS: Final = 8_192
_MAX_ID_BYTES: Final = 256
_COMMON: Final = (ce.SPECVERSION, ce.SOURCE, ce.TYPE, ce.SUBJECT, ce.CUSTOMER_ID, ce.CHANNEL, ce.CONTENT_TYPE)
"""Headers that are the same for all chunks of a stream, in the order in which ``_stream`` takes them after the key."""
_OWN: Final = (ce.SEQ, ce.OFFSET_MS, ce.ID, ce.TIME)
"""Headers that differ from chunk to chunk."""


class _Stream(NamedTuple):
    """The headers that all chunks of one stream of a call have in common."""

    call_id: str
    customer_id: str
    channel: int | None
    format: AudioFormat | None
    """None: Opus, where each record says it."""
    frame_bytes: int
    checked: bool
    """Its CloudEvents attributes are all there; else the record is refused by the name of the one that is not."""
    own_id: bytes
    """``record_id`` of a chunk, up to its number."""
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
    """Read and kept once per stream: kept with each held chunk, the headers would take most of the memory."""
    if event_type is not None and event_type != _AUDIO_V1:
        raise UnknownTypeError(
            "the record is of another type than audio", at=ce.TYPE, mend=f"set ce_type to {ce.AUDIO_V1}"
        )
    call_id = ce.call_id_of(key, {ce.SUBJECT: subject})
    customer_id = ce.customer_id_of({ce.CUSTOMER_ID: customer})
    if not content_type:
        raise AudioFormatError("header content-type is missing", at=ce.CONTENT_TYPE, mend="set it, to audio/basic say")
    try:
        audio_format = None if opus.is_opus(content_type) else parse_content_type(content_type)
    except AudioFormatError as error:
        raise AudioFormatError(
            "content-type names an audio format that cannot be read", at=ce.CONTENT_TYPE, mend=str(error)
        ) from None
    number = None if channel is None else ce.number_of({ce.CHANNEL: channel}, ce.CHANNEL, MAX_CHANNEL)
    if number is not None and audio_format is not None and audio_format.channels > 1:
        raise _two_ways()
    headers = [
        (ce.SPECVERSION, specversion or ce.SPECVERSION_1),
        (ce.SOURCE, source or ce.OWN_SOURCE),
        (ce.TYPE, _AUDIO_V1),
        (ce.SUBJECT, call_id.encode()),
        (ce.CUSTOMER_ID, customer_id.encode()),
        (ce.CONTENT_TYPE, canonical_type(content_type)),
    ]
    if channel is not None:
        headers.append((ce.CHANNEL, channel))
    frame_bytes = 1 if audio_format is None else audio_format.frame_bytes
    checked = specversion == ce.SPECVERSION_1 and bool(source) and bool(event_type)
    own_id = record_id(call_id, number, 0)[:-1]
    return _Stream(call_id, customer_id, number, audio_format, frame_bytes, checked, own_id, tuple(headers))


def decode_audio(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    timestamp_ms: int,
    offset: int,
    limits: Limits,
    note: Note = ignore,
) -> AudioChunk:
    """One ``calls.audio`` record. Headers that the contract does not name stay behind. Raises DecodeError or one of its
    kinds."""
    get = dict(headers).get
    content_type = get(ce.CONTENT_TYPE)
    if content_type is not None and is_structured(content_type):
        value, headers = unfold(value, content_type, limits.max_audio_bytes)
        get = dict(headers).get
    stream = _stream(key, *map(get, _COMMON))
    if not value or len(value) > limits.max_audio_bytes or len(value) % stream.frame_bytes:
        raise _wrong_size(ce.check_size(value, limits.max_audio_bytes), stream.frame_bytes)
    audio_format, encoded = stream.format, None
    if audio_format is None:
        encoded = value
        audio_format, value = _opus(value, limits.max_audio_bytes, stream.channel)
    raw_seq, raw_offset, event_id, time = map(get, _OWN)
    seq = ce.whole_number(raw_seq, ce.SEQ, MAX_SEQ)
    offset_ms = ce.whole_number(raw_offset, ce.OFFSET_MS, MAX_MEDIA_MS)
    event_id, time = event_id or b"", time or b""
    if not stream.checked or not 0 < len(event_id) <= _MAX_ID_BYTES or not event_id.isascii():
        ce.check_attributes(get(ce.SPECVERSION), event_id, get(ce.SOURCE), get(ce.TYPE))
        ce.identifier_at(event_id, ce.ID)
    if event_id == b"%b%d" % (stream.own_id, seq):
        event_id = b""  # made again when the chunk leaves: chunks are held by the hundred thousand
    if time and not is_time(time):
        note(ce.TIME)
        time = b""
    return AudioChunk(
        call_id=stream.call_id,
        customer_id=stream.customer_id,
        seq=seq,
        offset_ms=offset_ms,
        format=audio_format,
        data=value,
        encoded=encoded,
        channel=stream.channel,
        headers=stream.headers,
        id=event_id,
        time=time,
        time_ms=timestamp_ms,
        offset=offset,
    )


def _opus(value: bytes, max_bytes: int, channel: int | None) -> opus.Pcm:
    try:
        sound = opus.decode(value, max_bytes)
    except (AudioFormatError, OversizedError) as error:
        error.at, error.mend = error.at or "value", error.mend or str(error)
        raise
    if channel is not None and sound.format.channels > 1:
        raise _two_ways()
    return sound


def _wrong_size(value: bytes, frame_bytes: int) -> AudioFormatError:
    return AudioFormatError(
        f"{len(value)} bytes are not whole frames of {frame_bytes} bytes", at="value", mend="cut chunks at whole frames"
    )


def _two_ways() -> DecodeError:
    return DecodeError(
        "ce_channel names one channel, the audio interleaves several", at=ce.CHANNEL, mend="send one of the two"
    )


def encode_audio(audio: SanitizedAudio, policy_version: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers for Kafka."""
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
    return key, payload(chunk, audio.data), headers


def payload(chunk: AudioChunk, data: bytes) -> bytes:
    """The bytes to publish for ``data``, in the chunk's own codec: the source's bytes where nothing in ``data`` was
    silenced."""
    if chunk.encoded is None:
        return data
    return chunk.encoded if data is chunk.data else opus.encode(opus.Pcm(chunk.format, data))
