"""What the product reads of topics and files that it, or whoever may write there, has written."""

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from deid_stream.audio.codec import opus
from deid_stream.commands.proving import heads_of
from deid_stream.dashboard.board import KINDS, Board
from deid_stream.dashboard.inspect import chunks, sounds, transcript, waveform
from deid_stream.datasets.wav import read_wav
from deid_stream.errors import DeidError
from deid_stream.keys.customers import CustomerRecord, new_key, secret_of, write_record
from deid_stream.keys.ring import KeyRing
from deid_stream.keys.table import KeyTable
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.model.published import Claim, Closing, Trained
from deid_stream.model.requests import Kind, Request
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.status import Beat
from deid_stream.policy.permit import decode_permit, position_of
from deid_stream.policy.withdrawn import AuditLine, Withdrawn
from deid_stream.wire.chain import PartitionCheck
from deid_stream.wire.index import encode_claims, read_claims
from deid_stream.wire.published import read_permit, read_segment, read_summary
from deid_stream.wire.requests import encode_request, read_request
from deid_stream.wire.sealing import seal, unseal
from tests.hostile.mutated import UndeclaredError

_SEPARATOR: Final = b"\n--\n"
_RING: Final = KeyRing(b"k" * 32)
_PAYLOAD_KEY: Final = b"p" * 32
_MAX_SOUND_BYTES: Final = 4_000
_MAX_DECODED_BYTES: Final = 1 << 20


class _Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int = 1_000
    offset: int = 0


def _headers(head: bytes) -> tuple[tuple[str, bytes], ...]:
    """Of lines ``name: value``."""
    lines = (line.partition(b": ") for line in head.split(b"\n")[:20])
    return tuple((name.decode("utf-8", "replace"), raw) for name, _, raw in lines)


def requests(data: bytes) -> None:
    """A record of ``privacy.requests``: key, separator, value."""
    key, found, value = data.partition(_SEPARATOR)
    read_request(key if found else None, value if found else data, "made-up")


def requests_seeds() -> Iterator[bytes]:
    for kind in Kind:
        request = Request(request_id="r-1", kind=kind, customer_id="acme", call_id="c-1", target="r-0")
        yield b"acme" + _SEPARATOR + encode_request(request)
    yield encode_request(Request(request_id="", kind=Kind.ACCESS, customer_id="acme", subject="+44 7700 900123"))


def board(data: bytes) -> None:
    """The first byte chooses the topic; then key, separator, value. Afterwards every page is asked for."""
    shown = Board()
    for part in data.split(b"\n==\n")[:6]:
        key, _, value = part[1:].partition(_SEPARATOR)
        shown.take(_KINDS[part[0] % len(_KINDS)] if part else _KINDS[0], key, value, 0)
    shown.overview(2_000)
    shown.policies(2_000)
    pages = [shown.calls(), shown.dead_letters(), shown.requests.shown(2_000), shown.windows.shown("")]
    for row in pages[2]["requests"]:  # type: ignore[call-overload]
        shown.request(row["reference"], 2_000)
    for call in pages[0]:  # type: ignore[attr-defined]
        shown.audit(call["call_id"])
    msgspec.json.encode(pages)


_KINDS: Final = sorted(KINDS)


def board_seeds() -> Iterator[bytes]:
    values = {
        "calls": {"call_id": "c", "customer_id": "a", "time_ms": 1, "duration_ms": 5, "policy_version": "1"},
        "audit": {"call_id": "c", "customer_id": "a", "action": "redacted", "reason": "text", "time_ms": 1},
        "policies": {"customer_id": "a", "version": 1, "training_opt_out": True},
        "dead_letters": {"error": "x", "path": "$", "source_topic": "t", "timestamp_ms": 1},
        "request_status": {"request_id": "r", "kind": "hold", "customer_id": "a", "state": "in_force", "call_id": "c"},
        "aggregates": {"customer_id": None, "window_start_ms": 0, "window_ms": 1, "threshold": 4, "calls": None},
    }
    made = {kind: json.dumps(value).encode() for kind, value in values.items()}
    metrics = Metrics()
    metrics.lag_records.set(3, "audio", "0")
    made["status"] = msgspec.json.encode(Beat(metrics, "w", "1", 0).beat(1_900, ready=True))
    for kind, raw in made.items():
        yield bytes([_KINDS.index(kind)]) + b"k" + _SEPARATOR + raw


def control(data: bytes) -> None:
    """Claims of the index, permits, keys, lines of the audit, manifests: the first byte chooses."""
    which, value = (data[0] if data else 0), data[1:]
    _CONTROL[which % len(_CONTROL)](value)


def _keys(value: bytes) -> None:
    table = KeyTable()
    for part in value.split(_SEPARATOR)[:4]:
        table.apply("acme", part)
    table.mends()
    for stored in table.record("acme").keys:
        with suppress(DeidError):
            secret_of(_RING, "acme", stored)


def _permit(value: bytes) -> None:
    permit = decode_permit(value)
    if permit is not None:
        position_of(permit)
        permit.ended(1_000)
    read_permit(value)


