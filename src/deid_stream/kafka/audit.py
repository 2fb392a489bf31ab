"""Writes the audit lines of a process that has no checkpoint (spot check, dashboard, control plane, commands): it finds
the ends of its chains in the topic itself."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from deid_stream.kafka.ports import Kafka, Sender
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.wire.chain import Chain, Head, link_of
from deid_stream.wire.partitions import partition_of

_LOOK_BACK: Final = (2_000, 20_000, 200_000)
"""How many of a partition's last records are searched for the writer's last line, step by step; then all of them are.
Larger first steps read more each time; smaller ones need more steps where other writers write much."""


class Line(Protocol):
    """An encoded audit entry (``wire.output.encode_audit``)."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> list[tuple[str, bytes]]: ...


class AuditLog:
    """Writes the audit lines of one writer. If two processes of one writer write to a partition at the same time, its
    chain branches there: `audit verify` counts branches and does not object to them."""

    def __init__(self, kafka: Kafka, topic: str, writer: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._writer = writer
        self._chains: dict[int, Chain] = {}
        self._turn = asyncio.Lock()
        self._partitions = 0

    async def send(self, lines: Sequence[Line], partition: int | None = None, through: Sender | None = None) -> None:
        """Write lines, to the partition given or to that of their keys, ``through`` an open sender where there is one.
        Raises BrokerError; then they may have been written, and the next ones carry on from what is there."""
        async with self._turn:
            records = [await self._chained(line, partition) for line in lines]
            try:
                if through is not None:
                    await through.send(records)
                else:
                    async with self._kafka.sender() as sender:
                        await sender.send(records)
            except BaseException:
                self._chains.clear()
                raise

    async def _chained(self, line: Line, partition: int | None) -> OutRecord:
        number = await self._place(line.key or b"") if partition is None else partition
        chain = self._chains.get(number)
        if chain is None:
            chain = self._chains[number] = Chain(self._writer, await self._head(number))
        headers = [*line.headers, *chain.headers(line.key, line.value or b"")]
        return OutRecord(self._topic, line.key, line.value, headers, partition=number)

    async def _place(self, key: bytes) -> int:
        if not self._partitions:
            async with reading(self._kafka, self._topic, "read_committed") as (_, places):
                self._partitions = len(places)
        return partition_of(key, self._partitions)

    async def _head(self, partition: int) -> Head:
        """Where this writer's next line in the partition goes: behind its last one."""
        async with reading(self._kafka, self._topic, "read_committed", partition) as (reader, (place,)):
            begin, end = await reader.begin(place), await reader.end(place)
            until = end
            for back in (*_LOOK_BACK, end - begin):
                start = max(begin, end - back)
                head = Head()
                async for records in read_range(reader, Place(self._topic, partition), start, until):
                    for record in records:
                        link = link_of(record.key, record.value, record.headers)
                        if link is not None and link.writer == self._writer:
                            head = link.after
                if head.position or start == begin:
                    return head
                until = start
        return Head()
