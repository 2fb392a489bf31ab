"""Reads all customers' policies before the first record is published, and follows them afterwards."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from deid_stream.kafka.follow import TopicTable
from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.record import InRecord
from deid_stream.observe.logs import get_log
from deid_stream.policy.permit import Position
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.policy.status import Standing
from deid_stream.policy.table import Change, PolicyTable

log = get_log("worker")

STALE_S: Final = 60.0
"""A policy topic that has not answered for this long may hide an opt-out: no training until it answers again."""


class Policies:
    """``on_change`` is told of each change once the beginning has been read, ``on_unreadable`` of each record that the
    client cannot read. ``async with`` reads all there is. ``table`` is filled; it is empty before."""

    def __init__(
        self, kafka: Kafka, topic: str, isolation: Isolation, table: PolicyTable, wall: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._topic = TopicTable(kafka, topic, isolation, self._apply, wall)
        self.on_change: Callable[[Change], None] = lambda _: None
        self.on_unreadable: Callable[[InRecord], None] = lambda _: None

    async def __aenter__(self) -> Self:
        await self._topic.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._topic.__aexit__(kind, error, trace)

    async def follow(self) -> None:
        """Apply what comes, until cancelled. Raises BrokerError when the topic may no longer be read."""
        await self._topic.follow()

    def of(self, customer_id: str) -> CompiledPolicy:
        return self._table.get(customer_id)

    def __len__(self) -> int:
        """Customers with a policy."""
        return len(self._table)

    def heard_ms(self) -> int:
        """When the broker last answered for the topic, in ms since the epoch; 0: never."""
        return self._topic.heard_ms()

    def standing(self, customer_id: str) -> Standing:
        return self._table.standing(customer_id)

    def fresh(self) -> bool:
        """Whether the broker has answered for the topic lately."""
        return self._topic.silent_s() < STALE_S

    def silent_s(self) -> float:
        """Seconds since the broker last answered for the topic; 0 before its first answer."""
        return self._topic.silent_s()

    def _apply(self, record: InRecord) -> None:
        if record.unreadable:
            self.on_unreadable(record)
        elif not record.key:
            log.warning("policy without a key ignored", partition=record.partition, offset=record.offset)
        else:
            position = Position(record.partition, record.offset)
            customer_id = record.key.decode(errors="replace")
            self.on_change(self._table.apply(customer_id, record.value, position, record.timestamp))
