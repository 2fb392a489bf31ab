"""Calls at live pace, workers that are killed, stopped, paused and joined, and a broker that restarts."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.detect.detector import Detector
from deid_stream.kafka import topics_admin
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.ports import Kafka
from deid_stream.model.topics import TopicNames
from deid_stream.policy import PolicyTable, Position
from deid_stream.runtime.signals import wait_for
from tests.chaos.verify import Verdict, consent_wrong, verify
from tests.support.calls import MadeCall, Record, make_call
from tests.support.consents import COME_MS
from tests.support.oracle import Expected, expected_records
from tests.support.topics import TOPIC_OF, read_all

KEY = bytes(range(32))
CUSTOMERS = 6
FLIPPERS = ("customer-2", "customer-3")
FLIP_EVERY_S = (4.0, 12.0)
PREFIX = "chaos."


@dataclass
class Plan:
    """``restart_broker`` is what a broker restart is; None: there is none."""

    calls: int
    kills: int
    seed: int
    partitions: int = 4
    workers: int = 2
    exactly_once: bool = True
    action_every_s: tuple[float, float] = (1.2, 2.4)
    turns: int = 4
    restart_broker: Callable[[], None] | None = None
    settle_s: float = 90.0
    logs: Path | None = None
    worker_servers: str = ""
    """Where the workers look for the brokers, when not where the harness does."""
    environment: dict[str, str] = field(default_factory=dict)
    """Further variables of the workers."""
    further: Callable[[random.Random], Awaitable[str]] | None = None
    """Another trouble, by its name; as often as one of the workers' own."""
    flips: bool = False
    """Customers opt out and in again meanwhile; a control plane takes back what that concerns."""


@dataclass
class Tally:
    killed: int = 0
    paused: int = 0
    stopped: int = 0
    joined: int = 0
    broker_restarts: int = 0
    flipped: int = 0
    further: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    settled: bool = False


class Workers:
    """Real worker processes."""

    def __init__(self, settings: Settings, logs: Path | None, **environment: str) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("DEID_")}
        self.environment = others | environment | {"OMP_NUM_THREADS": "1"}
        for name, value in msgspec.structs.asdict(settings).items():
            if value != getattr(Settings(), name):
                self.environment[f"DEID_{name.upper()}"] = str(value)
        self._log = (logs / "workers.log").open("ab") if logs else subprocess.DEVNULL
        self.alive: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> None:
        """A worker, or another command."""
        command = [sys.executable, "-m", "deid_stream", *(arguments or ("worker",))]
        self.alive.append(subprocess.Popen(command, env=self.environment, stdout=self._log, stderr=self._log))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        self.alive.remove(process)
        process.kill()
        process.wait()

    def reap(self) -> int:
        """Forget those that ended by themselves; how many did."""
        ended = [process for process in self.alive if process.poll() is not None]
        for process in ended:
            self.alive.remove(process)
        return len(ended)

    def close(self) -> None:
        for process in list(self.alive):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            self.kill(process)
        if not isinstance(self._log, int):
            self._log.close()


def policies() -> dict[str, bytes]:
    """One customer in three opts out, one has no policy."""
    return {
        f"customer-{i}": msgspec.json.encode(
            {"customer_id": f"customer-{i}", "version": 1, "training_opt_out": i % 3 == 1}
        )
        for i in range(CUSTOMERS - 1)
    }


async def run(kafka: Kafka, plan: Plan) -> Tally:
    """The whole scenario; ``kafka`` is the harness's own way to the broker."""
    rng = random.Random(plan.seed)
    tally = Tally()
    table = PolicyTable()
    names = TopicNames.of(PREFIX)
    options = client_options(kafka.connection)
    await topics_admin.create(kafka, prefix=PREFIX, partitions=plan.partitions)
    settings = Settings(
        bootstrap_servers=plan.worker_servers or ",".join(kafka.connection.servers),
        topic_prefix=PREFIX,
        group_id="chaos",
        digest_key=KEY.hex(),
        session_timeout_ms=1_500,
        metrics_port=0,
    )
    producer = AIOKafkaProducer(
        **options, acks="all", enable_idempotence=plan.exactly_once, linger_ms=5, request_timeout_ms=300_000
    )
    await producer.start()
    workers = Workers(settings, plan.logs, **plan.environment)
    controls = Workers(settings, plan.logs, **plan.environment)
    try:
        for customer, policy in policies().items():
            written = await producer.send_and_wait(
                names.policies, key=customer.encode(), value=policy, timestamp_ms=COME_MS
            )
            table.apply(customer, policy, Position(written.partition, written.offset), COME_MS)
        started = time.monotonic()
        for _ in range(plan.workers):
            workers.start()
        if plan.flips:
            controls.start("control")
        span_s = max(3.0, plan.kills * sum(plan.action_every_s) / 2 / 0.65 * (1 if plan.further is None else 3))
        calls: list[MadeCall] = []
        trouble = asyncio.create_task(_trouble(workers, plan, rng, tally))
        done = asyncio.Event()
        flipping = asyncio.create_task(_flip(producer, names, table, random.Random(plan.seed), tally, done))
        if not plan.flips:
            done.set()
        start_ms = int(time.time() * 1000) + 500
        playing = []
        for number in range(plan.calls):
            offset_ms = int(number * span_s * 1000 / plan.calls)
            call = make_call(
                f"call-{plan.seed}-{number}",
                f"customer-{number % CUSTOMERS}",
                plan.seed * 100_003 + number,
                start_ms + offset_ms,
                turns=plan.turns,
            )
            calls.append(call)
            playing.append(asyncio.create_task(_play(producer, call)))
            if number % 20 == 0:
                await asyncio.sleep(0)
        await asyncio.gather(*playing)
        await trouble
        done.set()
        await flipping
        tally.settled = await _settled(kafka, names, workers, controls, plan)
        tally.seconds = time.monotonic() - started
        expected, secrets = _expect(calls, names, table)
        tally.verdict = await verify(
            kafka, names, expected, secrets, exactly_once=plan.exactly_once, flipped=FLIPPERS if plan.flips else ()
        )
        tally.verdict.consent_wrong = await consent_wrong(kafka, PREFIX)
    finally:
        workers.close()
        controls.close()
        await producer.stop()
    return tally


