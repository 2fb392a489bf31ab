"""``python -m tests.chaos.three --calls 500 --kills 100 --seed 1``: the same verifier over three Apache Kafka brokers
(three replicas, two in step at least) behind a proxy that cuts, slows and half-opens connections, with leaders moved,
brokers killed, the workers' clocks set wrong and customers' policies flipped meanwhile. One JSON line, exit 0 when all
is right. Needs KAFKA_HOME and Java 17; about 2.5 GB of memory."""

import argparse
import asyncio
import json
import logging
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.scenario import Plan, Tally
from tests.chaos.three.run import three


def main() -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers that are away are part of the plan
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.three", description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--settle-s", type=float, default=240.0)
    given = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="deid-chaos-"))
    plan = Plan(
        calls=given.calls,
        kills=given.kills,
        seed=given.seed,
        workers=given.workers,
        partitions=given.partitions,
        settle_s=given.settle_s,
        logs=logs,
    )
    tally = asyncio.run(three(plan))
    print(json.dumps({**vars(given), "logs": str(logs)} | _told(tally)))
    return 0 if tally.settled and tally.verdict.clean else 1


def _told(tally: Tally) -> dict[str, object]:
    return {**asdict(tally), "verdict": tally.verdict.json()}


if __name__ == "__main__":
    raise SystemExit(main())
