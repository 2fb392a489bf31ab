"""Twilio Media Streams (JSON frames over a WebSocket) to records. Pure: messages in, records out.

One call may have several streams: Twilio connects again after a network fault, with timestamps that begin at 0. The
call's clock begins with its first stream; each later one is placed by when it began.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from deid_stream.errors import DecodeError
from deid_stream.kafka.record import OutRecord
from deid_stream.produce.records import CallRecords
from deid_stream.units import Ms
from deid_stream.wire.limits import MAX_MEDIA_MS, whole

CHANNELS: Final = {"inbound": 0, "outbound": 1}
"""Track to channel: the caller first."""
CHUNK_MS: Final = 100
"""Sound is sent in chunks of this length. Smaller: more records; larger: more delay."""
_BYTES_A_MS: Final = 8
_CHUNK_BYTES: Final = CHUNK_MS * _BYTES_A_MS
_MAX_FRAME_BYTES: Final = 64_000
_SILENT: Final = frozenset({"connected", "mark", "dtmf", "clear"})
"""Messages from which no record is made; ``dtmf`` holds the keys that the caller pressed, which are not passed on."""


class _Track:
    """Sound of one channel that has not filled a chunk."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.begin_ms: Ms = 0


class TwilioCall:
    """One call, through all its streams."""

    def __init__(self, records: CallRecords, began_ms: Ms) -> None:
        """``began_ms``: epoch ms at which the first stream started."""
        self._records = records
        self._began_ms = began_ms
        self._stream_began_ms: Ms = 0
        self._tracks: dict[int, _Track] = {}

    def started(self, start: Mapping[str, object], now_ms: Ms) -> list[OutRecord]:
        """The first stream's ``start``."""
        tracks = start.get("tracks")
        channels = len(tracks) if isinstance(tracks, list) and tracks else 1
        return [self._records.started(now_ms, channels=channels)]

    def resumed(self, now_ms: Ms) -> list[OutRecord]:
        """Another stream of the call has started."""
        records = self._flush_all(now_ms)
        self._stream_began_ms = max(0, now_ms - self._began_ms)
        return records

    def media(self, media: Mapping[str, object], now_ms: Ms) -> list[OutRecord]:
        """A frame. Raises DecodeError where it is none."""
        track, timestamp = media.get("track", "inbound"), whole(media.get("timestamp"))
        if not isinstance(track, str) or track not in CHANNELS:
            raise DecodeError("a track that is neither inbound nor outbound", at="$.media.track")
        if timestamp is None or not 0 <= timestamp <= MAX_MEDIA_MS:
            raise DecodeError("a frame without its timestamp", at="$.media.timestamp", mend="send ms from its start")
        data = _payload(media.get("payload"))
        channel = CHANNELS[track]
        held = self._tracks.setdefault(channel, _Track())
        begin_ms = self._stream_began_ms + timestamp
        records: list[OutRecord] = []
        if held.data and begin_ms != held.begin_ms + len(held.data) // _BYTES_A_MS:
            records += self._flush(channel, now_ms)
        if not held.data:
            held.begin_ms = begin_ms
        held.data += data
        while len(held.data) >= _CHUNK_BYTES:
            records.append(self._chunk(channel, _CHUNK_BYTES, now_ms))
        return records

    def document(self, provider: str, document: object, now_ms: Ms, **more: Any) -> list[OutRecord]:
        """A recogniser's message about the call."""
        return [self._records.document(provider, document, now_ms, **more)]

    def ended(self, now_ms: Ms) -> list[OutRecord]:
        """The records of the last sound and of the call's end."""
        return [*self._flush_all(now_ms), self._records.ended(now_ms)]

    def _flush_all(self, now_ms: Ms) -> list[OutRecord]:
        return [record for channel in sorted(self._tracks) for record in self._flush(channel, now_ms)]

    def _flush(self, channel: int, now_ms: Ms) -> list[OutRecord]:
        held = self._tracks[channel]
        return [self._chunk(channel, len(held.data), now_ms)] if held.data else []

    def _chunk(self, channel: int, size: int, now_ms: Ms) -> OutRecord:
        held = self._tracks[channel]
        data, held.data = bytes(held.data[:size]), held.data[size:]
        record = self._records.audio(data, now_ms, channel=channel, offset_ms=held.begin_ms)
        held.begin_ms += size // _BYTES_A_MS
        return record


def is_silent(event: object) -> bool:
    """Whether a message of that ``event`` is known to make no record."""
    return isinstance(event, str) and event in _SILENT


def _payload(encoded: object) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not 0 < len(data) <= _MAX_FRAME_BYTES:
        raise DecodeError("a frame without sound", at="$.media.payload", mend="send mu-law in Base64")
    return data
