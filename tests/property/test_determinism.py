"""Law 6: the same source gives the same records, keys and headers included, in whatever steps and by whatever process
it is read."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from deid_stream.model.topics import INDEX
from deid_stream.policy.compile import compile_policy
from tests.support.bench import START_MS, Bench, real_sessions
from tests.support.calls import Record, make_call

ROOT = Path(__file__).parents[2]
POLICY = compile_policy(
    b'{"customer_id":"someone","version":7,"entities":{"PERSON":"pseudonym"},"interims":"masked","audio":"noise"}'
)


def source(seed: int) -> list[Record]:
    found = [r for n in range(3) for r in make_call(f"c{n}", "someone", seed + n, START_MS + 700 * n).records]
    return sorted(found, key=lambda record: record.time_ms)


def digest(seed: int, steps: int | None = None) -> str:
    """Of every record that comes out, by topic and in its order; read at once, or in random steps."""
    bench = Bench(real_sessions(), policy=POLICY)
    records = source(seed)
    rng = Random(steps)
    at = 0
    while at < len(records):
        size = len(records) if steps is None else rng.randint(1, 60)
        bench.source(records[at : at + size])
        at += size
        bench.run()
        bench.commit()
    # calls may be mixed otherwise; each topic's records of a call keep their order
    ordered = sorted(
        (out for out in bench.out if out.topic != INDEX.name),
        key=lambda out: (out.topic, (out.key or b"").split(b"/")[0]),
    )
    # how often a call is claimed depends on the batches, what is claimed in the end does not
    claims = {
        claim["call_id"]: claim
        for out in bench.out
        if out.topic == INDEX.name and out.value
        for claim in msgspec.json.decode(out.value)["calls"]
    }
    assert len(claims) == 3
    return hashlib.sha256(repr([ordered, sorted(claims.items())]).encode()).hexdigest()


@pytest.mark.parametrize("seed", range(2))
def test_steps_of_reading_change_nothing(seed: int) -> None:
    assert digest(seed) == digest(seed)
    assert {digest(seed, steps) for steps in range(2)} == {digest(seed)}


def test_another_source_gives_other_records() -> None:
    assert digest(0) != digest(1)


def test_two_processes_with_other_hash_seeds_give_the_same() -> None:
    script = "from tests.property.test_determinism import digest; print(digest(0), digest(1))"
    found = set()
    for hash_seed in ("1", "4321"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found.add(done.stdout)
    assert found == {f"{digest(0)} {digest(1)}\n"}
