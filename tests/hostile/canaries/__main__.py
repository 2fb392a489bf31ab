"""``python -m tests.hostile.canaries``: thousands of canaries through the service, on the embedded broker or (with
KAFKA_HOME) on Apache Kafka."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.hostile.canaries.scenario import Result, run
from tests.support.kafka import KafkaCluster
from tests.support.service import Service


async def _run(broker: str, calls: int, every: int) -> Result:
    apache = broker == "apache"
    with tempfile.TemporaryDirectory() as folder, KafkaCluster() if apache else EmbeddedBroker() as running:
        servers = running.bootstrap if isinstance(running, KafkaCluster) else running.bootstrap_servers
        async with Service(Settings(bootstrap_servers=servers), exactly_once=apache) as service:
            return await run(service, Path(folder), calls=max(2, calls), every=every)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.canaries", description=__doc__)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="one in so many strings of the providers' documents")
    parser.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    parser.add_argument("--places", action="store_true", help="name what was searched")
    given = parser.parse_args()
    result = asyncio.run(_run(given.broker, given.calls, given.every))
    for seen in result.unsanctioned:
        print(seen)
    if given.places:
        print(*sorted(result.places), sep="\n")
    print(
        f"{result.planted} canaries in {result.records} records; {result.published} records came out, {result.letters} "
        f"dead letters among them, {result.free_text} calls with redacted free text; {result.seen} canaries seen, all "
        f"but {len(result.unsanctioned)} where ids may stand"
    )
    return 1 if result.unsanctioned else 0


if __name__ == "__main__":
    raise SystemExit(main())
