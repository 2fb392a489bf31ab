"""Reading whole topics and writing source records, for checks."""

import asyncio

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_to_end
from deid_stream.kafka.record import InRecord

TOPIC_OF = {"events": "calls.events", "transcripts": "calls.transcripts", "audio": "calls.audio"}


async def read_all(kafka: Kafka, topic: str, *, exactly_once: bool) -> list[InRecord]:
    """Every record of a topic up to its end now, by partition and offset; with transactions the committed ones."""
    async with asyncio.timeout(60):
        return await read_to_end(kafka, topic, "read_committed" if exactly_once else "read_uncommitted")
