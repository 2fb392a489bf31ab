"""Every customer's policy: read to the end before the first record is published, then followed live."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deid_stream.kafka_io import log_end, stop_consumer, unbroken
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.policy.table import Change, PolicyTable
from deid_stream.worker.producer import translate

STALE_S: Final = 60.0
"""A policy topic that has not answered for this long may hide an opt-out: no training until it answers again."""

_POLL_MS: Final = 100
_FETCH_WAIT_MS: Final = 50
_DEADLINE_S: Final = 60.0


class Policies:
    """``on_change`` is told of each change once the beginning has been read."""

    def __init__(
        self, options: dict[str, Any], topic: str, isolation: str, wall: Callable[[], float] = time.time
    ) -> None:
        self._topic = topic
        self._isolation = isolation
        self._table = PolicyTable()
        self._wall = wall
        self._opted_out: dict[str, tuple[int, int]] = {}
        self._next: dict[int, int] = {}
        self._partitions: list[TopicPartition] = []
        self.on_change: Callable[[Change], None] = lambda _: None
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=isolation,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=15_000,
            retry_backoff_ms=100,
        )

    async def start(self, partitions: int) -> None:
        """Read all there is in the topic's ``partitions``. Raises BrokerError where it cannot be read."""
        consumer = self._consumer
        try:
            await unbroken(consumer.start())
            self._partitions = [TopicPartition(self._topic, number) for number in range(partitions)]
            consumer.assign(self._partitions)
            async with asyncio.timeout(_DEADLINE_S):
                ends = {where: await log_end(consumer, where, self._isolation) for where in self._partitions}
                await consumer.seek_to_beginning(*self._partitions)
                for partition in self._partitions:
                    while await consumer.position(partition) < ends[partition]:
                        await self._poll()
        except (KafkaError, OSError, TimeoutError) as error:
            raise translate(error, f"reading {self._topic}") from None
        for partition in self._partitions:
            self._next.setdefault(partition.partition, await consumer.position(partition))

    async def follow(self) -> None:
        """Apply what comes, until cancelled. Raises BrokerError when the topic may no longer be read."""
        try:
            while True:
                await self._poll()
        except KafkaError as error:
            raise translate(error, f"following {self._topic}") from None

    async def stop(self) -> None:
        await stop_consumer(self._consumer)

    def of(self, customer_id: str) -> CompiledPolicy:
        return self._table.get(customer_id)

    def __len__(self) -> int:
        """Customers with a policy."""
        return len(self._table)

    def heard_ms(self) -> float:
        """When the broker last answered for the topic, in ms since the epoch; 0: never."""
        polls = (self._consumer.last_poll_timestamp(partition) for partition in self._partitions)
        return max((poll for poll in polls if poll is not None), default=0)

    def positions(self) -> dict[int, int]:
        """Next offset to apply, by partition of the policy topic."""
        return self._next.copy()

    def fresh(self) -> bool:
        """The topic has been heard from lately."""
        now_ms = self._wall() * 1000
        polls = (self._consumer.last_poll_timestamp(partition) for partition in self._partitions)
        return all(poll is None or now_ms - poll < STALE_S * 1000 for poll in polls)

    def opted_out_since(self, positions: dict[int, int]) -> list[str]:
        """Customers whose latest policy came at or after ``positions`` and opts out of training."""
        return sorted(
            customer
            for customer, (partition, offset) in self._opted_out.items()
            if offset >= positions.get(partition, 0)
        )

    async def _poll(self) -> None:
        batches = await self._consumer.getmany(timeout_ms=_POLL_MS)
        for partition, records in batches.items():
            for record in records:
                self._next[partition.partition] = record.offset + 1
                if not record.key:
                    continue
                customer_id = record.key.decode(errors="replace")
                change = self._table.apply(customer_id, record.value)
                if change.opted_out:
                    self._opted_out[customer_id] = (partition.partition, record.offset)
                else:
                    self._opted_out.pop(customer_id, None)
                self.on_change(change)
