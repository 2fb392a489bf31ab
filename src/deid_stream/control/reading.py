"""Reads the topics that the control plane acts on: each with a reader of its own, outside any group, in offset order.

Faust reads the same topics, but may not be relied on for it: it throws away what comes while partitions are given out,
may go on behind it, and may read no more at all after a rebalance, without an error. So its agents only tell the broker
how far reading has come (``TopicReading.reached``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import reading
from deid_stream.kafka.record import InRecord
from deid_stream.units import Ms

_POLL_MS: Final = 100


class Message(NamedTuple):
    """One record of a topic."""

    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None


Take = Callable[[Message], Awaitable[None]]


class TopicReading:
    """Reads one topic from the offsets that the group ``group_id`` has committed, and awaits ``take`` for each record,
    one at a time, each record once. (``kafka.follow.TopicTable`` reads a compacted topic from its first record, without
    awaiting.)
    """

    def __init__(self, kafka: Kafka, name: str, group_id: str, take: Take) -> None:
        self._kafka = kafka
        self._group_id = group_id
        self.name = name
        self._take = take
        self._next: dict[int, int] = defaultdict(int)
        """By partition, the offset behind the last record that has been taken."""
        self._moved = asyncio.Condition()
        self.current = asyncio.Event()
        """Set once every record that the topic held when ``run`` began has been taken."""
        self.heard_ms: Ms = 0
        """When the broker last answered for a partition of the topic, in ms since the epoch; 0: never."""

    async def run(self) -> None:
        """Take the records from the committed offsets on (from the first record of a partition that has none), then new
        records as they come. Raises TopicError where the topic is missing, BrokerError, and what ``take`` raises."""
        async with reading(self._kafka, self.name, "read_uncommitted", follows=True) as (reader, places):
            async with self._kafka.group_offsets(self._group_id) as group:
                since = {place: await group.committed(place) or 0 for place in places}
            ends = {place.partition: await reader.end(place) for place in places}
            # beyond the end: a broker has lost records that were taken, and new ones get their offsets
            starts = {
                place: max(min(since[place], ends[place.partition]), await reader.begin(place)) for place in places
            }
            reader.assign(starts)
            while True:
                for place in places:
                    await self._come_to(place.partition, await reader.position(place))
                if all(self._next[partition] >= end for partition, end in ends.items()):
                    self.current.set()
                self.heard_ms = max((reader.heard_ms(place) or 0 for place in places), default=0)
                for records in (await reader.poll(_POLL_MS)).values():
                    for record in records:
                        await self._take(message_of(record))
                        await self._come_to(record.partition, record.offset + 1)

    async def reached(self, partition: int, offset: int) -> None:
        """Wait until the record at ``offset``, and every one before it, has been taken."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._next[partition] > offset)

    async def _come_to(self, partition: int, offset: int) -> None:
        if offset > self._next[partition]:
            async with self._moved:
                self._next[partition] = offset
                self._moved.notify_all()


def message_of(record: InRecord) -> Message:
    """A record as a Message; its headers are not needed."""
    return Message(record.partition, record.offset, record.timestamp, record.key, record.value)
