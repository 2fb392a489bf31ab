"""Reading whole topics and writing source records, for checks."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_to_end
from deid_stream.kafka.record import InRecord
from tests.support.calls import Record

TOPIC_OF = {"events": "calls.events", "transcripts": "calls.transcripts", "audio": "calls.audio"}


async def read_all(kafka: Kafka, topic: str, *, exactly_once: bool) -> list[InRecord]:
    """Every record of a topic up to its end now, by partition and offset; with transactions the committed ones."""
    async with asyncio.timeout(60):
        return await read_to_end(kafka, topic, "read_committed" if exactly_once else "read_uncommitted")


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
