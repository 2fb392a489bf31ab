"""What is fuzzed: each target takes bytes and raises nothing but what the product declares."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.codec import opus
from deid_stream.config import load_settings
from deid_stream.datasets.callfile import check_call_file
from deid_stream.detect.detector import Detector
from deid_stream.errors import DeidError
from deid_stream.model.events import AudioFormat, Encoding, Event
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.policy.compile import compile_policy, says
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session import state
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.text.normalise import normalise
from deid_stream.units import FOREVER_MS
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.providers import NAMES
from deid_stream.worker.checkpoint import CheckpointLog
from tests.fuzz import doors, stored
from tests.hostile import mutated
from tests.hostile.mutated import UndeclaredError
from tests.support.bench import Bench, real_sessions
from tests.support.calls import make_call

GOLDEN: Final = Path(__file__).parents[1] / "golden"
_REQUIRED: Final = (("ce_specversion", b"1.0"), ("ce_id", b"i"), ("ce_source", b"/s"), ("ce_customerid", b"acme"))
_TYPES: Final = {AUDIO_KIND: b"call.audio.v1", TRANSCRIPTS_KIND: b"call.transcript.v1", EVENTS_KIND: b"call.started.v1"}
_TAKEN_UP_MS: Final = 1_700_000_010_000
_SEPARATOR: Final = b"\n--\n"
"""Between the parts of an input that has several."""


class Target(NamedTuple):
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]


def _read(kind: str, value: bytes, headers: tuple[tuple[str, bytes], ...], time_ms: int = 1_000) -> tuple[Event, ...]:
    decoded = decode(kind, b"c-1", value, headers, time_ms, 0, Limits())
    for fault in decoded.faults:
        if fault.code == "internal":
            raise UndeclaredError(str(fault))
    return decoded.events


def _record(kind: str) -> Callable[[bytes], object]:
    """Header lines ``name: value``, a separator, the value."""

    def run(data: bytes) -> None:
        head, _, value = data.partition(_SEPARATOR)
        headers = [line.partition(b": ") for line in head.split(b"\n") if b": " in line]
        own = {name.decode("utf-8", "replace"): raw for name, _, raw in headers}
        _read(kind, value, tuple({**dict(_REQUIRED), "ce_type": _TYPES[kind], **own}.items()))

    return run


def _records(kind: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for record in make_call("c-1", "acme", 1, 1_000).records[:40]:
            if record.kind == kind:
                head = b"\n".join(name.encode() + b": " + raw for name, raw in record.headers)
                yield head + _SEPARATOR + record.value[:800]

    return seeds


def _sounds() -> Iterator[bytes]:
    """Chunks of each encoding that may be sent."""
    yield from _records(AUDIO_KIND)()
    for kind in ("audio/PCMA", "audio/L16;rate=8000;channels=2", "audio/pcm;rate=8000;channels=1;encoding=s16le"):
        yield _chunk(kind, bytes(320))
    yield _chunk("audio/ogg;codecs=opus", opus.encode(opus.Pcm(AudioFormat(Encoding.PCM16LE, 8_000, 1), bytes(3_200))))


def _chunk(content_type: str, value: bytes) -> bytes:
    headers = {"content-type": content_type, "ce_channel": "0", "ce_seq": "0", "ce_offsetms": "0"}
    return "\n".join(f"{name}: {text}" for name, text in headers.items()).encode() + _SEPARATOR + value


def _document(data: bytes) -> None:
    """The first byte chooses the provider."""
    schema = NAMES[data[0] % len(NAMES)].encode() if data else b""
    headers = (*_REQUIRED, ("ce_type", _TYPES[TRANSCRIPTS_KIND]), ("ce_dataschema", schema))
    _read(TRANSCRIPTS_KIND, data[1:], headers)


def _documents() -> Iterator[bytes]:
    for path in sorted((GOLDEN / "providers").glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield bytes([NAMES.index(path.stem)]) + json.dumps(case["document"]).encode()


def _policy(data: bytes) -> None:
    says(data, "acme")
    compile_policy(data, strict=len(data) % 2 == 0)


def _settings(data: bytes) -> None:
    """A file, or, where the first byte says so, the environment."""
    if data[:1] != b"$":
        path = _folder() / "settings.toml"
        path.write_bytes(data)
        load_settings({}, {}, path)
        return
    lines = (line.partition("=") for line in data[1:].decode("utf-8", "replace").replace("\0", "").splitlines())
    load_settings({}, {f"DEID_{name.upper()}": value for name, _, value in lines if name and name != "config"})


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="deid-fuzz-"))


def _checkpoint(data: bytes) -> None:
    """Taken up by a partition that then goes on; a call whose state cannot be read is given up there."""
    log = CheckpointLog()
    for value in data.split(_SEPARATOR):
        log.add(value)
    bench = Bench(real_sessions(_detector()), log.restored)
    bench.partition.process(_TAKEN_UP_MS)
    bench.partition.take()


def _call_state(data: bytes) -> None:
    """A live call's state, by itself and in a checkpoint."""
    state.decode(data)
    base = msgspec.json.decode(_base(), type=dict[str, msgspec.Raw])
    _checkpoint(msgspec.json.encode(base | {"calls": [msgspec.Raw(data)]}))


