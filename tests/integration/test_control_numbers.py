"""What the control plane says of its work, through a real broker: metrics, audit, and windows of the aggregates."""

import asyncio
import json
import time
import urllib.request
from typing import Any

from deid_stream.policy.aggregates import window_start
from deid_stream.wire.chain import PartitionCheck
from tests.support.calls import make_call
from tests.support.rights import SETTLE_S, ask, becomes, call, comes_to, everywhere, killed_half_way, published
from tests.support.rights import broker as broker
from tests.support.rights import service as service
from tests.support.service import Service


async def test_an_opt_out_is_measured_and_the_audit_is_one_chain_across_a_kill(service: Service) -> None:
    control = await published(service, call("a", 68), call("b", 69))
    await service.policy("acme", version=2, training_opt_out=True)
    await killed_half_way(service, control)
    await comes_to(service, everywhere("a", "b") | {"training": set()})
    checks: dict[int, PartitionCheck] = {}
    for record in await service.read(service.names.audit):
        check = checks.setdefault(record.partition, PartitionCheck(expired=False))
        check.take(record.offset, record.key, record.value, record.headers)
    assert not [found for check in checks.values() for found in check.breaks]
    assert "control" in {report.writer for check in checks.values() for report in check.reports()}


async def test_the_numbers_say_what_was_done(service: Service) -> None:
    await published(service, call("a", 70))
    await service.policy("acme", version=2, training_opt_out=True)
    await comes_to(service, everywhere("a") | {"training": set()})

    def numbers() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.control_ports[-1]}/metrics", timeout=5) as answer:
            return answer.read().decode()

    async with asyncio.timeout(SETTLE_S):
        while "deid_retraction_seconds_count 1.0" not in (shown := await asyncio.to_thread(numbers)):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert 'deid_taken_back_total{reason="opt_out"} 0.0' not in shown
    for line in ("deid_index_calls 1.0", "deid_requests_open 0.0", "deid_requests_overdue 0.0"):
        assert line in shown


async def test_a_window_is_published_with_small_cells_hidden_once_and_not_again_after_a_kill(service: Service) -> None:
    """Twelve calls of one customer and one of another, counted by a control plane and published by the next one."""
    control = await service.control(aggregates_window_ms=60_000)
    for customer in ("acme", "small"):
        await service.policy(customer, version=1)
    await service.work()
    # all in one window, which stays open for half a minute at least: what is told of later counts in the next one
    start_ms = window_start(int(time.time() * 1000) - 30_000, 60_000) + 1_000
    calls = [make_call(f"w{n}", "acme" if n < 12 else "small", 80 + n, start_ms, turns=1) for n in range(13)]
    assert max(made.duration_ms for made in calls) < 25_000
    await service.send(*calls)
    await service.closed(13)
    async with asyncio.timeout(SETTLE_S):
        while await service.number("deid_index_calls") < 13:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    service.kill_control(control)
    control = await service.control(aggregates_window_ms=60_000)

    async def rows() -> list[tuple[str, Any]]:
        records = await service.read(service.prefix + "deid.aggregates")
        return [(record.key.decode().split("/")[0], json.loads(record.value)) for record in records]

    # a window is published two minutes after its start
    async with asyncio.timeout(120 + SETTLE_S):
        while len(found := await rows()) < 3:  # noqa: ASYNC110
            await asyncio.sleep(2)
    told = {name: row["calls"] for name, row in found}
    assert told.keys() == {"acme", "small", "*"}
    assert told["small"] is None, "one call"
    assert None in (told["acme"], told["*"]), "or it could be worked out"
    service.kill_control(control)
    await service.control(aggregates_window_ms=60_000)
    await becomes(service, await ask(service, "access"), "granted")
    assert await rows() == found
