"""Structured mutation of valid inputs, through everything that reads what others wrote.

    python -m tests.hostile.mutated --count 500000 [--seed 0] [--target NAME]

Each input is a valid one with one to three changes: a node of its JSON replaced, moved, doubled, renamed or nested, its
bytes cut or overwritten, a header replaced. Whatever comes of it is a value or a declared error, within ``BOUND_S`` of
processor time; anything else is a find, printed with the seed that makes it again.
"""

import argparse
import copy
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from deid_stream.config import Settings, load_settings
from deid_stream.datasets.callfile import check_call_file
from deid_stream.errors import ConfigError, DeidError, PolicyError, StateError
from deid_stream.model.topics import AUDIO_KIND, TRANSCRIPTS_KIND
from deid_stream.policy.compile import compile_policy, says
from deid_stream.session import state
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.providers import NAMES, detect
from deid_stream.worker.checkpoint import CheckpointLog
from tests.support.bench import Bench, real_sessions
from tests.support.calls import make_call

BOUND_S = 0.05
TRIES = 3
"""How often what took too long is tried again: a neighbour's work slows one try, not each."""
GOLDEN = Path(__file__).parents[1] / "golden"
HUGE = 10**400
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, HUGE, -HUGE, 1e308, 1e-320, "",
    " ", "nan", "inf", "-inf", "1e999", "0x10", "1_000", "9" * 400, "9" * 5_000, "²", "\x00", "\ufeff", "İ", "ß" * 99,
    "a" * 300, "ab " * 20_000, "[NAME]", "....", "-", "$.x", "../..", "${x}", "true", "None", "2026-13-45T99:99:99Z",
    [], {}, [[]], [None], [True], [{}], {"": {}}, {"a": [1, "2", None]}, [[[[[[[[]]]]]]]], [0] * 3_000, ["x"] * 3_000,
)  # fmt: skip


class Target(NamedTuple):
    """``seeds`` are valid inputs; ``make`` changes one and answers with what reads it, which raises nothing but
    ``declared``."""

    name: str
    seeds: Callable[[], list[Any]]
    make: Callable[[Any, random.Random], Callable[[], object]]
    declared: tuple[type[Exception], ...] = (DeidError,)


class Find(NamedTuple):
    target: str
    seed: str
    what: str
    said: str

    def __str__(self) -> str:
        return f"{self.target} seed {self.seed}: {self.what}: {self.said[:300]}"


class UndeclaredError(Exception):
    """A fault that is one of ours: nobody foresaw it."""


# -- changes


def changed(value: Any, rng: random.Random) -> Any:
    """A copy with one to three nodes changed."""
    root = [json.loads(json.dumps(value))]
    for _ in range(rng.randint(1, 3)):
        nodes = list(_nodes(root))
        container, at = rng.choice(nodes)
        rng.choice(_CHANGES)(container, at, rng, nodes)
    return root[0]


def _nodes(container: Any) -> Iterator[tuple[Any, Any]]:
    for at in range(len(container)) if isinstance(container, list) else list(container):
        yield container, at
        if isinstance(container[at], list | dict) and container[at]:
            yield from _nodes(container[at])


def _replace(container: Any, at: Any, rng: random.Random, _: Any) -> None:
    container[at] = copy.deepcopy(rng.choice(ODD))


def _remove(container: Any, at: Any, rng: random.Random, _: Any) -> None:
    if isinstance(container, dict):
        container.pop(at, None)
    else:
        _replace(container, at, rng, None)


def _rename(container: Any, at: Any, rng: random.Random, _: Any) -> None:
    if isinstance(container, dict) and at in container:
        container[rng.choice((at + "x", at.upper(), "", "\x00", "type", "text", "words", "start"))] = container.pop(at)


def _move(container: Any, at: Any, rng: random.Random, nodes: Any) -> None:
    source, place = rng.choice(nodes)
    try:
        container[at] = json.loads(json.dumps(source[place]))
    except (KeyError, IndexError):
        container[at] = None  # an earlier change has taken it away


def _wrap(container: Any, at: Any, rng: random.Random, _: Any) -> None:
    if isinstance(container, list) or at in container:
        inner = container[at]
        container[at] = rng.choice(([inner], {"text": inner}, [inner] * 50, str(inner)[:9_000], {str(at): inner}))


def _deepen(container: Any, at: Any, rng: random.Random, _: Any) -> None:
    nested: Any = "x"
    for _level in range(rng.choice((5, 60, 150))):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    container[at] = nested


_CHANGES = (_replace, _replace, _replace, _remove, _rename, _move, _wrap, _deepen)


def written(value: Any, rng: random.Random) -> bytes:
    """JSON, at times damaged."""
    raw = json.dumps(value).encode()
    if rng.random() < 0.15 and raw:
        at = rng.randrange(len(raw))
        raw = rng.choice(
            (
                raw[:at],
                raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :],
                raw[:at] + rng.choice((b"\xff", b"\x00", b"\\ud800", b"NaN", b"1e999", b"[" * 5_000)) + raw[at:],
                raw + raw,
            )
        )
    return raw


