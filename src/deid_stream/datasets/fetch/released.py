"""Makes a call file and a recording of one call's sanitized records. Reads nothing by itself."""

from typing import Final

from deid_stream.datasets.callfile import sanitized_segment
from deid_stream.datasets.calls import Published
from deid_stream.datasets.fetch.together import Fetched, recording
from deid_stream.errors import DecodeError
from deid_stream.model.ids import split_record_id
from deid_stream.model.json import JsonObject
from deid_stream.model.topics import ANALYTICS_AUDIO
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.json import read_object
from deid_stream.wire.limits import Limits
from deid_stream.wire.published import read_segment, read_summary

_LIMITS: Final = Limits(max_audio_bytes=1 << 30)
"""What was published passed the deployment's own limits."""


class ReleasedCall:
    """Collects a call's records of ``deid.analytics.*`` and ``deid.calls``, in the order of their topics. Of several
    records under one key the last counts."""

    def __init__(self) -> None:
        self._summary: JsonObject | None = None
        self._records: dict[tuple[str, bytes], Published] = {}

    def close(self, value: bytes | None) -> None:
        """Take in the value of its record in ``deid.calls``; None: a tombstone. Raises DecodeError where the value is
        no summary."""
        if value is not None:
            read_summary(value)
        self._summary = None if value is None else read_object(value)

    def add(self, kind: str, record: Published) -> None:
        """Take in a record of the analytics topic of that ``kind``; a tombstone removes the one with its key."""
        key = (kind, record.key or b"")
        if record.value is None:
            self._records.pop(key, None)
        else:
            self._records[key] = record

    def put_together(self) -> Fetched | None:
        """The call as its files; None where no record of it has come. Raises DecodeError where a record is not one that
        this service publishes, AudioFormatError where its audio has more than one format."""
        audio = [record for (kind, _), record in self._records.items() if kind == ANALYTICS_AUDIO.kind]
        texts = [record for (kind, _), record in self._records.items() if kind != ANALYTICS_AUDIO.kind]
        segments = [segment for record in texts if (segment := read_segment(record.value or b"")).is_final]
        chunks = [
            decode_audio(_call_of(record), record.value, record.headers, record.timestamp, record.offset, _LIMITS)
            for record in audio
        ]
        summary = self._summary or {}
        named = [(item.call_id, item.customer_id) for item in segments] + [(c.call_id, c.customer_id) for c in chunks]
        if not named and not summary:
            return None
        call_id, customer_id = named[0] if named else (str(summary["call_id"]), str(summary["customer_id"]))
        sound, notes = recording(chunks, 0)
        if not summary:
            notes.append("the call is not closed: more of it may come")
        call: JsonObject = {
            "call_id": call_id,
            "customer_id": customer_id,
            "language": next((segment.language for segment in segments), "und"),
            **(
                {}
                if sound is None
                else {
                    "sample_rate_hz": sound.format.rate_hz,
                    "encoding": str(sound.format.encoding),
                    "channels": sound.format.channels,
                    "duration_ms": sound.duration_ms,
                }
            ),
            **{name: summary[name] for name in ("complete", "metadata") if name in summary},
            "policy_version": next((segment.policy_version for segment in segments), ""),
            "pipeline_version": next((segment.pipeline_version for segment in segments), ""),
            "segments": [sanitized_segment(s) for s in sorted(segments, key=lambda s: (s.start_ms, s.channel, s.seq))],
        }
        records = {"segments": len(segments), "audio": len(chunks)}
        return Fetched(
            call_id=call_id, customer_id=customer_id, sound=sound, call=call, records=records, notes=tuple(notes)
        )


def _call_of(record: Published) -> bytes:
    parts = split_record_id(record.key or b"")
    if parts is None:
        raise DecodeError("a record's key is not call/channel/number")
    return parts[0].encode()
