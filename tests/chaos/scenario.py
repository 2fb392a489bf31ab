"""Calls at live pace, workers that are killed, stopped, paused and joined, a broker that restarts, a control plane."""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass, field
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
from tests.chaos.processes import Workers
from tests.chaos.rights import OLD_CUSTOMER, OLD_MS, Rights, old_policy
from tests.chaos.verify import Verdict, consent_wrong, readable, verify
from tests.support.calls import MadeCall, Record, make_call
from tests.support.consents import COME_MS
from tests.support.oracle import Expected, expected_records
from tests.support.topics import TOPIC_OF, read_all

KEY = bytes(range(32))
CUSTOMERS = 6
FLIPPERS = ("customer-2", "customer-3")
FLIP_EVERY_S = (4.0, 12.0)
CONTROL_EVERY_S = (8.0, 25.0)
CONTROL_KILLED = 0.7
"""The share of the control plane's troubles that are SIGKILL; the others are SIGTERM."""
KILLED = 0.65
"""The share of a worker's troubles that are SIGKILL."""
OLD_EVERY = 25
"""One call in so many is followed by one that took place days ago."""
SURE_S = 35.0
"""After the last claim all is taken back once more; see ``policy.holdings.SETTLE_MS``."""
TOLD_WAITING = 20
"""Requests that are named where they do not come to their end."""
TOLD_EVERY = 10
"""Kills between two lines of progress."""
PREFIX = "chaos."


Trouble = Callable[[random.Random], Awaitable[str]]
"""Does one thing and says which."""


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
    further: Sequence[Trouble] = ()
    """Other troubles, side by side, each as often as one of the workers' own."""
    control: bool = False
    """A control plane runs and is killed, too: customers opt out and in again, people ask for their rights, and calls
    come that are older than their customer keeps them."""


@dataclass
class Tally:
    killed: int = 0
    paused: int = 0
    stopped: int = 0
    joined: int = 0
    broker_restarts: int = 0
    workers_ended: int = 0
    """By themselves or since they were told to."""
    controls_killed: int = 0
    controls_ended: int = 0
    """By themselves."""
    flipped: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    """Privacy requests by kind."""
    further: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    settled: bool = False
    waiting: list[str] = field(default_factory=list)
    """What was not done when it was last looked at; empty where it settled."""


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
    await topics_admin.create(kafka, prefix=PREFIX, partitions=plan.partitions)
    producer = AIOKafkaProducer(
        **client_options(kafka.connection),
        acks="all",
        enable_idempotence=plan.exactly_once,
        linger_ms=5,
        request_timeout_ms=300_000,
    )
    await producer.start()
    settings = Settings(
        bootstrap_servers=plan.worker_servers or ",".join(kafka.connection.servers),
        topic_prefix=PREFIX,
        group_id="chaos",
        digest_key=KEY.hex(),
        session_timeout_ms=1_500,
        metrics_port=0,
    )
    workers = Workers(settings, plan.logs, **plan.environment)
    controls = Workers(settings, plan.logs, **plan.environment)
    try:
        return await _Run(kafka, plan, producer, workers, controls).whole()
    finally:
        workers.close()
        controls.close()
        await producer.stop()