# -- what reads


_HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"i"),
    ("ce_source", b"/s"),
    ("ce_customerid", b"acme"),
)  # fmt: skip
_ODD_HEADERS = (
    b"", b"\xff\xfe", b"nan", b"-1", b"9" * 400, b"1e9", b"\x00", b"a" * 300, b"audio/L16;rate=0;channels=1",
    b"audio/L16;rate=99999999999;channels=64", b"audio/ogg;codecs=opus", b"application/cloudevents+json", b"1.0",
    b"audio/pcm;rate=8000;channels=2;encoding=s16le", b"application/cloudevents+avro", "²".encode(), b"7", b"c-2",
)  # fmt: skip


def _decode(kind: str, value: bytes, headers: Mapping[str, bytes], rng: random.Random) -> Callable[[], None]:
    """Through the only door. A fault called ``internal`` is one that nobody foresaw."""
    sent = dict(headers)
    if rng.random() < 0.3:
        name = rng.choice([*sent, "ce_channel", "ce_roles", "ce_offsetms", "ce_dataschema", "ce_time", "content-type"])
        sent[name] = rng.choice(_ODD_HEADERS)
    key = rng.choice((b"c-1", b"c-1", b"c-1", None, b"", b"\xff" * 65))
    time_ms = rng.choice((0, 1_000, -1, 2**62))

    def read() -> None:
        for fault in decode(kind, key, value, tuple(sent.items()), time_ms, 0, Limits()).faults:
            if fault.code == "internal":
                raise UndeclaredError(str(fault))

    return read


def _document(seed: tuple[str, Any], rng: random.Random) -> Callable[[], object]:
    provider, document = seed
    mutated = changed(document, rng)
    schema = provider if rng.random() < 0.9 else rng.choice(NAMES)
    headers = {**dict(_HEADERS), "ce_type": b"call.transcript.v1", "ce_dataschema": schema.encode()}
    read = _decode(TRANSCRIPTS_KIND, written(mutated, rng), headers, rng)
    return lambda: (read(), list(detect(mutated)) if isinstance(mutated, dict) else ())


def _documents() -> list[Any]:
    return [
        (path.stem, case["document"])
        for path in sorted((GOLDEN / "providers").glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
    ]


def _records() -> list[Any]:
    """One of each kind of a made call, the JSON read; audio's as it is."""
    by_kind = {}
    for record in make_call("c-1", "acme", 1, 1_000).records:
        value = record.value if record.kind == AUDIO_KIND else json.loads(record.value)
        by_kind[record.kind, dict(record.headers)["ce_type"]] = (record.kind, value, dict(record.headers))
    return list(by_kind.values())


def _record(seed: tuple[str, Any, dict[str, bytes]], rng: random.Random) -> Callable[[], object]:
    kind, value, headers = seed
    if kind == AUDIO_KIND:
        at = rng.randrange(len(value))
        return _decode(kind, rng.choice((value[:at], value[:at] * 3, b"OggS" + value[:at], value)), headers, rng)
    mutated = changed(value, rng)
    if rng.random() < 0.2:
        named = {name.removeprefix("ce_"): raw.decode() for name, raw in headers.items()}
        mutated = changed({**named, "data": mutated}, rng)
        headers = {"content-type": b"application/cloudevents+json"}
    return _decode(kind, written(mutated, rng), headers, rng)


def _policies() -> list[Any]:
    whole = {"customer_id": "acme", "version": 3, "training_opt_out": False, "analytics": True, "audio": "tone"}
    whole |= {"entities": {"PERSON": "numbered", "LOCATION": "keep"}, "interims": "masked", "region": "in"}
    whole |= {"retention_days": {"analytics": 9, "training": 3}, "legal_hold": False, "languages": ["en", "hi"]}
    whole |= {"effective_from": "2026-01-01T00:00:00Z", "allow": ["blue bird"], "deny": ["project x"]}
    return [whole, {"customer_id": "acme", "version": "1.2", "training_opt_out": True}]


def _policy(seed: Any, rng: random.Random) -> Callable[[], object]:
    raw = written(changed(seed, rng), rng)
    strict = rng.random() < 0.5
    return lambda: (says(raw, "acme"), compile_policy(raw, strict=strict))


def _settings() -> list[Any]:
    return [{name: getattr(Settings(), name) for name in Settings.__struct_fields__}]


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="deid-mutated-"))


