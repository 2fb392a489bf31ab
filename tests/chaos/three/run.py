"""The scenario on three brokers."""

import asyncio
import random
import shutil
from collections.abc import Callable

from deid_stream.kafka.clients.aio.kafka import AioKafka
from tests.chaos.scenario import Plan, Tally, Trouble, run
from tests.chaos.three.proxy import Network
from tests.chaos.three.trouble import Clock, Troubles
from tests.support.kafka import KafkaCluster


def _in_a_thread(trouble: Callable[[random.Random], str]) -> Trouble:
    async def one(rng: random.Random) -> str:
        return await asyncio.to_thread(trouble, rng)

    return one


async def three(plan: Plan) -> Tally:
    """``plan`` with the troubles of three brokers, a network and a clock. The harness goes to the brokers directly."""
    clock = Clock()
    with KafkaCluster(nodes=3, proxied=True) as cluster:
        network = Network({node.proxy_port: node.door_port for node in cluster.members})
        troubles = Troubles(cluster, network, clock)

        plan.further = tuple(_in_a_thread(deck.next) for deck in troubles.decks)
        plan.control = True
        plan.worker_servers = ",".join(f"127.0.0.1:{node.proxy_port}" for node in cluster.members)
        plan.environment = clock.environment()
        try:
            return await run(AioKafka(cluster.connection()), plan)
        finally:
            network.close()
            clock.close()
            if plan.logs is not None:
                for node in cluster.members:
                    shutil.copy(node.directory / "output.log", plan.logs / f"broker-{node.node_id}.log")
