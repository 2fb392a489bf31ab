"""Reading on behind what aiokafka cannot read.

``getmany`` raises for a header name that is not UTF-8, a damaged batch or an unknown codec; what it had gathered by
then is lost, and the next call would pass it over or fail again. So the place where each partition stands is kept here:
after such an error every partition goes back to it and is read by itself, the one at fault record by record."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from deid_stream.kafka.record import InRecord, Place

_AGAIN_MS: Final = 1_000
"""What is read a second time has to be fetched again."""
_KNOWN_S: Final = 1.0
"""The group's committed offset or the partition's first one has to be asked for; while the broker is away it stays
unknown."""
_STEPS: Final = 10_000


def unreadable(error: BaseException) -> str | None:
    """Why a record cannot be read; None where the error is about something else."""
    if isinstance(error, UnicodeDecodeError):
        return "header_name"
    if isinstance(error, UnsupportedCodecError):
        return "codec"
    if isinstance(error, RecordTooLargeError):
        return "too_large"
    if isinstance(error, CorruptRecordException):
        return "damaged"
    if isinstance(error, KafkaError | OSError | asyncio.CancelledError | TimeoutError):
        return None
    return "damaged"


class CarefulPoll:
    """Of one consumer."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.next: dict[TopicPartition, int] = {}
        """The next offset to be given, of each partition whose place is known."""

    def seek(self, where: TopicPartition, offset: int) -> None:
        self._consumer.seek(where, offset)
        self.next[where] = offset

    def forget(self, places: Collection[TopicPartition]) -> None:
        """They are no longer ours."""
        for where in places:
            self.next.pop(where, None)

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> dict[Place, list[InRecord]]:
        await self._learn()
        try:
            batches = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
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
        found: dict[Place, list[InRecord]] = {}
        reading = [where for where in self._consumer.assignment() - self._consumer.paused() if where in self.next]
        for where in reading:
            self._consumer.seek(where, self.next[where])
        for where in reading:
            records = await self._one(where)
            if records:
                found[Place(where.topic, where.partition)] = records
        return found

    async def _one(self, where: TopicPartition) -> list[InRecord]:
        """All that has come of one partition, or what comes before its unreadable record and a word about that."""
        found: list[InRecord] = []
        for step in range(_STEPS):
            try:
                limit = None if step == 0 else 1
                batch = (await self._consumer.getmany(where, timeout_ms=_AGAIN_MS, max_records=limit)).get(where, [])
            except Exception as error:
                reason = unreadable(error)
                if reason is None:
                    raise
                if step:
                    offset = self.next[where]
                    found.append(InRecord(where.topic, where.partition, offset, 0, None, None, (), reason))
                    self.seek(where, offset + 1)
                    break
                self._consumer.seek(where, self.next[where])
                continue
            if batch:
                found += self._taken(where, batch)
            if step == 0 or not batch:
                break
        return found
