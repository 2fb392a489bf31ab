"""``python -m tests.chaos.flips --flips 200 --broker embedded``: customers opt out of training and in again while their
calls run, workers and the control plane are killed in between. One JSON line; exit 0 when no record stays that should
not."""

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from deid_stream.commands.proving import proven
from deid_stream.config import Settings
from deid_stream.kafka import topics_admin
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.ports import Kafka
from deid_stream.model.topics import TopicNames
from deid_stream.policy.proof import Proof
from tests.chaos.processes import Workers
from tests.chaos.scenario import KEY, PREFIX, _play
from tests.support.calls import make_call
from tests.support.kafka import KafkaCluster
from tests.support.topics import read_all

CUSTOMERS = 8
SETTLE_S = 120.0
SURE_S = 35.0
"""After the last claim all is taken back once more; see ``policy.holdings.SETTLE_MS``."""


@dataclass
class Tally:
    flips: int = 0
    calls: int = 0
    workers_killed: int = 0
    workers_paused: int = 0
    controls_killed: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    left_of_opted_out: int = 0
    seconds: float = 0.0
    settled: bool = False

    @property
    def clean(self) -> bool:
        wrong = {name: count for name, count in self.verdicts.items() if name not in ("valid", "unproven") and count}
        return self.settled and not wrong and not self.left_of_opted_out and self.verdicts.get("valid", 0) > 0


async def run(kafka: Kafka, *, flips: int, seed: int, exactly_once: bool, logs: Path | None) -> Tally:
    rng, tally, names = random.Random(seed), Tally(), TopicNames.of(PREFIX)
    await topics_admin.create(kafka, prefix=PREFIX, partitions=4)
    settings = Settings(
        bootstrap_servers=",".join(kafka.connection.servers),
        topic_prefix=PREFIX,
        group_id="flips",
        digest_key=KEY.hex(),
        session_timeout_ms=1_500,
        metrics_port=0,
    )
    workers, controls = Workers(settings, logs), Workers(settings, logs)
    producer = AIOKafkaProducer(**client_options(kafka.connection), acks="all", linger_ms=5)
    await producer.start()
    started_s = time.monotonic()
    versions: Counter[int] = Counter()
    out: dict[int, bool] = {}

    async def flip(customer: int, opted_out: bool) -> None:
        versions[customer] += 1
        out[customer] = opted_out
        policy = {"customer_id": f"customer-{customer}", "version": versions[customer], "training_opt_out": opted_out}
        await producer.send_and_wait(
            names.policies, key=f"customer-{customer}".encode(), value=msgspec.json.encode(policy)
        )

    try:
        for customer in range(CUSTOMERS):
            await flip(customer, False)
        for _ in range(2):
            workers.start()
        controls.start("control")
        playing = []
        for number in range(flips):
            if number % 2 == 0:
                at_ms = int(time.time() * 1000) + 200
                made = make_call(
                    f"call-{seed}-{number}", f"customer-{number % CUSTOMERS}", seed * 7_919 + number, at_ms
                )
                playing.append(asyncio.create_task(_play(producer, made)))
                tally.calls += 1
            customer = rng.randrange(CUSTOMERS)
            await flip(customer, not out[customer])
            tally.flips += 1
            await asyncio.sleep(rng.uniform(0.05, 0.4))
            await _trouble(workers, controls, rng, tally)
        # at the end half of them are out; a last call of each shows that training goes on for the others
        for customer in range(CUSTOMERS):
            if out[customer] != (customer % 2 == 0):
                await flip(customer, customer % 2 == 0)
        at_ms = int(time.time() * 1000) + 500
        for customer in range(CUSTOMERS):
            last = make_call(f"last-{seed}-{customer}", f"customer-{customer}", seed * 31 + customer, at_ms)
            playing.append(asyncio.create_task(_play(producer, last)))
            tally.calls += 1
        await asyncio.gather(*playing)
        tally.settled = await _settled(kafka, names, workers, controls, tally.calls, exactly_once=exactly_once)
        await asyncio.sleep(SURE_S)
        found = await proven(kafka, PREFIX, Proof(), int(time.time() * 1000))
        tally.verdicts = found["verdicts"]
        tally.left_of_opted_out = await _left(kafka, names, {f"customer-{n}" for n in range(0, CUSTOMERS, 2)})
    finally:
        workers.close()
        controls.close()
        await producer.stop()
    tally.seconds = round(time.monotonic() - started_s, 1)
    return tally


async def _trouble(workers: Workers, controls: Workers, rng: random.Random, tally: Tally) -> None:
    for kind, wanted, command in ((workers, 2, "worker"), (controls, 1, "control")):
        kind.reap()
        while len(kind.alive) < wanted:
            kind.start(command)
    chance = rng.random()
    if chance < 0.06:
        workers.kill(rng.choice(workers.alive))
        tally.workers_killed += 1
    elif chance < 0.09:
        controls.kill(controls.alive[0])
        tally.controls_killed += 1
    elif chance < 0.11:
        victim = rng.choice(workers.alive)
        victim.send_signal(19)
        tally.workers_paused += 1
        await asyncio.sleep(rng.uniform(1.0, 3.0))
        victim.send_signal(18)


async def _settled(
    kafka: Kafka, names: TopicNames, workers: Workers, controls: Workers, calls: int, *, exactly_once: bool
) -> bool:
    deadline_s = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline_s:
        for kind, wanted, command in ((workers, 2, "worker"), (controls, 1, "control")):
            kind.reap()
            while len(kind.alive) < wanted:
                kind.start(command)
        if len({record.key for record in await read_all(kafka, names.calls, exactly_once=exactly_once)}) >= calls:
            return True
        await asyncio.sleep(1)
    return False


async def _left(kafka: Kafka, names: TopicNames, customers: set[str]) -> int:
    """Training records of these customers that can be read."""
    left = 0
    for topic in (names.training_audio, names.training_transcripts):
        latest = {record.key: record for record in await read_all(kafka, topic, exactly_once=False)}
        for record in latest.values():
            customer = dict(record.headers).get("ce_customerid", b"").decode()
            left += record.value is not None and customer in customers
    return left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=("apache", "embedded"), default="embedded")
    arguments = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="deid-flips-"))
    with contextlib.ExitStack() as stack:
        if arguments.broker == "apache":
            kafka: Kafka = AioKafka(stack.enter_context(KafkaCluster()).connection())
        else:
            bootstrap = stack.enter_context(EmbeddedBroker()).bootstrap_servers
            kafka = connect(Settings(bootstrap_servers=bootstrap), "flips")
        tally = asyncio.run(
            run(
                kafka,
                flips=arguments.flips,
                seed=arguments.seed,
                exactly_once=arguments.broker == "apache",
                logs=logs,
            )
        )
    print(json.dumps({"broker": arguments.broker, "seed": arguments.seed, **asdict(tally), "logs": str(logs)}))
    return 0 if tally.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
