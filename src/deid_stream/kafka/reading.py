"""Reads whole topics, or a range of a partition, with any client's LogReader."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka.ports import Isolation, Kafka, LogReader
from deid_stream.kafka.record import InRecord, Place

_POLL_MS: Final = 100
_BATCH: Final = 5_000
_QUIET_S: Final = 10.0
"""Reading up to a known end is given up after this long without a record. Smaller: reading from a slow broker fails;
larger: a broker that went away is noticed later."""
_LAST_RECORD_S: Final = 3.0
"""The last offset may be a mark of a transaction, which is never given: it is not waited for longer than this."""


async def read_range(reader: LogReader, place: Place, start: int, end: int) -> AsyncGenerator[Sequence[InRecord], None]:
    """Records of ``[start, end)`` in batches. Raises BrokerError when the broker stops answering."""
    reader.assign({place: start})
    loop = asyncio.get_running_loop()
    heard_s, before = loop.time(), start
    while (position := await reader.position(place)) < end:
        if position > before:
            before, heard_s = position, loop.time()
        elif loop.time() - heard_s > _QUIET_S:
            raise BrokerError(f"reading {place.topic}: nothing came for {_QUIET_S:.0f} s; check the broker")
        batch = (await reader.poll(_POLL_MS, _BATCH)).get(place, ())
        records = [record for record in batch if record.offset < end]
        if records:
            yield records


@asynccontextmanager
async def reading(
    kafka: Kafka, topic: str, isolation: Isolation, partition: int | None = None, *, follows: bool = False
) -> AsyncIterator[tuple[LogReader, list[Place]]]:
    """A reader with a topic's partitions, all or the one asked for; ``follows``: as ``Kafka.log_reader``. Raises
    TopicError where the topic is missing."""
    async with kafka.log_reader(isolation, follows=follows) as reader:
        places = [place for place in await reader.partitions(topic) if partition in (None, place.partition)]
        if not places:
            raise TopicError(f"topic {topic} is missing; run `deid-stream topics create`")
        yield reader, places


async def read_to_end(kafka: Kafka, topic: str, isolation: Isolation = "read_committed") -> list[InRecord]:
    """Every record of a topic as it stands now, partition by partition in offset order.

    Raises TopicError where the topic is missing, BrokerError.
    """
    async with reading(kafka, topic, isolation) as (reader, places):
        found: list[InRecord] = []
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                found += records
        return found


async def newest_time_ms(kafka: Kafka, topic: str) -> int | None:
    """The largest timestamp among the partitions' last records (epoch ms); None where the topic is empty."""
    async with reading(kafka, topic, "read_uncommitted") as (reader, places):
        ends = {place: await reader.end(place) for place in places}
        filled = [place for place in places if ends[place] > await reader.begin(place)]
        reader.assign({place: ends[place] - 1 for place in filled})
        loop = asyncio.get_running_loop()
        newest: dict[Place, int] = {}
        until_s = loop.time() + _LAST_RECORD_S
        while len(newest) < len(filled) and loop.time() < until_s:
            for place, records in (await reader.poll(_POLL_MS)).items():
                newest[place] = records[-1].timestamp
        return max(newest.values(), default=None)
