"""``python -m tests.hostile.canaries``: thousands of canaries through the service on the embedded broker."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.hostile.canaries.scenario import Result, run
from tests.support.service import Service


async def _run(calls: int, every: int) -> Result:
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as folder:
        async with Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as service:
            return await run(service, Path(folder), calls=max(2, calls), every=every)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.canaries", description=__doc__)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="one in so many strings of the providers' documents")
    given = parser.parse_args()
    result = asyncio.run(_run(given.calls, given.every))
    for seen in result.unsanctioned:
        print(seen)
    print(
        f"{result.planted} canaries in {result.records} records; {result.published} records came out, {result.letters} "
        f"dead letters among them; {result.seen} canaries seen, all but {len(result.unsanctioned)} where ids may stand"
    )
    return 1 if result.unsanctioned else 0


if __name__ == "__main__":
    raise SystemExit(main())
