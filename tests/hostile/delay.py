"""How much later healthy calls come out while every bad record of ``bad_records`` comes among them.

    python -m tests.hostile.delay [--calls 20] [--broker embedded]

A real worker process, and calls at live pace, twice: alone, and with the bad records spread over the time they take. A
record's delay is from its record time (it is sent then) until a reader of ``deid.analytics.*`` has it. Prints one line
of JSON; exit status 0 where the 99th percentile grows to less than ``BAR`` times what it is undisturbed.
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from tests.chaos.processes import Workers
from tests.hostile import bad_records
from tests.hostile.bad_records import Bad
from tests.support.calls import MadeCall, Record, make_call
from tests.support.kafka import KafkaCluster
from tests.support.service import Service
from tests.support.topics import TOPIC_OF

BAR: Final = 3.0
TOGETHER_MS: Final = 20
"""Records that fall due within this are sent together."""
SETTLE_S: Final = 240.0


@dataclass
class Delays:
    """Of one run, in milliseconds."""

    of: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.of)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Result:
    undisturbed: Delays
    disturbed: Delays
    bad: int

    @property
    def ratio(self) -> float:
        return self.disturbed.quantile(0.99) / self.undisturbed.quantile(0.99)

    def json(self) -> dict[str, float]:
        found = {"records": len(self.disturbed.of), "bad_records": self.bad, "ratio_p99": round(self.ratio, 2)}
        for name, delays in (("undisturbed", self.undisturbed), ("disturbed", self.disturbed)):
            for share in (0.5, 0.99):
                found[f"{name}_p{share * 100:.0f}_ms"] = round(delays.quantile(share), 1)
        return found


def calls_from(start_ms: int, count: int, name: str) -> list[MadeCall]:
    return [make_call(f"{name}-{n}", "someone", n, start_ms + n * 97, turns=2) for n in range(count)]


def spread(bad: Sequence[Bad], start_ms: int, span_ms: int) -> list[tuple[int, Record]]:
    """When to send each, whatever its own time is."""
    records = [record for one in bad for record in one.records]
    return [(start_ms + span_ms * number // len(records), record) for number, record in enumerate(records)]


async def play(service: Service, due: "Due") -> None:
    """Each record at its time."""
    waiting = sorted(due, key=lambda pair: pair[0])
    while waiting:
        await asyncio.sleep(max(0.0, waiting[0][0] / 1000 - time.time()))
        until_ms = time.time() * 1000 + TOGETHER_MS
        now = [record for at_ms, record in waiting if at_ms <= until_ms]
        waiting = waiting[len(now) :]
        await service.put(
            *(OutRecord(service.prefix + TOPIC_OF[r.kind], r.key, r.value, tuple(r.headers), r.time_ms) for r in now)
        )


@contextlib.asynccontextmanager
async def listening(service: Service, name: str) -> AsyncIterator[Delays]:
    """Notes when the records of the calls ``name`` arrive, meanwhile."""
    delays = Delays()
    names = service.names

    async def listen() -> None:
        async with service.kafka.log_reader("read_committed") as reader:
            topics = (names.analytics_audio, names.analytics_transcripts)
            places = [place for topic in topics for place in await reader.partitions(topic)]
            reader.assign({place: await reader.end(place) for place in places})
            ready.set()
            while True:
                for records in (await reader.poll(50)).values():
                    now_ms = time.time() * 1000
                    delays.of += [
                        now_ms - r.timestamp for r in records if (r.key or b"").startswith(name.encode() + b"-")
                    ]

    ready = asyncio.Event()
    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(ready.wait(), SETTLE_S)
        yield delays
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Due = Sequence[tuple[int, Record]]
"""Records with the time (ms) at which each is sent."""


async def one_run(service: Service, calls: Sequence[MadeCall], name: str, others: Callable[[int, int], Due]) -> Delays:
    """The delays of healthy calls, whose ids begin with ``name``; all of their records must have come out. ``others``
    are sent meanwhile, given when it begins and how long the calls take (ms)."""
    start_ms = min(call.records[0].time_ms for call in calls)
    due = [(record.time_ms, record) for call in calls for record in call.records]
    due += others(start_ms, max(at_ms for at_ms, _ in due) - start_ms)
    expected = sum(call.chunks + call.segments for call in calls)
    async with listening(service, name) as delays:
        await play(service, due)
        async with asyncio.timeout(SETTLE_S):
            while len(delays.of) < expected:  # noqa: ASYNC110 - what another task gathers
                await asyncio.sleep(0.1)
    assert len(delays.of) == expected
    return delays


def nothing(_start_ms: int, _span_ms: int) -> Due:
    """Healthy calls alone."""
    return ()


def every_bad_record() -> list[Bad]:
    now_ms = int(time.time() * 1000)
    return [
        *bad_records.providers(now_ms),
        *bad_records.large(now_ms),
        *bad_records.hour(now_ms),
        *bad_records.times(now_ms, now_ms),
        *bad_records.refused(now_ms),
        bad_records.of_another("disturbed-0", now_ms),
    ]


async def measure(
    service: Service,
    logs: Path,
    calls: Callable[[int, str], list[MadeCall]],
    others: Callable[[int, int], Due],
) -> tuple[Delays, Delays]:
    """One worker process; once as a warm-up, once with ``calls`` (given their start and their name) alone, and once
    with ``others`` meanwhile."""
    await service.policy("someone")
    workers = Workers(msgspec.structs.replace(service.settings, metrics_port=0), logs)
    workers.start()

    def soon() -> int:
        return int(time.time() * 1000) + 500

    try:
        await one_run(service, calls_from(soon(), 1, "warm"), "warm", nothing)
        undisturbed = await one_run(service, calls(soon(), "undisturbed"), "undisturbed", nothing)
        disturbed = await one_run(service, calls(soon(), "disturbed"), "disturbed", others)
        assert workers.alive[0].poll() is None
    finally:
        workers.close()
    return undisturbed, disturbed


async def among_bad_records(service: Service, count: int, logs: Path, bad: Sequence[Bad]) -> Result:
    """``count`` calls alone, and with ``bad`` among them."""
    alone, among = await measure(
        service,
        logs,
        lambda start_ms, name: calls_from(start_ms, count, name),
        lambda start_ms, span_ms: spread(bad, start_ms, span_ms),
    )
    return Result(alone, among, len(bad))


async def _run(broker: str, count: int) -> Result:
    apache = broker == "apache"
    with tempfile.TemporaryDirectory() as folder, KafkaCluster() if apache else EmbeddedBroker() as running:
        servers = running.bootstrap if isinstance(running, KafkaCluster) else running.bootstrap_servers
        async with Service(Settings(bootstrap_servers=servers), exactly_once=apache) as service:
            return await among_bad_records(service, count, Path(folder), every_bad_record())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.delay", description=__doc__)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    given = parser.parse_args()
    result = asyncio.run(_run(given.broker, given.calls))
    print(json.dumps(result.json()))
    return 0 if result.ratio < BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
