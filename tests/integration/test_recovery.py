"""Recovery of a partition with five hundred live calls, each with seconds of audio held back."""

import gc
import os
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from deid_stream.config import Settings
from tests.conformance.conftest import Broker
from tests.conformance.conftest import apache as apache
from tests.conformance.conftest import broker as broker
from tests.support.calls import Record, make_call
from tests.support.service import Service, until

CALLS = 500
HELD_S = 3
TRIES = 3
BOUND_S = 3.0
CROWDED = 2.0
"""What the same work costs in processor time where other processes wait for the cores too: two share each one's caches
and arithmetic."""
LONG_MS = 600_000
"""Nothing is given up or let go by the clock while the test runs, however slow the machine is."""


@pytest.fixture
async def service(broker: Broker) -> AsyncIterator[Service]:
    settings = Settings(bootstrap_servers=broker.bootstrap)
    async with Service(settings, exactly_once=broker.exactly_once, partitions=1) as running:
        yield running
    gc.enable()


def live_calls() -> Iterator[Record]:
    """Both channels of each, the first turn transcribed and gone, ``HELD_S`` more of them not yet."""
    start_ms = int(time.time() * 1000) - 30_000
    for number in range(CALLS):
        made = make_call(f"live-{number}", "someone", number, start_ms + number * 7, turns=6)
        first = next(r for r in made.records if r.kind == "transcripts")
        until_ms = first.time_ms + HELD_S * 1_000
        yield from (r for r in made.records if r.time_ms <= until_ms and (r.kind != "transcripts" or r is first))


ON = [pytest.param("embedded", marks=pytest.mark.live), pytest.param("apache", marks=pytest.mark.kafka)]


@pytest.mark.parametrize("broker", ON, indirect=True)
async def test_five_hundred_live_calls_are_taken_over_in_less_than_three_seconds(service: Service) -> None:
    gc.disable()  # as in the worker's own process
    worker = await service.work(holdback_ms=LONG_MS, idle_ms=2 * LONG_MS)
    records = list(live_calls())
    await service.send(records)
    await until(lambda: sum(worker.metrics.records_in.values.values()) == len(records), 240)
    taken_s: list[float] = []
    # neighbours on a shared machine make a try longer, but not its processor time
    crowded = 2 * os.getloadavg()[0] > (os.cpu_count() or 1)
    bound_s = BOUND_S * CROWDED if crowded else BOUND_S
    while not taken_s or (taken_s[-1] >= bound_s and len(taken_s) < TRIES):
        await service.stop(worker)
        began_s = time.process_time()
        worker = await service.work(holdback_ms=LONG_MS, idle_ms=2 * LONG_MS)
        recovery = worker.metrics.recovery_seconds
        await until(lambda recovery=recovery: sum(recovery.counts) == 1)  # type: ignore[misc]
        assert worker.metrics.live_calls.values[""] == CALLS
        assert worker.metrics.held_bytes.values[""] > CALLS * HELD_S * 2 * 8_000
        taken_s.append(min(recovery.total, time.process_time() - began_s))
    assert taken_s[-1] < bound_s, taken_s
