"""A backlog read as fast as it goes: an hour of a stereo call that is on the topics already."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.brokers import PARTITIONS, broker, free_port
from benchmarks.capacity import OTHER_CORE, System, cpu_s, generating, running
from benchmarks.generator import Plan
from benchmarks.load import Shape

_QUIET_S = 8.0
_LAST_BATCH = 750
"""Records, at most, of 100 ms in a batch of 950 kB."""


@dataclass
class Drain:
    system: str
    broker: str
    media_s: float
    audio_records: int
    wall_s: float
    cpu_s: float
    complete: bool

    def row(self) -> dict[str, object]:
        return {
            **self.__dict__,
            "times_real_time": round(self.media_s / self.wall_s, 1),
            "times_real_time_a_core": round(self.media_s / self.cpu_s, 1),
            "audio_records_per_s": round(self.audio_records / self.wall_s),
            "audio_records_per_cpu_s": round(self.audio_records / self.cpu_s),
        }


async def _ends(consumer: AIOKafkaConsumer, topic: str) -> int:
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    return sum((await consumer.end_offsets(places)).values())


async def _drain(system: System, kind: str, bootstrap: str, shape: Shape, calls: int) -> Drain:
    plan = Plan(bootstrap, calls, mode="backlog", scripts=calls, shape=shape, partitions=PARTITIONS)
    generator = await generating(plan)
    assert generator.stdin is not None
    assert generator.stdout is not None
    generator.stdin.write(b"\n")
    report = json.loads(await generator.stdout.readline())
    await generator.wait()
    counter = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await counter.start()
    try:
        total = await _ends(counter, "calls.audio")
        # the embedded broker lists the first offset of its last batch as the end
        wanted = total - _LAST_BATCH
        async with running(system, bootstrap, free_port()) as (process, _):
            cpu, began = cpu_s(process), time.monotonic()
            seen, moved, at = 0, began, began
            while seen < wanted and time.monotonic() - moved < _QUIET_S:
                await asyncio.sleep(0.1)
                now = await _ends(counter, "deid.analytics.audio")
                if now > seen:
                    seen, moved = now, time.monotonic()
                    at, used = moved, cpu_s(process) - cpu
    finally:
        await counter.stop()
    return Drain(system.name, kind, report["media_s"], min(seen, total), at - began, used, seen >= wanted)


def drain(system: System, kind: str, *, duration_s: int = 3600, calls: int = 1, shape: Shape | None = None) -> Drain:
    """Once, on a fresh broker. Transaction markers count as offsets, so a system with transactions is counted to
    within them."""
    shape = shape or Shape(duration_ms=duration_s * 1000)
    with broker(kind, core=OTHER_CORE) as target:
        result = asyncio.run(_drain(system, kind, target.bootstrap, shape, calls))
    print(f"drain {result.row()}", file=sys.stderr, flush=True)
    return result
