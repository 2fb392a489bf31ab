"""``python -m benchmarks.index_restart --calls 100000``: an index of so many calls, how long a killed control plane
takes to be ready again, and what memory it needs. One JSON line."""

import argparse
import asyncio
import json
import time
from pathlib import Path

import psutil
from tests.support.service import Service

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model.outputs import SeqRange
from deid_stream.model.published import Claim, Trained
from deid_stream.wire.index import encode_claims

PARTITIONS = 4
CUSTOMERS = 50
READY_S = 300.0


def claims(partition: int, count: int, start_ms: int) -> list[Claim]:
    """Closed calls of ten minutes, 100 ms a chunk, two channels."""
    audio = tuple(SeqRange(channel, 0, 5_999) for channel in (0, 1))
    text = tuple(SeqRange(channel, 0, 99) for channel in (0, 1))
    return [
        Claim(
            call_id=f"call-{partition}-{number:08d}",
            customer_id=f"customer-{number % CUSTOMERS}",
            subject=f"subject-{number:024x}",
            started_ms=start_ms,
            last_ms=start_ms + 600_000,
            transcripts=text,
            audio=audio,
            trained=(Trained(position="0/1", transcripts=text, audio=audio),),
            segments=200,
            chunks=12_000,
            bytes=9_600_000,
            closed=True,
        )
        for number in range(count)
    ]


async def measure(calls: int) -> dict[str, object]:
    async with EmbeddedBroker() as broker:
        base = Settings(bootstrap_servers=broker.bootstrap_servers)
        async with Service(base, exactly_once=False, partitions=PARTITIONS) as service:
            start_ms = int(time.time() * 1000) - 700_000
            for partition in range(PARTITIONS):
                for record in encode_claims(partition, claims(partition, calls // PARTITIONS, start_ms), start_ms):
                    await service.put(
                        OutRecord(service.names.index, record.key, record.value, record.headers, partition=partition)
                    )
            began_s = time.monotonic()
            control = await service.control()
            while await service.number("deid_index_calls") < calls or await waiting(service):
                await asyncio.sleep(1)
                if time.monotonic() - began_s > READY_S:
                    raise TimeoutError
            filled_s = time.monotonic() - began_s
            filled_bytes = psutil.Process(control.pid).memory_info().rss
            await asyncio.sleep(5)
            service.kill_control(control)
            began_s = time.monotonic()
            control = await service.control()
            ready_s, ready_cpu_s = time.monotonic() - began_s, cpu_s(control.pid)
            while await waiting(service):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
            return {
                "calls": calls,
                "filling_s": round(filled_s, 1),
                "filled_mib": filled_bytes >> 20,
                "restart_s": round(ready_s, 1),
                "restart_cpu_s": round(ready_cpu_s, 1),
                "looked_at_s": round(time.monotonic() - began_s, 1),
                "restarted_mib": psutil.Process(control.pid).memory_info().rss >> 20,
            }


def cpu_s(pid: int) -> float:
    """What a process has used of the machine, whatever else runs on it."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def waiting(service: Service) -> bool:
    return await service.number("deid_index_calls") == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.calls))
    print(json.dumps(result))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