async def _play(producer: AIOKafkaProducer, call: MadeCall) -> None:
    """At live pace. The end of a call is said when all of it has been acknowledged."""
    sent = []
    for record in call.records:
        wait_s = record.time_ms / 1000 - time.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if record.kind == "events" and sent:
            await asyncio.gather(*sent)
        sent.append(await _sent(producer, record))
    await asyncio.gather(*sent)


async def _sent(producer: AIOKafkaProducer, record: Record) -> "asyncio.Future[object]":
    """The answer to come. The producer's buffer may be full while a broker is away: nothing is in it then."""
    while True:
        try:
            future: asyncio.Future[object] = await producer.send(
                PREFIX + TOPIC_OF[record.kind],
                key=record.key,
                value=record.value,
                headers=record.headers,
                timestamp_ms=record.time_ms,
            )
        except KafkaTimeoutError:
            continue
        return future


async def _trouble(workers: Workers, plan: Plan, rng: random.Random, tally: Tally) -> None:
    await asyncio.sleep(2)
    while tally.killed < plan.kills:
        await asyncio.sleep(rng.uniform(*plan.action_every_s))
        workers.reap()
        while len(workers.alive) < plan.workers:
            workers.start()
        if plan.further is not None and rng.random() < 0.5:
            name = await plan.further(rng)
            tally.further[name] = tally.further.get(name, 0) + 1
            continue
        victim = rng.choice(workers.alive)
        chance = rng.random()
        if chance < 0.65:
            workers.kill(victim)
            tally.killed += 1
            workers.start()
        elif chance < 0.78:
            victim.send_signal(signal.SIGSTOP)
            tally.paused += 1
            await asyncio.sleep(rng.uniform(1.0, 3.5))
            victim.send_signal(signal.SIGCONT)
        elif chance < 0.88:
            victim.send_signal(signal.SIGTERM)
            tally.stopped += 1
        elif chance < 0.96 or plan.restart_broker is None:
            if len(workers.alive) <= plan.workers:
                workers.start()
                tally.joined += 1
        else:
            await asyncio.to_thread(plan.restart_broker)
            tally.broker_restarts += 1


async def _flip(
    producer: AIOKafkaProducer,
    names: TopicNames,
    table: PolicyTable,
    rng: random.Random,
    tally: Tally,
    done: asyncio.Event,
) -> None:
    """Customers opt out and in again until all is ``done``; a policy that is being written then counts, too."""
    versions = dict.fromkeys(FLIPPERS, 1)
    while not await wait_for(done, rng.uniform(*FLIP_EVERY_S)):
        customer = rng.choice(FLIPPERS)
        versions[customer] += 1
        value = {
            "customer_id": customer,
            "version": versions[customer],
            "training_opt_out": versions[customer] % 2 == 0,
        }
        raw, now_ms = msgspec.json.encode(value), int(time.time() * 1000)
        written = await producer.send_and_wait(names.policies, key=customer.encode(), value=raw, timestamp_ms=now_ms)
        table.apply(customer, raw, Position(written.partition, written.offset), now_ms)
        tally.flipped += 1


async def _settled(kafka: Kafka, names: TopicNames, workers: Workers, controls: Workers, plan: Plan) -> bool:
    """Until every call has been closed and what opt-outs concern is taken back, with all processes left in peace."""
    deadline = time.monotonic() + plan.settle_s
    while time.monotonic() < deadline:
        workers.reap()
        while len(workers.alive) < plan.workers:
            workers.start()
        controls.reap()
        if plan.flips and not controls.alive:
            controls.start("control")
        closed = {record.key for record in await read_all(kafka, names.calls, exactly_once=plan.exactly_once)}
        if len(closed) >= plan.calls and not await consent_wrong(kafka, PREFIX):
            await asyncio.sleep(1)
            return True
        await asyncio.sleep(1)
    return False


def _expect(calls: list[MadeCall], names: TopicNames, table: PolicyTable) -> tuple[list[Expected], set[str]]:
    """The oracle's records, and the secrets that it takes out (what the detector misses is not the worker's leak)."""
    detector = Detector.load()
    expected: list[Expected] = []
    secrets: set[str] = set()
    for call in calls:
        standing = table.standing(call.customer_id)
        records = expected_records(call.records, standing, names=names, detector=detector, key=KEY, version=__version__)
        visible = b"".join(record.value or b"" for record in records if not record.topic.endswith(".audio"))
        secrets |= {secret for secret in call.secrets if secret.encode() not in visible}
        expected += records
    return expected, secrets
