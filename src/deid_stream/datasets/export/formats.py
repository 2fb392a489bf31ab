"""Writes clips as the files of a shard, and reads them back. Each format keeps every field of a clip, so that a shard
can be written again without the clips that were withdrawn.

- ``jsonl``: one JSON object per line, in the form of NeMo manifests (``audio_filepath``, ``duration``, ``text``), with
  a WAV file per clip beside it.
- ``webdataset``: a tar file with ``KEY.wav`` and ``KEY.json`` per clip, as the webdataset library reads it.
- ``parquet``: one row per clip; ``audio`` is ``{bytes, path}`` with the schema note by which Hugging Face ``datasets``
  knows its Audio feature.
"""

import io
import tarfile
import wave
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from types import ModuleType
from typing import Final, Protocol

import msgspec
import numpy as np

from deid_stream.datasets.calls import Clip, Samples
from deid_stream.errors import ConfigError, DecodeError, install
from deid_stream.model.json import UNDECODABLE, JsonObject
from deid_stream.wire.published import PublishedPermit

Read = Callable[[str], bytes]

SHARD_FOLDERS: Final = ("data/", "audio/")
"""The folders of a dataset in which shards have their files."""
_ID_CHARS: Final = 24


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A clip without its sound, as it stands in a file."""

    id: str
    call_id: str
    customer_id: str
    channel: int
    start_ms: int
    end_ms: int
    duration: float
    """Seconds."""
    language: str
    text: str
    entities: tuple[tuple[str, int, int], ...]
    sampling_rate: int
    policy_version: str
    permit: PublishedPermit | None
    partial: bool
    audio_filepath: str = ""


class Format(Protocol):
    """A file format of shards. ``name``: its name on the command line (``--format``)."""

    name: str

    def encode(self, shard: str, clips: Sequence[Clip]) -> dict[str, bytes]:
        """The content of a shard's files, by path within the dataset; the file with the rows comes first."""
        ...

    def decode(self, shard: str, read: Read) -> Iterator[Clip]:
        """The clips of a shard. ``read`` gives the content of a path. Raises DecodeError where a file is not as
        ``encode`` wrote it."""
        ...


class JsonLines:
    """``data/SHARD.jsonl``, and ``audio/SHARD/*.wav``."""

    name = "jsonl"

    def encode(self, shard: str, clips: Sequence[Clip]) -> dict[str, bytes]:
        rows = [_row(clip, f"audio/{shard}/{_file_name(clip)}.wav") for clip in clips]
        files = {f"data/{shard}.jsonl": msgspec.json.Encoder().encode_lines(rows)}
        files |= {row.audio_filepath: wav_bytes(clip) for row, clip in zip(rows, clips, strict=True)}
        return files

    def decode(self, shard: str, read: Read) -> Iterator[Clip]:
        for row in _json_rows(read(f"data/{shard}.jsonl"), shard):
            yield _clip(row, _samples(read(row.audio_filepath)))


class WebDataset:
    """``data/SHARD.tar``."""

    name = "webdataset"

    def encode(self, shard: str, clips: Sequence[Clip]) -> dict[str, bytes]:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for clip in clips:
                name = _file_name(clip)
                for suffix, data in (("wav", wav_bytes(clip)), ("json", msgspec.json.encode(_row(clip)))):
                    member = tarfile.TarInfo(f"{name}.{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
        return {f"data/{shard}.tar": out.getvalue()}

    def decode(self, shard: str, read: Read) -> Iterator[Clip]:
        sounds: dict[str, bytes] = {}
        with tarfile.open(fileobj=io.BytesIO(read(f"data/{shard}.tar")), mode="r") as tar:
            for member in tar:
                body = tar.extractfile(member)
                name, _, suffix = member.name.rpartition(".")
                data = body.read() if body is not None else b""
                if suffix == "wav":
                    sounds[name] = data
                else:
                    (row,) = _json_rows(data, shard)
                    yield _clip(row, _samples(sounds.pop(name)))


class Parquet:
    """``data/SHARD.parquet``. Raises ConfigError where pyarrow is not installed."""

    name = "parquet"

    def encode(self, shard: str, clips: Sequence[Clip]) -> dict[str, bytes]:
        pa, pq = _arrow()
        rows = [_parquet_row(clip) for clip in clips]
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=_schema(pa)), out, compression="zstd")
        return {f"data/{shard}.parquet": out.getvalue()}

    def decode(self, shard: str, read: Read) -> Iterator[Clip]:
        _, pq = _arrow()
        for found in pq.read_table(io.BytesIO(read(f"data/{shard}.parquet"))).to_pylist():
            audio = found.pop("audio")
            found["entities"] = [(e["entity_type"], e["start"], e["end"]) for e in found["entities"]]
            found["permit"] = msgspec.json.decode(found["permit"])
            yield _clip(msgspec.convert(found, Row), _samples(audio["bytes"]))


