"""Law 8: no raw value is seen outside the sanctioned way: canaries in every field go through wire, session and gate.

Looked for in the records that come out (keys, headers and values), in checkpoints, in what is logged, on the metrics
page, and in what errors and values say of themselves. ``tests/hostile/canaries`` does the same to a whole deployment.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from deid_stream.detect.detector import Detector
from deid_stream.policy.compile import compile_policy
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from tests.hostile.canaries import plant, search
from tests.support.bench import NAMES, START_MS, Bench, real_sessions
from tests.support.calls import Record

DETECTOR = Detector.load()


def of_everything(garden: plant.Garden, seed: int) -> list[Record]:
    """Two whole calls, records that are refused, and some of the providers' documents, each topic in its own order."""
    found = [record for number in range(2) for record in plant.call(garden, number, START_MS + 900 * number)]
    found += plant.refused(garden, START_MS + 2_000)
    found += Random(seed).sample(list(plant.documents(garden, START_MS + 3_000, every=1)), 60)
    return sorted(found, key=lambda record: record.time_ms)


def came_out(bench: Bench, checkpoints: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    for out in bench.out:
        yield f"{out.topic} key", out.key or b""
        yield f"{out.topic} value", out.value or b""
        for name, value in out.headers:
            yield f"{out.topic} header {name}", name.encode() + b" " + value
    yield from (("checkpoint", value) for value in checkpoints)
    registry = CollectorRegistry()
    registry.register(bench.metrics)
    yield "metrics", generate_latest(registry)


def said_of_themselves(records: Sequence[Record]) -> Iterator[tuple[str, bytes]]:
    """What errors and events show where somebody prints them."""
    for record in records:
        decoded = decode(record.kind, record.key, record.value, record.headers, record.time_ms, 0, Limits())
        for fault in decoded.faults:
            yield "error", f"{fault!r} {fault} {fault.at} {fault.mend}".encode()
        for event in decoded.events:
            yield "event", repr(event).encode()


@given(seed=st.integers(0, 10_000), steps=st.lists(st.floats(0, 1), max_size=3))
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_canary_is_seen_but_ids(seed: int, steps: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    garden = plant.Garden(seed)
    records = of_everything(garden, seed)
    _, policy = next(plant.policies(garden))
    bench = Bench(real_sessions(DETECTOR), policy=compile_policy(policy))
    checkpoints: list[bytes] = []
    borders = [0, *sorted(int(share * len(records)) for share in steps), len(records)]
    for low, high in pairwise(borders):
        bench.source(records[low:high])
        bench.run()
        work = bench.commit()
        checkpoints += [value for _, value in work.checkpoint if value] if work else []
    places = [*came_out(bench, checkpoints), *said_of_themselves(records), ("log", caplog.text.encode())]
    unsanctioned, seen = search.search(garden, places)
    assert [str(one) for one in unsanctioned] == []
    assert seen > 20, "ids come out, so the rest would have been found"
    assert bench.outputs(NAMES.training_transcripts, NAMES.training_audio)
    assert len(bench.outputs(NAMES.dead_letters)) > 10, "as many as the seed draws: 20 to 30 of them"
    assert checkpoints
    assert {"error", "event", "log", "metrics"} <= {place for place, _ in places}
