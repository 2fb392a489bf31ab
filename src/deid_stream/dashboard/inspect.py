"""One call for the inspector, from its sanitized records: transcript, waveform with what was silenced, sound. Pure."""

import io
import wave
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec import pcm
from deid_stream.errors import DecodeError
from deid_stream.model.events import AudioChunk
from deid_stream.model.json import UNDECODABLE, JsonObject
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.limits import Limits

Samples = NDArray[np.int16]
Tracks = dict[int, Samples]
"""Samples by channel."""

POINTS: Final = 800
"""Columns of a waveform: about as many as a screen shows."""
MAX_SOUND_MS: Final = 4 * 3600 * 1000
"""The sound of a longer call is cut here, since all of it is held in memory."""
_LIMITS: Final = Limits(max_audio_bytes=1 << 24)


class Stored(Protocol):
    """A record as it lies in a topic."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def offset(self) -> int: ...


AnyStored = TypeVar("AnyStored", bound=Stored)


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A sanitized segment as the page shows it."""

    segment_id: str = ""
    revision: int = 0
    is_final: bool = True
    channel: int = 0
    seq: int = 0
    language: str = ""
    start_ms: int = 0
    end_ms: int = 0
    text: str = ""
    entities: list[JsonObject] = []
    policy_version: str = ""
    permit: JsonObject | None = None


def newest(records: Iterable[AnyStored], call_id: str) -> list[AnyStored]:
    """A call's records, the last of each key; what a tombstone took back is left out."""
    prefix = call_id.encode() + b"/"
    found = {record.key: record for record in records if record.key is not None and record.key.startswith(prefix)}
    return [record for record in found.values() if record.value is not None]


def transcript(records: Iterable[Stored]) -> list[JsonObject]:
    """Final segments in the order in which they were said."""
    segments = []
    for record in records:
        try:
            segment = msgspec.json.decode(record.value or b"", type=Segment)
        except UNDECODABLE:
            continue
        if segment.is_final:
            segments.append(segment)
    return [msgspec.to_builtins(s) for s in sorted(segments, key=lambda s: (s.start_ms, s.channel))]


def chunks(records: Iterable[Stored], call_id: str) -> list[AudioChunk]:
    """Audio that can be read, in media time."""
    found, key = [], call_id.encode()
    for record in records:
        try:
            found.append(decode_audio(key, record.value, record.headers, record.timestamp, record.offset, _LIMITS))
        except DecodeError:
            continue
    return sorted(found, key=lambda chunk: (chunk.offset_ms, chunk.channel or 0))


def sounds(found: Sequence[AudioChunk]) -> tuple[int, Tracks]:
    """The rate in Hz, and each channel's samples from the call's beginning; silence where there is no chunk."""
    if not found:
        return 0, {}
    rate = found[0].format.rate_hz
    parts: dict[int, list[tuple[int, Samples]]] = {}
    for chunk in found:
        if chunk.format.rate_hz != rate or chunk.offset_ms > MAX_SOUND_MS:
            continue
        start = chunk.offset_ms * rate // 1000
        for number, samples in enumerate(pcm.decode(chunk.data, chunk.format).T):
            parts.setdefault(number if chunk.channel is None else chunk.channel, []).append((start, samples))
    end = max((start + len(samples) for track in parts.values() for start, samples in track), default=0)
    tracks: Tracks = {}
    for channel in sorted(parts):
        tracks[channel] = np.zeros(end, np.int16)
        for start, samples in parts[channel]:
            tracks[channel][start : start + len(samples)] = samples
    return rate, tracks


def waveform(rate_hz: int, tracks: Tracks) -> JsonObject:
    """The loudest sample of each of ``POINTS`` columns, 0 to 100, by channel."""
    if not tracks:
        return {"duration_ms": 0, "channels": {}}
    length = max(len(samples) for samples in tracks.values())
    step = max(1, -(-length // POINTS))
    shown = {}
    for channel, samples in tracks.items():
        padded = np.zeros(step * -(-length // step), np.int32)
        padded[: len(samples)] = np.abs(samples.astype(np.int32))
        shown[str(channel)] = [int(peak) for peak in padded.reshape(-1, step).max(axis=1) * 100 // 32_768]
    return {"duration_ms": length * 1000 // rate_hz, "channels": shown}


def wav(rate_hz: int, tracks: Tracks) -> bytes:
    """All channels as one WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(max(1, len(tracks)))
        file.setsampwidth(2)
        file.setframerate(rate_hz or 8_000)
        if tracks:
            file.writeframes(np.stack(list(tracks.values()), axis=1).astype("<i2").tobytes())
    return out.getvalue()