def _setting(seed: Any, rng: random.Random) -> Callable[[], object]:
    names = rng.sample(sorted(seed), 3)
    odd = {name: changed(seed[name], rng) for name in names}
    if rng.random() < 0.2:
        path = _folder() / "settings.toml"
        path.write_bytes("".join(f"{name} = {json.dumps(value)}\n" for name, value in odd.items()).encode())
        return lambda: load_settings({}, {}, path)
    if rng.random() < 0.5:
        environ = {f"DEID_{n.upper()}": str(v)[:9_000] for n, v in odd.items() if _writable(v)}
        return lambda: repr(load_settings({}, environ))
    return lambda: load_settings(odd, {}).limits


def _writable(value: Any) -> bool:
    """Python itself refuses to write longer integers out."""
    return not isinstance(value, int) or abs(value) < 10**4_000


def _call_files() -> list[Any]:
    segments = [json.loads(r.value) for r in make_call("c-1", "acme", 2, 0).records if r.kind == "transcripts"]
    return [{"call_id": "c-1", "customer_id": "acme", "language": "en", "channels": 2, "segments": segments}]


def _call_file(seed: Any, rng: random.Random) -> Callable[[], object]:
    raw, channels = written(changed(seed, rng), rng), rng.choice((0, 1, 2))
    return lambda: [str(fault) for fault in check_call_file(raw, channels)]


def _checkpoints() -> list[Any]:
    lines = (GOLDEN / "checkpoint_0_1_0.jsonl").read_text(encoding="utf-8").splitlines()
    bench = Bench(_sessions())
    made = [make_call(f"c-{n}", "acme", n, 1_700_000_000_000).records for n in range(2)]
    bench.source(sorted((r for call in made for r in call if r.time_ms < 1_700_000_003_000), key=lambda r: r.time_ms))
    bench.run()
    work = bench.partition.take()
    now = [json.loads(value) for _, value in work.checkpoint] if work is not None else []
    return [[json.loads(line)["value"] for line in lines], *([[now[0]]] if now else [])]


@cache
def _sessions() -> Any:
    return real_sessions()


def _checkpoint(seed: list[Any], rng: random.Random) -> Callable[[], object]:
    """Taken up by a partition that then goes on; a call whose state cannot be read is given up there."""
    at = rng.randrange(len(seed))
    values = [
        written(changed(value, rng), rng) if number == at else json.dumps(value).encode()
        for number, value in enumerate(seed)
    ]

    def take_up() -> None:
        log = CheckpointLog()
        for value in values:
            log.add(value)
        bench = Bench(_sessions(), log.restored)
        bench.partition.process(1_700_000_010_000)
        bench.partition.take()

    return take_up


def _snapshots() -> list[Any]:
    return [call for log in _checkpoints() for value in log for call in value.get("calls", [])]


def _snapshot(seed: Any, rng: random.Random) -> Callable[[], object]:
    raw = written(changed(seed, rng), rng)
    return lambda: state.decode(raw)


TARGETS = (
    Target("documents", _documents, _document, ()),
    Target("records", _records, _record, ()),
    Target("policies", _policies, _policy, (PolicyError,)),
    Target("settings", _settings, _setting, (ConfigError,)),
    Target("call files", _call_files, _call_file, ()),
    Target("call states", _snapshots, _snapshot, (StateError,)),
    Target("checkpoints", _checkpoints, _checkpoint, ()),
)
SHARES = {
    "documents": 60,
    "records": 12,
    "policies": 8,
    "settings": 6,
    "call files": 6,
    "call states": 6,
    "checkpoints": 2,
}


def once(target: Target, seeds: list[Any], seed: str, bound_s: float) -> Find | None:
    """One changed input; what is wrong with what came of it."""
    took_s = bound_s
    for _ in range(TRIES):
        rng = random.Random(f"{target.name} {seed}")
        read = target.make(rng.choice(seeds), rng)
        begun_s = time.thread_time()
        try:
            read()
        except target.declared:
            pass
        except Exception as error:  # noqa: BLE001 - whatever else is raised is what is looked for
            return Find(target.name, seed, type(error).__name__, str(error))
        took_s = time.thread_time() - begun_s
        if took_s <= bound_s:
            return None
    return Find(target.name, seed, "too long", f"{took_s:.3f} s")


def run(count: int, seed: int, bound_s: float, only: str = "") -> list[Find]:
    """``count`` inputs over all targets, or over one."""
    finds = []
    for target in TARGETS:
        if only and target.name != only:
            continue
        seeds = target.seeds()
        share = 100 if only else SHARES[target.name]
        for number in range(count * share // 100):
            find = once(target, seeds, f"{seed}/{number}", bound_s)
            if find is not None:
                finds.append(find)
    return finds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.mutated", description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="", choices=["", *SHARES])
    given = parser.parse_args()
    begun_s = time.monotonic()
    finds = run(given.count, given.seed, BOUND_S, given.target)
    for find in finds[:50]:
        print(find)
    print(f"{given.count} inputs, {len(finds)} finds, {time.monotonic() - begun_s:.0f} s")
    return 1 if finds else 0


if __name__ == "__main__":
    raise SystemExit(main())
