"""The records of one call as a producer must send them: keys, headers, sequence numbers and media times come out right.

Pure: every method gives records to send, with whatever client, in the order in which they are given. The key decides
the partition, by murmur2 (``wire.partitions.partition_of`` for clients whose own partitioner is another).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from deid_stream.audio.codec.pcm import parse_content_type
from deid_stream.errors import AudioFormatError, ConfigError
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import TopicNames
from deid_stream.policy.permit import rfc3339
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.limits import check_channel
from deid_stream.wire.providers import named

_encode: Final = msgspec.json.encode
_JSON: Final = b"application/json"


class CallRecords:
    """One call. ``source`` says who produces (a URI, ``/pbx/3``); ``prefix`` stands before the topics' names.

    ``time_ms`` everywhere is when the record is sent, epoch ms: what hold-back and deadlines count in.
    """

    def __init__(
        self, call_id: str, customer_id: str, *, source: str = "/deid-stream/produce", prefix: str = ""
    ) -> None:
        """Raises DecodeError for an id that no record may have."""
        self.call_id = ce.identifier_at(call_id.encode("utf-8", "replace"), "call_id")
        self.customer_id = ce.identifier_at(customer_id.encode("utf-8", "replace"), "customer_id")
        self._source = source.encode()
        self._names = TopicNames.of(prefix)
        self._channels = 0
        self._seq: dict[int | None, int] = {}
        self._next_ms: dict[int | None, float] = {}
        self._documents = 0

    def started(self, time_ms: Ms, *, channels: int = 0, minor: bool = False, **metadata: object) -> OutRecord:
        """Send it when the sound begins: media time counts from here. ``channels``: how many there are; 0: not known.
        ``metadata``: from, to, direction, region, agent ... (``from`` as ``**{"from": ...}``)."""
        self._channels = channels
        fields = {**metadata, **self._ids(), "channels": channels, "minor": minor}
        return self._json(self._names.events, ce.STARTED_V1, "started", fields, time_ms)

    def audio(
        self,
        data: bytes,
        time_ms: Ms,
        *,
        channel: int | None = 0,
        content_type: str = "audio/basic",
        offset_ms: Ms | None = None,
    ) -> OutRecord:
        """A chunk of a channel (None: all of them interleaved). It follows the one before it; ``offset_ms`` says where
        it begins instead, after a gap. Raises AudioFormatError for a content type that is not understood, bytes that
        are not whole frames, or a channel beyond those that ``started`` was told of."""
        if channel is not None and self._channels:
            check_channel(channel, self._channels)
        fmt = parse_content_type(content_type)
        if not data or len(data) % fmt.frame_bytes:
            raise AudioFormatError(f"{len(data)} bytes are not whole frames of {fmt.frame_bytes} bytes")
        begin = self._next_ms.get(channel, 0.0) if offset_ms is None else float(offset_ms)
        self._next_ms[channel] = begin + len(data) / fmt.frame_bytes * 1000 / fmt.rate_hz
        seq = self._seq.get(channel, 0)
        self._seq[channel] = seq + 1
        name = "x" if channel is None else str(channel)
        headers = self._attributes(ce.AUDIO_V1, f"{name}/{seq}", content_type.encode(), time_ms)
        headers += [(ce.SEQ, b"%d" % seq), (ce.OFFSET_MS, b"%d" % round(begin))]
        if channel is not None:
            headers.append((ce.CHANNEL, b"%d" % channel))
        return OutRecord(self._names.audio, self.call_id.encode(), data, headers, time_ms)

    def segment(self, segment: Mapping[str, object], time_ms: Ms) -> OutRecord:
        """A transcript segment in the contract's form; it needs a ``segment_id``. Raises ConfigError without one."""
        if not segment.get("segment_id"):
            raise ConfigError("a segment needs a segment_id, the same for all its revisions")
        return self._transcript({**segment, **self._ids()}, [], time_ms)

    def document(
        self,
        provider: str,
        document: object,
        time_ms: Ms,
        *,
        channel: int | None = None,
        roles: str = "",
        clock_began_ms: Ms = 0,
    ) -> OutRecord:
        """A recogniser's message as it is: JSON text, bytes or an object. ``channel`` where the recogniser hears one
        only; ``roles`` (``agent,customer``) where it names parties; ``clock_began_ms`` where its own clock began later
        than the call. Raises UnknownProviderError."""
        headers = [(ce.DATASCHEMA, named(provider).name.encode())]
        if channel is not None:
            headers.append((ce.CHANNEL, b"%d" % channel))
        if roles:
            headers.append((ce.ROLES, roles.encode()))
        if clock_began_ms:
            headers.append((ce.OFFSET_MS, b"%d" % clock_began_ms))
        return self._transcript(document, headers, time_ms)

    def ended(self, time_ms: Ms, *, duration_ms: Ms | None = None) -> OutRecord:
        """Without ``duration_ms`` the call is as long as the sound that was sent."""
        length = max(self._next_ms.values(), default=0.0)
        duration = duration_ms if duration_ms is not None else round(length)
        return self._json(self._names.events, ce.ENDED_V1, "ended", {**self._ids(), "duration_ms": duration}, time_ms)

    def _ids(self) -> dict[str, str]:
        return {"call_id": self.call_id, "customer_id": self.customer_id}

    def _transcript(self, value: object, headers: list[tuple[str, bytes]], time_ms: Ms) -> OutRecord:
        self._documents += 1
        record = self._json(self._names.transcripts, ce.TRANSCRIPT_V1, f"t/{self._documents}", value, time_ms)
        return record._replace(headers=[*record.headers, *headers])

    def _json(self, topic: str, event_type: str, event_id: str, value: object, time_ms: Ms) -> OutRecord:
        raw = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else _encode(value)
        headers = self._attributes(event_type, event_id, _JSON, time_ms)
        return OutRecord(topic, self.call_id.encode(), raw, headers, time_ms)

    def _attributes(self, event_type: str, event_id: str, content_type: bytes, time_ms: Ms) -> list[tuple[str, bytes]]:
        return [
            (ce.SPECVERSION, ce.SPECVERSION_1),
            (ce.ID, f"{self.call_id}/{event_id}".encode()),
            (ce.SOURCE, self._source),
            (ce.TYPE, event_type.encode()),
            (ce.TIME, rfc3339(time_ms).encode()),
            (ce.SUBJECT, self.call_id.encode()),
            (ce.CUSTOMER_ID, self.customer_id.encode()),
            (ce.CONTENT_TYPE, content_type),
        ]
