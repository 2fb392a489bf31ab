"""How many live calls one worker holds: steps, then bisection, each on a fresh broker.

A step is held when p99 of the added delay (allowing record due at the producer -> output readable by a consumer) is at
most the bound, the outputs keep up with the inputs, and the generator itself kept time. The system under test has one
core, broker, generator and probe share the other. Because neighbours on a shared machine disturb the delay, each step
also reports CPU seconds, from which ``calls_by_cpu`` follows: the calls that would fill the core.
"""

import asyncio
import contextlib
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field

import psutil

from benchmarks.brokers import PARTITIONS, Broker, broker, free_port
from benchmarks.generator import Plan
from benchmarks.load import Shape
from benchmarks.probe import OUTPUTS, Allowed, Probe

BOUND_MS = 100.0
SYSTEM_CORE, OTHER_CORE = 1, 0
LAG_BOUND_MS = 40.0
WARM_UP_S = {"embedded": 0.0, "kafka": 15.0}
"""What a fresh Java machine needs to compile what it runs; until then it answers several times later."""
SCRIPTS = 12


@dataclass(frozen=True)
class System:
    """Something that reads the call topics and writes the outputs, and prints ``ready`` when it does."""

    name: str
    command: Callable[[str, int], list[str]]
    """For a broker and a free port."""
    environment: Callable[[str], dict[str, str]]
    allowed: Callable[[Shape, int], Allowed]
    """For a shape and a number of scripts."""
    ready: bytes = b"ready"
    """Printed once it reads its partitions."""
    metrics_processes: int = 0
    """How many of its processes serve, from the free port on, the histogram ``deid_release_delay_ms``, which knows each
    release's allowing record."""
    settle_s: float = 6.0
    """From the ramp's end to steady outputs: held audio must have begun to leave."""