FORMATS: Final[dict[str, Format]] = {kind.name: kind for kind in (Parquet(), WebDataset(), JsonLines())}


def _arrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(f"parquet needs pyarrow; {install('datasets')}, or use --format jsonl") from None
    return pyarrow, pyarrow.parquet


def _schema(pa: ModuleType) -> object:
    entity = pa.struct([("entity_type", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
    fields = [
        ("id", pa.string()),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("text", pa.string()),
        ("duration", pa.float64()),
        ("sampling_rate", pa.int32()),
        ("language", pa.string()),
        ("call_id", pa.string()),
        ("customer_id", pa.string()),
        ("channel", pa.int32()),
        ("start_ms", pa.int64()),
        ("end_ms", pa.int64()),
        ("entities", pa.list_(entity)),
        ("policy_version", pa.string()),
        ("permit", pa.string()),
        ("partial", pa.bool_()),
    ]
    kinds = {"string": "string", "double": "float64"}
    features: JsonObject = {
        name: {"dtype": kinds.get(str(kind), str(kind)), "_type": "Value"}
        for name, kind in fields
        if name not in ("audio", "entities")
    }
    features["audio"] = {"_type": "Audio"}
    features["entities"] = [
        {
            "entity_type": {"dtype": "string", "_type": "Value"},
            "start": {"dtype": "int32", "_type": "Value"},
            "end": {"dtype": "int32", "_type": "Value"},
        }
    ]
    note = msgspec.json.encode({"info": {"features": {name: features[name] for name, _ in fields}}})
    return pa.schema(fields, metadata={b"huggingface": note})


def _parquet_row(clip: Clip) -> JsonObject:
    row = msgspec.structs.asdict(_row(clip))
    del row["audio_filepath"]
    row["permit"] = msgspec.json.encode(clip.permit).decode()
    row["entities"] = [{"entity_type": kind, "start": start, "end": end} for kind, start, end in clip.entities]
    row["audio"] = {"bytes": wav_bytes(clip), "path": f"{_file_name(clip)}.wav"}
    return row


def _row(clip: Clip, path: str = "") -> Row:
    return Row(
        id=clip.id,
        call_id=clip.call_id,
        customer_id=clip.customer_id,
        channel=clip.channel,
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
        duration=len(clip.audio) / clip.rate_hz if clip.rate_hz else 0.0,
        language=clip.language,
        text=clip.text,
        entities=clip.entities,
        sampling_rate=clip.rate_hz,
        policy_version=clip.policy_version,
        permit=clip.permit,
        partial=clip.partial,
        audio_filepath=path,
    )


def _clip(row: Row, audio: Samples) -> Clip:
    return Clip(
        id=row.id,
        call_id=row.call_id,
        customer_id=row.customer_id,
        channel=row.channel,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        language=row.language,
        text=row.text,
        entities=row.entities,
        rate_hz=row.sampling_rate,
        audio=audio,
        policy_version=row.policy_version,
        permit=row.permit,
        partial=row.partial,
    )


def _json_rows(data: bytes, shard: str) -> list[Row]:
    try:
        return [msgspec.json.decode(line, type=Row) for line in data.splitlines() if line]
    except UNDECODABLE:
        raise DecodeError(f"shard {shard} is not as this program wrote it; export again into an empty folder") from None


def _file_name(clip: Clip) -> str:
    """A file name for a clip: a digest of its id, since an id may hold characters that a file name may not."""
    return sha256(clip.id.encode()).hexdigest()[:_ID_CHARS]


def wav_bytes(clip: Clip) -> bytes:
    """The clip as a WAV file: mono, 16-bit PCM, at its own rate (8,000 Hz where it has no sound)."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(clip.rate_hz or 8_000)
        wav.writeframes(clip.audio.astype("<i2").tobytes())
    return out.getvalue()


def _samples(data: bytes) -> Samples:
    with wave.open(io.BytesIO(data), "rb") as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(np.int16)