class _Run:
    """One run of a plan."""

    def __init__(
        self, kafka: Kafka, plan: Plan, producer: AIOKafkaProducer, workers: Workers, controls: Workers
    ) -> None:
        self._kafka, self._plan, self._producer = kafka, plan, producer
        self._workers, self._controls = workers, controls
        self._names = TopicNames.of(PREFIX)
        self._table = PolicyTable()
        self._tally = Tally()
        self._done = asyncio.Event()
        self._made: list[MadeCall] = []
        self._rights = Rights(PREFIX, random.Random(plan.seed + 1))
        self._began_s = time.monotonic()

    async def whole(self) -> Tally:
        plan, tally = self._plan, self._tally
        for customer, policy in policies().items():
            await self._policy(customer, policy, COME_MS)
        for _ in range(plan.workers):
            self._workers.start()
        if plan.control:
            await self._policy(OLD_CUSTOMER, old_policy(1, 30), COME_MS)
            self._controls.start("control")
        async with asyncio.TaskGroup() as group:  # a trouble that fails ends the run
            for task in self._beside():
                group.create_task(task)
            await asyncio.gather(self._trouble(), *self._playing())
            self._done.set()
        tally.settled = await self._settled()
        tally.asked = dict(self._rights.counts)
        tally.seconds = round(time.monotonic() - self._began_s, 1)
        expected, secrets = _expect(self._made, self._names, self._table)
        tally.verdict = await verify(
            self._kafka,
            self._names,
            expected,
            secrets,
            exactly_once=plan.exactly_once,
            flipped=(*FLIPPERS, OLD_CUSTOMER) if plan.control else (),
            gone=self._rights.gone(self._names),
        )
        tally.verdict.consent_wrong = await consent_wrong(self._kafka, PREFIX)
        return tally

    def _playing(self) -> Iterator[Coroutine[object, object, None]]:
        """Calls over the time that the kills take; in between, with a control plane, a few that took place days ago."""
        plan, start_ms = self._plan, int(time.time() * 1000) + 500
        span_s = max(3.0, plan.kills * sum(plan.action_every_s) / 2 / KILLED)
        for number in range(plan.calls):
            at_ms = int(number * span_s * 1000 / plan.calls)
            yield self._played(number, start_ms + at_ms)
            if plan.control and number % OLD_EVERY == 0:
                yield self._played_late(number, start_ms + at_ms)

    async def _played(self, number: int, start_ms: int) -> None:
        plan = self._plan
        await asyncio.sleep(max(0.0, start_ms / 1000 - 0.5 - time.time()))
        seed = plan.seed * 100_003 + number
        name, customer = f"call-{plan.seed}-{number}", f"customer-{number % CUSTOMERS}"
        call = make_call(name, customer, seed, start_ms, turns=plan.turns)
        self._made.append(call)
        playing = [_play(self._producer, call)]
        if plan.control:
            playing.append(self._rights.ask(self._producer, call))
        await asyncio.gather(*playing)

    async def _played_late(self, number: int, sent_ms: int) -> None:
        await asyncio.sleep(max(0.0, sent_ms / 1000 - time.time()))
        call = make_call(f"old-{self._plan.seed}-{number}", OLD_CUSTOMER, number, sent_ms - OLD_MS, turns=2)
        self._made.append(call)
        self._rights.old(call)
        await _play(self._producer, call)

    def _beside(self) -> Iterator[Coroutine[object, object, None]]:
        """What goes on until the workers have been killed often enough and every call has been played."""
        for number, further in enumerate(self._plan.further):
            yield self._further(further, random.Random(f"{self._plan.seed} {number}"))
        if self._plan.control:
            yield self._flip(random.Random(self._plan.seed))
            yield self._control_trouble(random.Random(self._plan.seed + 3))

    async def _policy(self, customer: str, policy: bytes, time_ms: int) -> None:
        """Written, and known to the oracle."""
        written = await self._producer.send_and_wait(
            self._names.policies, key=customer.encode(), value=policy, timestamp_ms=time_ms
        )
        self._table.apply(customer, policy, Position(written.partition, written.offset), time_ms)

    def _replace(self) -> None:
        """Whoever ended by itself is started again, as a supervisor does."""
        self._tally.workers_ended += self._workers.reap()
        while len(self._workers.alive) < self._plan.workers:
            self._workers.start()
        self._tally.controls_ended += self._controls.reap()
        if self._plan.control and not self._controls.alive:
            self._controls.start("control")

    async def _trouble(self) -> None:
        plan, tally, workers = self._plan, self._tally, self._workers
        rng = random.Random(plan.seed)
        await asyncio.sleep(2)
        while tally.killed < plan.kills:
            await asyncio.sleep(rng.uniform(*plan.action_every_s))
            self._replace()
            victim = rng.choice(workers.alive)
            chance = rng.random()
            if chance < KILLED:
                workers.kill(victim)
                tally.killed += 1
                workers.start()
                self._progress()
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

    async def _further(self, further: Trouble, rng: random.Random) -> None:
        """Troubles of the plan's own, beside those of the workers."""
        while not await wait_for(self._done, rng.uniform(*self._plan.action_every_s)):
            name = await further(rng)
            self._tally.further[name] = self._tally.further.get(name, 0) + 1

    async def _control_trouble(self, rng: random.Random) -> None:
        """The control plane is killed or stopped, and started again."""
        while not await wait_for(self._done, rng.uniform(*CONTROL_EVERY_S)):
            for process in list(self._controls.alive):
                if rng.random() < CONTROL_KILLED:
                    self._controls.kill(process)
                else:
                    await asyncio.to_thread(self._controls.stop, process)
                self._tally.controls_killed += 1
            self._replace()

    async def _flip(self, rng: random.Random) -> None:
        """Customers opt out and in again until all is done, a policy that is being written then counts, too; and one
        customer no longer keeps what is older than a day."""
        versions = dict.fromkeys(FLIPPERS, 1)
        while not await wait_for(self._done, rng.uniform(*FLIP_EVERY_S)):
            customer = rng.choice(FLIPPERS)
            versions[customer] += 1
            value = {
                "customer_id": customer,
                "version": versions[customer],
                "training_opt_out": versions[customer] % 2 == 0,
            }
            await self._policy(customer, msgspec.json.encode(value), int(time.time() * 1000))
            self._tally.flipped += 1
            if self._tally.flipped == 1:
                await self._policy(OLD_CUSTOMER, old_policy(2, 1), int(time.time() * 1000))

    async def _settled(self) -> bool:
        """Until every call has been closed, each request is done and what is to be gone is gone, with all processes
        left in peace; and then for as long as a record that was on its way may come."""
        deadline_s = time.monotonic() + self._plan.settle_s
        while time.monotonic() < deadline_s:
            self._replace()
            self._tally.waiting = await self._waiting()
            if not self._tally.waiting:
                await asyncio.sleep(SURE_S if self._plan.control else 1)
                return True
            await asyncio.sleep(1)
        return False

    async def _waiting(self) -> list[str]:
        """What is not done yet."""
        exactly_once = self._plan.exactly_once
        closed = await read_all(self._kafka, self._names.calls, exactly_once=exactly_once)
        if left := len(self._made) - len({record.key for record in closed}):
            return [f"{left} calls are not closed"]
        if not self._plan.control:
            return []
        if waiting := await self._rights.waiting(self._kafka, exactly_once=exactly_once):
            return waiting[:TOLD_WAITING]
        if left := await readable(self._kafka, self._rights.gone(self._names), exactly_once=exactly_once):
            return [f"{left} records are not taken back"]
        wrong = await consent_wrong(self._kafka, PREFIX)
        return [f"{wrong} records or breaks of the audit that the proof objects to"] if wrong else []

    def _progress(self) -> None:
        if self._tally.killed % TOLD_EVERY == 0:
            told = {name: value for name, value in asdict(self._tally).items() if name not in ("verdict", "settled")}
            told |= {"asked": dict(self._rights.counts), "seconds": round(time.monotonic() - self._began_s)}
            print(json.dumps(told), file=sys.stderr, flush=True)


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