@cache
def _base() -> bytes:
    return json.dumps(mutated._checkpoints()[-1][0]).encode()


def _checkpoints() -> Iterator[bytes]:
    for values in mutated._checkpoints():
        yield _SEPARATOR.join(json.dumps(value).encode() for value in values)[:20_000]


def _normalise(data: bytes) -> None:
    """Every offset leads back into the text, and never backwards."""
    text = data.decode("utf-8", "surrogateescape" if len(data) % 2 else "replace")[:2_000]
    found = normalise(text)
    spans = [found.to_source(at, at + 1) for at in range(0, len(found.text), max(1, len(found.text) // 50))]
    if any(not 0 <= span[0] <= span[1] <= len(text) for span in spans):
        raise UndeclaredError("an offset outside the text")


def _session(data: bytes) -> None:
    """Lines are segments and chunks of one call, in whatever order; after its end nothing is left."""
    session = CallSession(
        "c-1", "acme", detector=_detector(), key=b"k" * 32, settings=SessionSettings(), policy=UNKNOWN
    )
    time_ms = 1_000
    for line in data.split(b"\n")[:40]:
        kind = AUDIO_KIND if line[:1] == b"a" else TRANSCRIPTS_KIND if line[:1] == b"t" else EVENTS_KIND
        headers = dict(_REQUIRED) | {"ce_type": _TYPES[kind], "content-type": b"audio/basic"}
        headers |= {"ce_seq": b"%d" % (len(line) % 7), "ce_offsetms": b"%d" % (len(line) % 7 * 100)}
        time_ms += len(line)
        for event in _read(kind, line[1:801], tuple(headers.items()), time_ms):
            session.receive(event)
        session.advance(time_ms)
        session.outputs()
    session.advance(FOREVER_MS)
    session.outputs()
    state.decode(session.snapshot())


@cache
def _detector() -> Detector:
    return Detector.load()


def _sessions() -> Iterator[bytes]:
    lines = [
        {"audio": b"a", "transcripts": b"t", "events": b"e"}[r.kind] + r.value[:800].replace(b"\n", b" ")
        for r in make_call("c-1", "acme", 3, 1_000).records
    ]
    yield b"\n".join(line for line in lines if line[:1] != b"a")
    yield b"\n".join(lines[:20])


TARGETS: Final = {
    "audio": Target(_record(AUDIO_KIND), _sounds),
    "transcripts": Target(_record(TRANSCRIPTS_KIND), _records(TRANSCRIPTS_KIND)),
    "events": Target(_record(EVENTS_KIND), _records(EVENTS_KIND)),
    "documents": Target(_document, _documents),
    "policies": Target(_policy, lambda: (json.dumps(policy).encode() for policy in mutated._policies())),
    "settings": Target(_settings, lambda: iter((b'group_id = "g"\npartitions = 4\n', b"$GROUP_ID=g\nHOLDBACK_MS=3\n"))),
    "checkpoints": Target(_checkpoint, _checkpoints),
    "call-states": Target(_call_state, lambda: (json.dumps(one).encode() for one in mutated._snapshots())),
    "call-files": Target(
        lambda data: [str(fault) for fault in check_call_file(data, len(data) % 3)],
        lambda: (json.dumps(one).encode() for one in mutated._call_files()),
    ),
    "normaliser": Target(_normalise, lambda: iter((b"my card is four nine double two", "é ½ ④ Ⅷ".encode()))),
    "session": Target(_session, _sessions),
    "pages": Target(doors.pages, doors.pages_seeds),
    "addresses": Target(doors.addresses, doors.addresses_seeds),
    "bridge": Target(doors.bridge, doors.bridge_seeds),
    "requests": Target(stored.requests, stored.requests_seeds),
    "board": Target(stored.board, stored.board_seeds),
    "control": Target(stored.control, stored.control_seeds),
    "published": Target(stored.published, stored.published_seeds),
    "sounds": Target(stored.sounds_files, stored.sounds_seeds),
}


def declared(run: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """``run``, whose declared errors are no find."""

    def quiet(data: bytes) -> None:
        with suppress(DeidError):
            run(data)

    return quiet
