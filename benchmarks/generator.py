"""The load generator, its own process: ``python -m benchmarks.generator '{"bootstrap": ..., ...}'`` (see ``Plan``).

Live: holds ``calls`` calls, started within ``ramp_s``, each with a random rest of its script to run so that ends and
starts are spread as they are in life; a call that ends is followed by a new one. Backlog: writes ``calls`` whole
calls as fast as they go, with the record times of calls that have been. Publishes the policies, prints ``ready``,
waits for a line on stdin, and ends with one JSON line of what it did.

It must cost little beside what it measures: values are made beforehand, a tick's records go as one prepared batch a
partition, and what changes with the call is a handful of byte formats.
"""

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from benchmarks.load import CALL_ID, CUSTOMERS, OPTED_OUT, TICK_MS, Record, Script, Shape, call_id, make_scripts

MAX_BATCH_BYTES = 900_000


@dataclass
class Plan:
    bootstrap: str
    calls: int
    mode: str = "live"
    seconds: float = 30.0
    ramp_s: float = 4.0
    scripts: int = 24
    partitions: int = 4
    seed: int = 7
    shape: Shape = field(default_factory=Shape)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        fields = json.loads(text)
        return cls(**{**fields, "shape": Shape(**fields["shape"])})


class Call:
    """One call being played: the next record of its script."""

    __slots__ = ("at", "ends_ms", "id", "key", "partition", "script", "start_ms")

    def __init__(self, script: Script, number: int, start_ms: int, ends_ms: int, partitions: int) -> None:
        self.script = script
        self.id = call_id(script.number, number, start_ms, max(0, ends_ms - start_ms))
        self.key = self.id.encode()
        self.partition = (murmur2(self.key) & 0x7FFFFFFF) % partitions
        self.start_ms = start_ms
        self.ends_ms = ends_ms
        self.at = 0


