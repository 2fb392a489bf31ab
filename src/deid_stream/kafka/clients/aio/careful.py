"""Reading on behind what aiokafka cannot read.

``getmany`` raises for a header name that is not UTF-8, a damaged batch or an unknown codec; what it had gathered by
then is lost, and whatever it is asked next, it begins with the same batch and fails again. So the place where each
partition stands is kept here: after such an error every partition goes back to it and is read by itself, and the one at
fault is read by librdkafka, which gives every record of the batch and tells which of them cannot be read.
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
"""What is read a second time has to be fetched again."""
_PATIENCE_S: Final = 1.0
_KNOWN_S: Final = 1.0
"""The group's committed offset or the partition's first one has to be asked for; while the broker is away it stays
unknown."""


def unreadable(error: BaseException) -> str | None:
    """Why a record cannot be read; None where the error is about something else."""
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
    """Polls one consumer, and reads on behind records that it cannot read."""

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
        """Nothing while a group shares its partitions out, for which ``getmany`` waits for ever when the broker goes
        away meanwhile."""
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
        """Where the partitions stand that were neither sought nor read yet."""
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
        """Of each partition what has come; of the one at fault, read by the other client, what its batch holds."""
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
