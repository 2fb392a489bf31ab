"""Writes what is held of calls into a folder, in formats that other programs read, for a person who asked for it."""

import wave
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from deid_stream.audio.codec.compose import compose
from deid_stream.control.topics import ControlTopics
from deid_stream.errors import DeidError
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.ports import Kafka, LogReader
from deid_stream.kafka.reading import read_range
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model.json import JsonObject
from deid_stream.policy.holdings import Holding
from deid_stream.policy.permit import rfc3339
from deid_stream.policy.rights import Status
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.limits import Limits

_EARLIER_MS = 60_000
"""How far before a call's start its records are looked for, in ms: a record's timestamp may be a little earlier than
that of the call's first."""
_LIMITS = Limits(max_audio_bytes=1 << 30)


class Exported(msgspec.Struct, frozen=True):
    """How many calls and records are held, and the names of the files."""

    calls: int
    records: int
    """Counted as a deletion of the same calls would: without ``audit_lines``, which a deletion keeps."""
    audit_lines: int
    files: list[str]


async def export(
    kafka: Kafka, topics: ControlTopics, status: Status, calls: Sequence[Holding], out: Path, opener: Opener
) -> Exported:
    """Write ``manifest.json``, ``calls.jsonl``, ``transcripts.jsonl``, ``audit.jsonl`` and a WAV file per call into the
    folder ``out``. What is held is de-identified, so the export is, too. Encrypted records are decrypted by ``opener``.
    Raises BrokerError, OSError; SealedError where ``opener`` has no right to read them."""
    found = {
        topic: [opener.open(record) for record in records if not opener.destroyed(record)]
        for topic, records in (await _records(kafka, topics, calls)).items()
    }
    counts: Counter[str] = Counter()
    files = [
        _lines(out / "calls.jsonl", (_told(record, "") for record in found[topics.calls]), counts),
        _lines(
            out / "transcripts.jsonl",
            (
                _told(record, purpose)
                for topic, purpose in (
                    (topics.analytics_transcripts, "analytics"),
                    (topics.training_transcripts, "training"),
                )
                for record in found[topic]
            ),
            counts,
        ),
        _lines(out / "audit.jsonl", (_told(record, "") for record in found[topics.audit]), counts),
    ]
    by_call: dict[str, list[InRecord]] = defaultdict(list)
    for record in (*found[topics.training_audio], *found[topics.analytics_audio]):
        by_call[_call_of(record)].append(record)
    told = []
    for number, call in enumerate(sorted(calls, key=lambda one: one.call_id)):
        name, audio = f"call-{number}.wav", by_call.get(call.call_id, ())
        if sounds := _sound(out / name, audio):
            files.append(name)
            counts[name] = len(audio)
        told.append(
            {
                "call_id": call.call_id,
                "sound": name if sounds else None,
                "audio_records": len(audio),
                "started": rfc3339(call.started_ms),
                "region": call.region or None,
                "held_for": sorted({str(part.purpose) for part in call.parts if not part.gone}),
            }
        )
    manifest = {"request": msgspec.to_builtins(status), "calls": told, "records": dict(counts)}
    (out / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    audit_lines = len(found[topics.audit])
    records = sum(map(len, found.values())) - audit_lines
    return Exported(len(calls), records, audit_lines, [*files, "manifest.json"])


async def _records(kafka: Kafka, topics: ControlTopics, calls: Sequence[Holding]) -> dict[str, list[InRecord]]:
    """The calls' records by topic, without what a tombstone has removed, in the order of the keys' last records."""
    wanted: dict[int, dict[str, Holding]] = defaultdict(dict)
    for call in calls:
        wanted[call.partition][call.call_id] = call
    found: dict[str, list[InRecord]] = {}
    async with kafka.log_reader("read_committed") as reader:
        for topic in (
            topics.calls,
            topics.analytics_transcripts,
            topics.training_transcripts,
            topics.analytics_audio,
            topics.training_audio,
            topics.audit,
        ):
            found[topic] = []
            for partition, own in wanted.items():
                found[topic] += await _held(reader, Place(topic, partition), own, every=topic == topics.audit)
    return found


async def _held(reader: LogReader, place: Place, calls: dict[str, Holding], *, every: bool) -> list[InRecord]:
    begin, end = await reader.begin(place), await reader.end(place)
    start = await reader.offset_at(place, max(0, min(call.started_ms for call in calls.values()) - _EARLIER_MS))
    if start is None:
        return []
    latest: dict[bytes, InRecord] = {}
    async for records in read_range(reader, place, max(begin, start), end):
        for record in records:
            call = calls.get(_call_of(record))
            if record.key is None or (call is None and record.value is not None):
                continue
            key = b"%d" % record.offset if every else record.key
            latest.pop(key, None)
            # another customer's call may have the same id
            if call is not None and record.value is not None and _said(record, ce.CUSTOMER_ID) == call.customer_id:
                latest[key] = record
    return list(latest.values())


def _call_of(record: InRecord) -> str:
    return _said(record, ce.SUBJECT)


def _said(record: InRecord, header: str) -> str:
    said = next((value for name, value in record.headers if name == header), b"")
    return said.decode(errors="replace")


def _told(record: InRecord, purpose: str) -> JsonObject:
    value: JsonObject = msgspec.json.decode(record.value or b"{}")
    return value | {"held_for": purpose} if purpose else value


def _lines(path: Path, values: Iterable[JsonObject], counts: "Counter[str]") -> str:
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for value in values:
            file.write(encoder.encode(value) + b"\n")
            counts[path.name] += 1
    return path.name


def _sound(path: Path, records: Sequence[InRecord]) -> bool:
    """Write the call's sound as one 16-bit WAV file. Returns False, and writes nothing, where the call has no sound
    that fits together."""
    chunks = {}
    try:
        for record in records:
            chunk = decode_audio(
                _call_of(record).encode(), record.value, record.headers, record.timestamp, record.offset, _LIMITS
            )
            chunks[chunk.channel, chunk.seq] = chunk
        recording = compose(list(chunks.values()))
    except DeidError:
        return False
    with wave.open(str(path), "wb") as file:
        file.setnchannels(recording.samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(recording.rate_hz)
        file.writeframes(recording.samples.astype("<i2").tobytes())
    return True
