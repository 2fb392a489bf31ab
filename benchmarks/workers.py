"""One worker process, then two, each held to the same share of a core: what a second core would add.

Two cores carry broker, generator and workers here, so whole cores for two workers there are not. A control group's CPU
quota (Linux, v1 or v2, needs root) gives each process its own small core instead. A backlog of many calls is written
under the running workers, and the speed is read where all of them have work: in the middle.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.brokers import PARTITIONS, broker, free_port
from benchmarks.capacity import OTHER_CORE, generating, running
from benchmarks.generator import Plan
from benchmarks.load import Shape
from benchmarks.systems import ours

SHARE = 0.3
"""Of a core, for each process."""
CALLS, CALL_MS = 240, 20_000
_PERIOD_US = 10_000
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
_FROM, _TO = 0.2, 0.7
"""Shares of all output between which the speed is read."""
_LIMIT_S = 180.0


def quotas_here() -> bool:
    """Whether this user may make control groups with a CPU quota."""
    root = _V1 if (_V1 / "cpu.cfs_quota_us").exists() else _V2
    return os.access(root, os.W_OK) and ((_V1 / "cpu.cfs_quota_us").exists() or (_V2 / "cpu.max").exists())


@contextlib.contextmanager
def held_to(share: float, pids: Sequence[int]) -> Iterator[None]:
    """Each process may use so much of a core."""
    first = _V1.exists()
    groups = []
    try:
        for pid in pids:
            group = (_V1 if first else _V2) / f"deid-bench-{pid}"
            group.mkdir()
            groups.append(group)
            quota = int(share * _PERIOD_US)
            if first:
                (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(quota))
            else:
                (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for group, pid in zip(groups, pids, strict=False):
            if psutil.pid_exists(pid):
                (group.parent / "cgroup.procs").write_text(str(pid))
            group.rmdir()


async def _sharing(ports: Sequence[int]) -> None:
    """Wait until every process has its equal part of the partitions."""
    line = f"deid_assigned_partitions {PARTITIONS / len(ports)}"
    async with asyncio.timeout(60):
        while True:
            pages = [await asyncio.to_thread(_metrics, port) for port in ports]
            if all(line in page for page in pages):
                return
            await asyncio.sleep(0.2)


def _metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


async def _speed(processes: int, bootstrap: str) -> float:
    plan = Plan(
        bootstrap,
        CALLS,
        mode="backlog",
        scripts=24,
        shape=Shape(duration_ms=CALL_MS),
        partitions=PARTITIONS,
    )
    generator = await generating(plan)
    port = free_port()
    counter = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await counter.start()
    places = [TopicPartition("deid.analytics.audio", number) for number in range(PARTITIONS)]
    total = CALLS * Shape().audio_records_per_s * CALL_MS / 1000
    try:
        async with running(ours(processes), bootstrap, port) as (process, _):
            await _sharing(range(port, port + processes))
            workers = process.children() if processes > 1 else [process]
            with held_to(SHARE, [each.pid for each in workers]):
                assert generator.stdin is not None
                assert generator.stdout is not None
                generator.stdin.write(b"\n")
                json.loads(await generator.stdout.readline())
                seen: list[tuple[float, int]] = []
                began = time.monotonic()
                while not seen or seen[-1][1] < _TO * total:
                    if time.monotonic() - began > _LIMIT_S:
                        raise TimeoutError("the backlog was not read in time")
                    await asyncio.sleep(0.1)
                    ends = await counter.end_offsets(places)
                    seen.append((time.monotonic(), sum(ends.values())))
    finally:
        await counter.stop()
        with contextlib.suppress(ProcessLookupError):
            generator.kill()
        await generator.wait()
    inside = [(at, count) for at, count in seen if count >= _FROM * total]
    (start_s, first), (end_s, last) = inside[0], inside[-1]
    return (last - first) / (end_s - start_s)


def scaling(rounds: int = 3) -> dict[str, Any]:
    """Audio records/s of one and of two processes in turn, and the ratio of their medians."""
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for processes in found:
            with broker("embedded", core=OTHER_CORE) as target:
                found[processes].append(asyncio.run(_speed(processes, target.bootstrap)))
            print(
                f"workers: {processes} at {SHARE} of a core, {found[processes][-1]:.0f}/s", file=sys.stderr, flush=True
            )
    one, two = (sorted(speeds)[len(speeds) // 2] for speeds in found.values())
    return {
        "share_of_a_core": SHARE,
        "one_records_per_s": [round(speed) for speed in found[1]],
        "two_records_per_s": [round(speed) for speed in found[2]],
        "scaling": round(two / one, 2),
    }