class Sender:
    """Batches by topic and partition; ``flush`` hands them to the producer, in order, and keeps their futures."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._open: dict[tuple[str, int], object] = {}
        self._unsent: list[tuple[object, str, int]] = []
        self._futures: set[asyncio.Future[object]] = set()
        self.records = 0
        self.bytes = 0
        self._ce_time = b""
        self._ce_time_ms = -1

    def add(self, call: Call, record: Record, at_ms: int) -> None:
        if at_ms != self._ce_time_ms:
            self._ce_time_ms = at_ms
            stamp = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
            self._ce_time = stamp.replace("+00:00", "Z").encode()
        value = record.value.replace(_PLACEHOLDER, call.key) if record.in_value else record.value
        headers = [
            ("ce_id", call.key + record.id_suffix),
            ("ce_subject", call.key),
            ("ce_time", self._ce_time),
            *record.headers,
        ]
        place = (record.topic, call.partition)
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=at_ms, key=call.key, value=value, headers=headers) is None:  # type: ignore[attr-defined]
            self._unsent.append((batch, *place))
            batch = self._open[place] = self._producer.create_batch()
            batch.append(timestamp=at_ms, key=call.key, value=value, headers=headers)  # type: ignore[attr-defined]
        self.records += 1
        self.bytes += len(value)

    async def flush(self) -> None:
        self._unsent += [(batch, *place) for place, batch in self._open.items()]
        self._open.clear()
        for batch, topic, partition in self._unsent:
            future = await self._producer.send_batch(batch, topic, partition=partition)
            self._futures.add(future)
            future.add_done_callback(self._done)
        self._unsent.clear()

    def _done(self, future: "asyncio.Future[object]") -> None:
        self._futures.discard(future)
        future.result()

    async def settle(self) -> None:
        await self.flush()
        await asyncio.gather(*self._futures)


_PLACEHOLDER = CALL_ID.encode()


async def publish_policies(producer: AIOKafkaProducer) -> None:
    for customer in CUSTOMERS:
        policy = {
            "customer_id": customer,
            "version": "1",
            "training_opt_out": customer in OPTED_OUT,
            "analytics": True,
            "entities": "default",
            "audio": "silence",
            "interims": "none",
            "retention_days": {"analytics": 90, "training": 365},
            "legal_hold": False,
        }
        await producer.send_and_wait(
            "customers.policies", json.dumps(policy).encode(), key=customer.encode(), timestamp_ms=1
        )


async def live(plan: Plan, scripts: list[Script], sender: Sender) -> dict[str, float]:
    rng = Random(plan.seed)
    now_ms = (int(time.time() * 1000) + 200) // TICK_MS * TICK_MS
    begin_ms, end_ms = now_ms, now_ms + int((plan.ramp_s + plan.seconds) * 1000)
    wheel: dict[int, list[Call]] = {}
    started = 0

    def begin(start_ms: int, rest: bool) -> None:
        nonlocal started
        script = scripts[rng.randrange(len(scripts))]
        lives_ms = int(script.duration_ms * (1 - rng.random())) if rest else script.duration_ms + 10_000
        call = Call(script, started, start_ms, start_ms + lives_ms, plan.partitions)
        started += 1
        wheel.setdefault(start_ms // TICK_MS, []).append(call)

    for _ in range(plan.calls):
        begin(begin_ms + int(rng.random() * plan.ramp_s * 1000) // TICK_MS * TICK_MS, True)
    lags_ms: list[int] = []
    tick = begin_ms // TICK_MS
    while tick * TICK_MS < end_ms:
        at_ms = tick * TICK_MS
        ahead_s = at_ms / 1000 - time.time()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        for call in wheel.pop(tick, ()):
            records, at = call.script.records, call.at
            while at < len(records) and (due_ms := call.start_ms + records[at].at_ms) <= at_ms:
                sender.add(call, records[at], due_ms)
                at += 1
            call.at = at
            if at == len(records):
                begin(at_ms + TICK_MS * rng.randint(1, 50), False)
            elif due_ms >= call.ends_ms:
                sender.add(call, records[-1], due_ms)
                begin(at_ms + TICK_MS * rng.randint(1, 50), False)
            else:
                wheel.setdefault(due_ms // TICK_MS, []).append(call)
        await sender.flush()
        lags_ms.append(int(time.time() * 1000) - at_ms)
        tick += 1
    await sender.settle()
    lags_ms.sort()
    return {"lag_p99_ms": lags_ms[len(lags_ms) * 99 // 100], "calls_started": started}


async def backlog(plan: Plan, scripts: list[Script], sender: Sender) -> dict[str, float]:
    longest_ms = max(script.records[-1].at_ms for script in scripts)
    begin_ms = int(time.time() * 1000) - longest_ms - 1000
    calls = [
        Call(scripts[n % len(scripts)], n, begin_ms, begin_ms + longest_ms, plan.partitions) for n in range(plan.calls)
    ]
    for second in range(longest_ms // 1000 + 1):
        for call in calls:
            records = call.script.records
            while call.at < len(records) and records[call.at].at_ms < (second + 1) * 1000:
                record = records[call.at]
                sender.add(call, record, call.start_ms + record.at_ms)
                call.at += 1
        await sender.flush()
        if second % 60 == 59:
            await sender.settle()
    await sender.settle()
    media_s = sum(call.script.duration_ms for call in calls) / 1000
    return {"media_s": media_s, "calls_started": len(calls)}


async def run(plan: Plan) -> dict[str, float]:
    scripts = make_scripts(plan.shape, plan.scripts, plan.seed)
    gc.collect()
    gc.freeze()
    producer = AIOKafkaProducer(bootstrap_servers=plan.bootstrap, max_batch_size=MAX_BATCH_BYTES, linger_ms=0)
    await producer.start()
    try:
        await publish_policies(producer)
        sender = Sender(producer)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        cpu, wall = time.process_time(), time.monotonic()
        report = await (live if plan.mode == "live" else backlog)(plan, scripts, sender)
        report |= {
            "records": sender.records,
            "bytes": sender.bytes,
            "wall_s": time.monotonic() - wall,
            "cpu_s": time.process_time() - cpu,
        }
    finally:
        await producer.stop()
    return report


def main() -> None:
    print(json.dumps(asyncio.run(run(Plan.from_json(sys.argv[1])))), flush=True)


if __name__ == "__main__":
    main()
