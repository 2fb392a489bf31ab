"""A real worker moves its metrics: what it reads, redacts, refuses and holds, and the broker that goes away."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.observe.metrics import Histogram, Metrics
from tests.support.calls import MadeCall, Record, make_call
from tests.support.service import Service, until

ELSEWHERE = {
    "index_calls": "tests/integration/test_control_numbers.py",
    "requests_open": "tests/integration/test_control_numbers.py",
    "requests_overdue": "tests/integration/test_control_numbers.py",
    "retraction_seconds": "tests/integration/test_control_numbers.py",
    "retractions_waiting": "tests/integration/test_control.py",
    "taken_back": "tests/integration/test_control_numbers.py",
    "customer_conflicts": "tests/unit/worker/test_identity.py",
    "spotcheck_calls": "tests/conformance/test_spotcheck.py",
    "spotcheck_finds": "tests/conformance/test_spotcheck.py",
    "aborted_transactions": "tests/integration/test_worker_kafka.py",
    "quarantined": "tests/conformance/test_spotcheck.py, tests/unit/worker/test_partition.py",
    "process_restarts": "tests/integration/test_processes.py",
    "task_failures": "tests/unit/observe/test_hooks.py",
    "stuck_partitions": "tests/unit/worker/test_telemetry.py",
    "paused_partitions": "tests/integration/test_recovery.py",
    "ready": "tests/unit/observe/test_metrics.py",
    "build_info": "tests/unit/observe/test_metrics.py",
}
"""Metrics that this file's worker has no reason to move, and who does."""


def state(metrics: Metrics) -> dict[str, object]:
    return {
        name: metric.total if isinstance(metric, Histogram) else dict(metric.values)
        for name, metric in vars(metrics).items()
    }


def without_text(made: MadeCall) -> list[Record]:
    """No transcript comes, and the call's metadata hold a field that nobody declared."""
    started = made.records[0]
    value = msgspec.json.encode(msgspec.json.decode(started.value) | {"metadata": {"queue": "undeclared"}})
    first = Record(started.kind, started.key, value, started.headers, started.time_ms)
    return [first, *(record for record in made.records[1:] if record.kind != "transcripts")]


def now_ms() -> int:
    return int(time.time() * 1000)


def with_a_revision(made: MadeCall) -> list[Record]:
    """The first segment comes again at the end, when it has left."""
    first = next(r for r in made.records if r.kind == "transcripts")
    value = msgspec.json.decode(first.value)
    again = msgspec.json.encode(value | {"revision": value.get("revision", 0) + 1, "text": value["text"] + " yes"})
    last_ms = max(r.time_ms for r in made.records if r.kind == "audio")
    return [*made.records, Record(first.kind, first.key, again, first.headers, last_ms)]


@pytest.fixture
async def broker() -> AsyncIterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


async def test_every_metric_moves_and_a_broker_that_goes_shows(broker: EmbeddedBroker) -> None:
    async with Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as service:
        await service.policy("permits")
        await service.policy("opted-out", training_opt_out=True)
        worker = await service.work()
        metrics, before = worker.metrics, state(Metrics())
        assert metrics.broker_connected.values[""] == 1
        assert metrics.records_in.values == dict.fromkeys(service.names.inputs, 0)
        await service.policy("permits", version=2)

        moved: set[str] = set()

        async def watch() -> None:
            while True:
                moved.update(name for name, value in state(metrics).items() if value != before[name])
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        half = make_call("half", "permits", 4, now_ms() - 20_000)
        ended = [r for r in half.records if r.kind == "events"][-1]
        await service.send([r for r in half.records if r is not ended])
        await until(lambda: metrics.live_calls.values[""] == 1 and metrics.held_bytes.values[""] > 0)
        whole = make_call("whole", "permits", 1, now_ms() - 60_000)
        out = make_call("out", "opted-out", 2, now_ms() - 60_000)
        bad = Record("audio", b"whole", b"x", [], now_ms())
        odd = without_text(make_call("odd", "permits", 5, now_ms() - 60_000))
        await service.send(with_a_revision(whole), out, [bad], odd)
        await service.send([ended])
        await service.closed(4)
        await service.send([r for r in whole.records if r.kind == "audio"][:2])
        await until(lambda: metrics.dropped.values["closed_call"] == 2)
        await until(lambda: sum(metrics.lag_records.values.values()) == 0)
        assert metrics.policies.values[""] == 2
        assert sum(metrics.dead_letters.values.values()) == 1
        assert metrics.withheld.values["training_opt_out"] == 1
        assert metrics.stream_delay_ms.values.keys() == {"0", "1"}
        assert worker.ready
        await asyncio.to_thread(broker.stop)
        await until(lambda: not worker.ready)
        await until(lambda: metrics.broker_connected.values[""] == 0)
        assert now_ms() / 1000 - metrics.last_poll.values[""] > 5
        watching.cancel()
    assert before.keys() - moved - ELSEWHERE.keys() == set()
