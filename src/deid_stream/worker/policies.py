"""Every customer's policy: read to the end before the first record is published, then followed live."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from deid_stream.kafka.follow import TopicTable
from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.record import InRecord
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.policy.table import Change, PolicyTable

STALE_S: Final = 60.0
"""A policy topic that has not answered for this long may hide an opt-out: no training until it answers again."""


class Policies:
    """``on_change`` is told of each change once the beginning has been read, ``on_unreadable`` of each record that the
    client cannot read. ``async with`` reads all there is."""

    def __init__(self, kafka: Kafka, topic: str, isolation: Isolation, wall: Callable[[], float] = time.time) -> None:
        self._table = PolicyTable()
        self._opted_out: dict[str, tuple[int, int]] = {}
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

    def positions(self) -> dict[int, int]:
        """Next offset to apply, by partition of the policy topic."""
        return self._topic.positions()

    def fresh(self) -> bool:
        """The topic has been heard from lately."""
        return self._topic.silent_s() < STALE_S

    def opted_out_since(self, positions: dict[int, int]) -> list[str]:
        """Customers whose latest policy came at or after ``positions`` and opts out of training."""
        return sorted(
            customer
            for customer, (partition, offset) in self._opted_out.items()
            if offset >= positions.get(partition, 0)
        )

    def _apply(self, record: InRecord) -> None:
        if record.unreadable:
            self.on_unreadable(record)
        if not record.key:
            return
        customer_id = record.key.decode(errors="replace")
        change = self._table.apply(customer_id, record.value)
        if change.opted_out:
            self._opted_out[customer_id] = (record.partition, record.offset)
        else:
            self._opted_out.pop(customer_id, None)
        self.on_change(change)