def _audit(value: bytes) -> None:
    """Lines of one partition, each with its headers before it."""
    check, withdrawn = PartitionCheck(expired=bool(len(value) % 2)), Withdrawn()
    parts = value.split(_SEPARATOR)[:9]
    for offset, (head, line) in enumerate(zip(parts[::2], parts[1::2], strict=False)):
        headers = tuple(
            (n.decode("utf-8", "replace"), v) for n, _, v in (h.partition(b": ") for h in head.split(b"\n"))
        )
        check.take(offset, b"c", line, headers)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            withdrawn.take(msgspec.json.decode(line, type=AuditLine))
    check.ends({"w": [head for heads in _heads(parts[-1]).values() for found in heads.values() for head in found]})
    check.reports()


def _heads(value: bytes) -> dict[int, dict[str, list[object]]]:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return heads_of(msgspec.json.decode(value, type=list[dict[str, object]]))  # type: ignore[return-value]
    return {}


_CONTROL: Final[tuple[Callable[[bytes], object], ...]] = (read_claims, _permit, _keys, _audit)


def control_seeds() -> Iterator[bytes]:
    trained = Trained(position="0/1", retain_until_ms=5)
    closing = Closing(time_ms=9, duration_ms=8, values={"PERSON": 2})
    claim = Claim(call_id="c", customer_id="a", trained=(trained,), closed=True, closing=closing)
    yield b"\0" + encode_claims(0, [claim], 1_000)[0].value
    yield b"\1" + b'{"customer_id":"a","policy_version":"1","position":"0/1","time":"2026-01-01T00:00:00Z"}'
    stored = new_key(_RING, "acme", bytes(64), 1_000)
    yield b"\2" + write_record(CustomerRecord(keys=(stored,), destroyed=("x",)))
    headers = b"ce_chain: w\nce_chainseq: 0\nce_chainprev: "
    line = b'{"call_id":"c","customer_id":"a","action":"deleted","reason":"deletion","time_ms":1,"counts":{"a":1}}'
    heads = b'[{"partition":0,"writer":"w","next":1,"head":"aa"}]'
    yield b"\3" + _SEPARATOR.join((headers, line, heads))


def published(data: bytes) -> None:
    """What training jobs and the dashboard read: header lines, separator, value. The first byte chooses."""
    head, _, value = data[1:].partition(_SEPARATOR)
    which = data[0] % 4 if data else 0
    if which == 0:
        read_segment(value)
    elif which == 1:
        read_summary(value)
    elif which == 2:
        transcript([_Record(b"c-1/0/0", value, ())])
        unseal(_PAYLOAD_KEY, "id", "deid.training.transcripts", head, value)
    else:
        found = chunks([_Record(b"c-1/0/0", value[:_MAX_SOUND_BYTES], _headers(head))], "c-1")
        if all(chunk.offset_ms < 60_000 for chunk in found):
            waveform(*sounds(found))


def published_seeds() -> Iterator[bytes]:
    segment = {"call_id": "c-1", "customer_id": "a", "segment_id": "s", "channel": 0, "seq": 0, "text": "hello [NAME]"}
    segment |= {"start_ms": 0, "end_ms": 900, "words": [{"text": "hello", "start_ms": 0, "end_ms": 300}]}
    segment |= {"entities": [{"entity_type": "PERSON", "start": 6, "end": 12}]}
    text = json.dumps(segment).encode()
    yield b"\0" + _SEPARATOR + text
    summary = {"call_id": "c-1", "customer_id": "a", "time_ms": 1, "duration_ms": 9}
    yield b"\1" + _SEPARATOR + json.dumps(summary).encode()
    yield b"\2" + _SEPARATOR + text
    key = b"c-1/0/0"
    yield b"\2" + key + _SEPARATOR + seal(_PAYLOAD_KEY, "id", "deid.training.transcripts", key, text)[0]
    headers = {"ce_specversion": "1.0", "ce_id": "i", "ce_source": "/s", "ce_type": "call.audio.v1"}
    headers |= {"ce_subject": "c-1", "ce_customerid": "a", "ce_channel": "0", "ce_seq": "0", "ce_offsetms": "0"}
    lines = "\n".join(f"{name}: {value}" for name, value in (headers | {"content-type": "audio/basic"}).items())
    yield b"\3" + lines.encode() + _SEPARATOR + bytes(800)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="deid-fuzz-"))


def sounds_files(data: bytes) -> None:
    """A WAV file, or where it begins so, Opus in Ogg."""
    if data[:4] == b"OggS":
        sound = opus.decode(data[:_MAX_SOUND_BYTES], _MAX_DECODED_BYTES)
        if len(sound.data) > 2 * _MAX_DECODED_BYTES:
            raise UndeclaredError("more sound than was allowed")
        return
    path = _folder() / "sound.wav"
    path.write_bytes(data)
    found = read_wav(path)
    repr(found)
    if found.duration_ms < 0:
        raise UndeclaredError("a file of less than no time")


def sounds_seeds() -> Iterator[bytes]:
    for tag, bits in ((1, 16), (6, 8), (7, 8), (3, 32)):
        out = io.BytesIO()
        body = np.linspace(0, 1, 200).astype("<f4").tobytes()
        frame = bits // 8
        fmt = b"".join(n.to_bytes(size, "little") for n, size in ((tag, 2), (1, 2), (8_000, 4), (8_000 * frame, 4)))
        fmt += frame.to_bytes(2, "little") + bits.to_bytes(2, "little")
        out.write(b"RIFF" + (36 + len(body)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little") + fmt)
        out.write(b"data" + len(body).to_bytes(4, "little") + body)
        yield out.getvalue()
    yield opus.encode(opus.Pcm(AudioFormat(Encoding.PCM16LE, 8_000, 1), bytes(3_200)))
