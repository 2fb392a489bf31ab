"""Reading whole topics and writing source records, for checks."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deid_stream.kafka_io import log_end
from tests.support.calls import Record

TOPIC_OF = {"events": "calls.events", "transcripts": "calls.transcripts", "audio": "calls.audio"}


async def read_all(options: dict[str, Any], topic: str, *, exactly_once: bool) -> list[Any]:
    """Every record of a topic up to its end now, by partition and offset; with transactions the committed ones."""
    isolation = "read_committed" if exactly_once else "read_uncommitted"
    consumer = AIOKafkaConsumer(
        **options,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=8 << 20,
    )
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(topic)
        numbers = consumer._client.cluster.partitions_for_topic(topic)
        places = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(places)
        records = []
        async with asyncio.timeout(60):
            ends = {place: await log_end(consumer, place, isolation) for place in places}
            await consumer.seek_to_beginning(*places)
            for place in places:
                while await consumer.position(place) < ends[place]:
                    records += (await consumer.getmany(place, timeout_ms=100)).get(place, [])
        return sorted(records, key=lambda r: (r.partition, r.offset))
    finally:
        await consumer.stop()


async def send_all(producer: AIOKafkaProducer, prefix: str, records: Iterable[Record]) -> None:
    """Source records in order, acknowledged."""
    for record in records:
        await producer.send(
            prefix + TOPIC_OF[record.kind],
            key=record.key,
            value=record.value,
            headers=record.headers,
            timestamp_ms=record.time_ms,
        )
    await producer.flush()
