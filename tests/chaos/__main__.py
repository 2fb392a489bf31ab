"""``python -m tests.chaos --calls 500 --kills 100 --broker apache``: one JSON line, exit 0 when all is right."""

import argparse
import asyncio
import json
import logging
import random
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from deid_stream.config import Settings
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.chaos.scenario import Plan, Tally, run
from tests.support.kafka import KafkaCluster


def main() -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is part of the plan
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=("apache", "embedded"), default="apache")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--settle-s", type=float, default=90.0, help="longest wait for the last calls to close")
    parser.add_argument("--every-s", type=float, nargs=2, default=(1.2, 2.4), help="shortest and longest between two")
    arguments = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="deid-chaos-"))
    plan = Plan(
        calls=arguments.calls,
        kills=arguments.kills,
        seed=arguments.seed,
        workers=arguments.workers,
        partitions=arguments.partitions,
        exactly_once=arguments.broker == "apache",
        settle_s=arguments.settle_s,
        action_every_s=tuple(arguments.every_s),
        logs=logs,
    )
    tally = asyncio.run(_embedded(plan)) if arguments.broker == "embedded" else _apache(plan)
    print(json.dumps({**asdict(plan), "restart_broker": None, "logs": str(logs)} | _told(tally)))
    return 0 if tally.settled and tally.verdict.clean else 1


def _told(tally: Tally) -> dict[str, object]:
    return {**asdict(tally), "verdict": tally.verdict.json()}


async def _embedded(plan: Plan) -> Tally:
    async with EmbeddedBroker() as broker:
        return await run(connect(Settings(bootstrap_servers=broker.bootstrap_servers), "chaos"), plan)


def _apache(plan: Plan) -> Tally:
    with KafkaCluster() as cluster:
        rng = random.Random(plan.seed)

        def restart() -> None:
            node = cluster.members[0]
            (cluster.kill if rng.random() < 0.5 else cluster.terminate)(node)
            time.sleep(rng.uniform(0, 1))
            cluster.restart(node)

        plan.restart_broker = restart
        return asyncio.run(run(AioKafka(cluster.connection()), plan))


if __name__ == "__main__":
    raise SystemExit(main())
