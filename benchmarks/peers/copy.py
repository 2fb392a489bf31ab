"""The floor: the bare aiokafka consume-produce loop of its documentation. Copies records with their headers, commits a
batch. ``python -m benchmarks.peers.copy BOOTSTRAP``"""

import asyncio
import contextlib
import signal
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

ROUTES = {"calls.audio": "deid.analytics.audio", "calls.transcripts": "deid.analytics.transcripts"}


async def copy(bootstrap: str) -> None:
    consumer = AIOKafkaConsumer(
        *ROUTES,
        bootstrap_servers=bootstrap,
        group_id="copy",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,  # the embedded broker answers a waiting fetch late
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await consumer.start()
    await producer.start()
    print("ready", flush=True)
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=200, max_records=2000)
            sent = [
                await producer.send(ROUTES[place.topic], r.value, key=r.key, headers=list(r.headers))
                for place, records in batches.items()
                for r in records
            ]
            if sent:
                await asyncio.gather(*sent)
                await consumer.commit()
    finally:
        await consumer.stop()
        await producer.stop()


async def main() -> None:
    task = asyncio.create_task(copy(sys.argv[1]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    asyncio.run(main())
