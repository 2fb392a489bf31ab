"""The short runs; ``python -m tests.chaos`` is the long one."""

import asyncio
import random
import time

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.chaos.scenario import Plan, Tally, run
from tests.support.kafka import KafkaCluster


def check(tally: Tally) -> None:
    assert tally.settled
    assert tally.verdict.clean, tally.verdict.json()
    assert tally.verdict.expected > 0


@pytest.mark.live
async def test_embedded_broker() -> None:
    """Nothing lost, nothing leaked; repeats only with equal ids and bytes."""
    async with EmbeddedBroker() as broker:
        plan = Plan(calls=15, kills=3, seed=3, exactly_once=False, action_every_s=(1.0, 2.0), turns=3)
        tally = await run(connect(Settings(bootstrap_servers=broker.bootstrap_servers), "chaos"), plan)
    check(tally)
    assert tally.killed == 3


@pytest.mark.kafka
@pytest.mark.chaos
def test_apache_kafka() -> None:
    """Every record once for readers of committed records, also when the broker restarts."""
    with KafkaCluster() as cluster:
        rng = random.Random(5)

        def restart() -> None:
            cluster.kill(cluster.members[0])
            time.sleep(rng.random())
            cluster.restart(cluster.members[0])

        plan = Plan(calls=25, kills=5, seed=5, restart_broker=restart)
        tally = asyncio.run(run(AioKafka(cluster.connection()), plan))
    check(tally)
