"""Reads on after a record or batch that aiokafka cannot read.

``getmany`` raises for a header name that is not UTF-8, a damaged batch or an unknown codec; what it had gathered by
then is lost, and its next call begins with the same batch and fails again. So the next offset of each partition is kept
here: after such an error every partition goes back to it and is read by itself, and the one at fault is read by
librdkafka, which gives every record of the batch and tells which of them cannot be read.
"""

import asyncio
import contextlib
from collections.abc import Collection
from gzip import BadGzipFile
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from deid_stream.kafka.clients.rd.records import read_some
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import Isolation
from deid_stream.kafka.record import InRecord, Place

_AGAIN_MS: Final = 1_000
"""Longest wait for records that are read a second time: they have to be fetched again."""
_PATIENCE_S: Final = 1.0
_KNOWN_S: Final = 1.0
"""Longest wait for the broker to say at which offset reading begins; while it is away, that stays unknown."""


def unreadable(error: BaseException) -> str | None:
    """The reason why a record cannot be read (a value of ``InRecord.unreadable``); None where the error is about
    something else."""
    if isinstance(error, UnicodeDecodeError):
        return "header_name"
    if isinstance(error, UnsupportedCodecError | BadGzipFile):
        # the latter is an OSError, as a broken connection is
        return "codec"
    if isinstance(error, RecordTooLargeError):
        return "too_large"
    if isinstance(error, CorruptRecordException):
        return "damaged"
    if isinstance(error, KafkaError | OSError | asyncio.CancelledError | TimeoutError):
        return None
    return "damaged"


class CarefulPoll:
    """Polls one consumer, and reads on after records that the consumer cannot read."""

    def __init__(self, consumer: AIOKafkaConsumer, connection: Connection, isolation: Isolation) -> None:
        self._consumer = consumer
        self._connection = connection
        self._isolation = isolation
        self.next: dict[TopicPartition, int] = {}
        """The next offset to be given, of each partition whose place is known."""

    def seek(self, where: TopicPartition, offset: int) -> None:
        self._consumer.seek(where, offset)
        self.next[where] = offset

    def forget(self, places: Collection[TopicPartition]) -> None:
        """Drop the places of partitions that this consumer does not have any more."""
        for where in places:
            self.next.pop(where, None)

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> dict[Place, list[InRecord]]:
        """The records that have come, by partition. Empty while the group assigns its partitions: ``getmany`` would
        wait for that for ever if the broker went away meanwhile."""
        try:
            await self._learn()
            async with asyncio.timeout(timeout_ms / 1000 + _PATIENCE_S):
                batches = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        except TimeoutError:
            return {}
        except Exception as error:
            if unreadable(error) is None:
                raise
            return await self._one_by_one()
        return {Place(where.topic, where.partition): self._taken(where, batch) for where, batch in batches.items()}

    async def _learn(self) -> None:
        """Ask for the positions of partitions that were neither sought nor read yet."""
        unknown = self._consumer.assignment() - self.next.keys() - self._consumer.paused()
        if unknown:
            with contextlib.suppress(TimeoutError, IllegalStateError):
                async with asyncio.timeout(_KNOWN_S):
                    for where in unknown:
                        self.next[where] = await self._consumer.position(where)

    def _taken(self, where: TopicPartition, batch: list[Any]) -> list[InRecord]:
        self.next[where] = batch[-1].offset + 1
        return [InRecord(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in batch]

    async def _one_by_one(self) -> dict[Place, list[InRecord]]:
        """Poll each partition by itself. Of the one at fault, librdkafka reads the batch."""
        found: dict[Place, list[InRecord]] = {}
        reading = [where for where in self._consumer.assignment() - self._consumer.paused() if where in self.next]
        for where in reading:
            self._consumer.seek(where, self.next[where])
        for where in reading:
            place = Place(where.topic, where.partition)
            records = await self._one(where, place)
            if records:
                found[place] = records
        return found

    async def _one(self, where: TopicPartition, place: Place) -> list[InRecord]:
        try:
            batch = (await self._consumer.getmany(where, timeout_ms=_AGAIN_MS)).get(where, [])
        except Exception as error:
            if unreadable(error) is None:
                raise
        else:
            return self._taken(where, batch) if batch else []
        records = await asyncio.to_thread(read_some, self._connection, place, self.next[where], self._isolation)
        if records:
            self.seek(where, records[-1].offset + 1)
        return records