@dataclass
class Step:
    system: str
    broker: str
    shape: str
    calls: int
    seconds: float
    start_s: float = 0.0
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")
    max_ms: float = float("nan")
    text_p99_ms: float = float("nan")
    own_p50_ms: float = float("nan")
    own_p99_ms: float = float("nan")
    """From the system's own histogram where it has one: interpolated, and up to the batch's checkpoint."""
    audio_seen: int = 0
    audio_expected: float = 0.0
    unknown: int = 0
    lag_p99_ms: float = 0.0
    cpu_share: float = 0.0
    broker_cpu_share: float = 0.0
    generator_cpu_share: float = 0.0
    rss_idle_mb: float = 0.0
    rss_mb: float = 0.0
    error: str = ""
    p99_by_second_ms: list[float] = field(default_factory=list)
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Seconds into the measurement, resident MB."""

    @property
    def generator_kept_time(self) -> bool:
        return self.lag_p99_ms <= LAG_BOUND_MS

    @property
    def held(self) -> bool:
        complete = self.audio_seen >= self.audio_expected
        return not self.error and complete and self.p99_ms <= BOUND_MS

    @property
    def calls_by_cpu(self) -> float:
        return self.calls / self.cpu_share if self.cpu_share else 0.0

    def row(self) -> dict[str, object]:
        return {**asdict(self), "held": self.held, "calls_by_cpu": round(self.calls_by_cpu)}


@contextlib.asynccontextmanager
async def running(system: System, bootstrap: str, port: int) -> AsyncIterator[tuple[psutil.Process, float]]:
    """The system as a process on its core, once it has said ``ready``; and how long that took (s)."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *system.command(bootstrap, port),
        env={**os.environ, **system.environment(bootstrap), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    watched = psutil.Process(process.pid)
    watched.cpu_affinity([SYSTEM_CORE])
    assert process.stdout is not None
    said: list[bytes] = []
    try:
        async with asyncio.timeout(90):
            while True:
                line = await process.stdout.readline()
                said.append(line)
                if not line:
                    raise RuntimeError(f"{system.name} ended before it was ready: {b''.join(said)[-2000:]!r}")
                if system.ready in line:
                    break
        drain = asyncio.create_task(_drain(process.stdout))
        try:
            yield watched, time.monotonic() - began
        finally:
            drain.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


async def generating(plan: Plan) -> asyncio.subprocess.Process:
    """The generator's process, ready to be told to go."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.generator",
        plan.to_json(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    psutil.Process(process.pid).cpu_affinity([OTHER_CORE])
    assert process.stdout is not None
    line = await process.stdout.readline()
    if line.strip() != b"ready":
        raise RuntimeError("the generator did not start")
    return process


def cpu_s(process: psutil.Process) -> float:
    """User and system CPU seconds of the process and its live children."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def rss_mb(process: psutil.Process) -> float:
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 2**20


_BUCKET = re.compile(r'^deid_release_delay_ms_bucket\{le="([^"]+)"\} (\S+)', re.M)


def histogram(ports: Sequence[int]) -> Counter[float]:
    """Cumulative counts by upper bound (ms), over all processes."""
    counts: Counter[float] = Counter()
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            for bound, count in _BUCKET.findall(answer.read().decode()):
                counts[float(bound)] += int(float(count))
    return counts


def quantile(counts: Counter[float], share: float) -> float:
    """Interpolated within its bucket; nan where nothing was counted."""
    bounds = sorted(counts)
    if not bounds or not counts[bounds[-1]]:
        return float("nan")
    rank = share * counts[bounds[-1]]
    low, below = 0.0, 0
    for bound in bounds:
        if counts[bound] >= rank:
            if math.isinf(bound):
                return low
            return round(low + (bound - low) * (rank - below) / (counts[bound] - below), 1)
        low, below = bound, counts[bound]
    return low


async def _measure(system: System, target: Broker, shape: Shape, calls: int, seconds: float, scripts: int) -> Step:
    step = Step(system.name, target.kind, shape.name, calls, seconds)
    ramp_s = max(3.0, calls / 400)
    settle_s = system.settle_s + WARM_UP_S[target.kind]
    plan = Plan(
        target.bootstrap,
        calls,
        seconds=settle_s + seconds + 2,
        ramp_s=ramp_s,
        shape=shape,
        scripts=scripts,
        partitions=PARTITIONS,
    )
    allowed = system.allowed(shape, scripts)
    port = free_port()
    ports = range(port, port + system.metrics_processes)
    generator = await generating(plan)
    sampled = [1] if calls >= 50 else list(range(PARTITIONS))
    try:
        async with running(system, target.bootstrap, port) as (process, step.start_s):
            step.rss_idle_mb = rss_mb(process)
            probe = Probe(target.bootstrap, allowed, sampled)
            reading = asyncio.create_task(probe.run())
            assert generator.stdin is not None
            assert generator.stdout is not None
            generator.stdin.write(b"\n")
            await asyncio.sleep(ramp_s + settle_s)
            before, broker_before, began = cpu_s(process), cpu_s(target.process), time.monotonic()
            counted = histogram(ports)
            probe.measure(True)
            while (elapsed := time.monotonic() - began) < seconds:
                step.samples.append((round(elapsed, 1), round(rss_mb(process), 1)))
                await asyncio.sleep(min(1.0, seconds - elapsed))
            probe.measure(False)
            elapsed = time.monotonic() - began
            step.cpu_share = (cpu_s(process) - before) / elapsed
            step.broker_cpu_share = (cpu_s(target.process) - broker_before) / elapsed
            step.rss_mb = rss_mb(process)
            passed = histogram(ports)
            passed.subtract(counted)
            step.own_p50_ms, step.own_p99_ms = quantile(passed, 0.5), quantile(passed, 0.99)
            report = json.loads(await asyncio.wait_for(generator.stdout.readline(), 60) or b"{}")
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    finally:
        with contextlib.suppress(ProcessLookupError):
            generator.kill()
        await generator.wait()
    step.lag_p99_ms = report.get("lag_p99_ms", float("inf"))
    step.generator_cpu_share = report.get("cpu_s", 0.0) / max(report.get("wall_s", 1.0), 0.001)
    _summarise(step, probe, calls * shape.audio_records_per_s * elapsed * len(sampled) / PARTITIONS)
    return step


def _summarise(step: Step, probe: Probe, expected: float) -> None:
    audio, text = (sorted(probe.delays_ms[topic]) for topic in OUTPUTS)
    step.unknown = probe.unknown
    step.audio_seen = len(audio)
    # the sampled partition holds a random share of the calls; that outputs fall behind shows in their delay
    step.audio_expected = expected * 0.5
    step.p99_by_second_ms = [
        round(sorted(each)[len(each) * 99 // 100], 1) for _, each in sorted(probe.by_second.items())
    ]
    both = sorted(audio + text)
    if both:
        step.p50_ms = round(statistics.median(both), 1)
        step.p99_ms = round(both[len(both) * 99 // 100], 1)
        step.max_ms = round(both[-1], 1)
    if text:
        step.text_p99_ms = round(text[len(text) * 99 // 100], 1)


def measure(
    system: System,
    kind: str,
    shape: Shape,
    calls: int,
    *,
    seconds: float = 10.0,
    scripts: int = SCRIPTS,
) -> Step:
    """One step. A system that fails is a step not held, with the reason."""
    with broker(kind, core=OTHER_CORE) as target:
        try:
            step = asyncio.run(_measure(system, target, shape, calls, seconds, scripts))
        except (RuntimeError, TimeoutError, OSError) as error:
            step = Step(system.name, kind, shape.name, calls, seconds, error=f"{type(error).__name__}: {error}")
    verdict = "held" if step.held else "not held"
    print(
        f"{system.name} on {kind}, {shape.name}: {calls} calls {verdict}; p50 {step.p50_ms} p99 {step.p99_ms} ms, "
        f"own p50 {step.own_p50_ms} p99 {step.own_p99_ms} ms, "
        f"cpu {step.cpu_share:.2f}, broker {step.broker_cpu_share:.2f}, generator {step.generator_cpu_share:.2f} "
        f"(lag {step.lag_p99_ms} ms), {step.rss_mb:.0f} MB "
        f"{step.p99_by_second_ms} {step.error}",
        file=sys.stderr,
        flush=True,
    )
    return step


def search(
    system: System, kind: str, shape: Shape, *, first: int, limit: int, tries: int, seconds: float
) -> list[Step]:
    """Doubles from ``first`` until a step is not held, then bisects; at most ``tries`` steps, best last known by
    ``best``."""
    steps: list[Step] = []
    low, high, calls = 0, limit + 1, first
    while len(steps) < tries and high - low > max(5, low // 12):
        step = measure(system, kind, shape, calls, seconds=seconds)
        steps.append(step)
        if step.held:
            low = calls
        else:
            high = calls
        calls = min(limit, low * 2) if high > limit else (low + high) // 2
        if low >= limit:
            break
    return steps


def best(steps: Sequence[Step]) -> Step | None:
    held = [step for step in steps if step.held]
    return max(held, key=lambda step: step.calls) if held else None
