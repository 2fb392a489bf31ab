"""The consumer group: shares the partitions out, reads, feeds each partition's owner, pauses what is full."""

import asyncio
from collections.abc import Collection, Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError, RecordTooLargeError

from deid_stream.kafka_io import poll, stop_consumer, unbroken
from deid_stream.observe.logs import get_log
from deid_stream.worker.context import Context
from deid_stream.worker.owner import MAX_HELD_BYTES, Owner
from deid_stream.worker.producer import translate
from deid_stream.worker.telemetry import Telemetry

log = get_log("worker")

LINGER_S: Final = 0.01
"""Between two reads: responses gather more records, each of which costs less (docs/benchmarks.md)."""
POLL_MS: Final = 100
STALE_MS: Final = 5_000
"""A partition that has not answered for so long is not known to be read to its end."""
FULL_BYTES: Final = 16 << 20
"""Read and not yet taken, of one topic partition: above it, it is paused until half has gone."""
_RECORD_BYTES: Final = 300
MEASURE_EVERY_S: Final = 1.0
"""Between two looks at what is unread, and at whether the broker answers."""


class Pump(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of the group. Topics of one number meet here because the assignment is by range."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owners: dict[int, Owner] = {}
        self._leaving = False
        self._telemetry = Telemetry(context.metrics)
        self._measured_s = -MEASURE_EVERY_S
        self._kinds = context.names.inputs
        self._consumer = AIOKafkaConsumer(
            **context.options,
            group_id=context.settings.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=context.isolation,
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=context.session_timeout_ms,
            heartbeat_interval_ms=context.session_timeout_ms // 5,
            max_poll_interval_ms=300_000,
            rebalance_timeout_ms=30_000,
            fetch_max_wait_ms=context.fetch_wait_ms,
            max_partition_fetch_bytes=2 << 20,
            request_timeout_ms=15_000,
            retry_backoff_ms=50,
        )
        context.consumer = self._consumer

    @property
    def ready(self) -> bool:
        """Partitions are shared out, those that are ours have been taken over, and the broker answers."""
        return (
            bool(self._owners)
            and all(owner.partition is not None for owner in list(self._owners.values()))
            and self._telemetry.connected(self._context.wall_ms())
        )

    async def start(self) -> None:
        """Join the group. Raises BrokerError."""
        try:
            await unbroken(self._consumer.start())
            self._consumer.subscribe(list(self._kinds), listener=self)
        except (KafkaError, OSError) as error:
            raise translate(error, "joining the group") from None

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. Raises what no partition could mend."""
        while not stop.is_set():
            try:
                batches = await poll(self._consumer, POLL_MS)
            except (RecordTooLargeError, CorruptRecordException) as error:
                # aiokafka goes on behind such a record by itself
                log.error("record cannot be read", error=error)
                self._context.metrics.dead_letters.inc("unreadable")
                continue
            except KafkaError as error:
                failure = translate(error, "reading the calls")
                if not failure.retryable:
                    raise failure from None
                log.warning("reading tried again", error=failure)
                await asyncio.sleep(0.2)
                continue
            for partition, records in batches.items():
                owner = self._owners.get(partition.partition)
                if owner is not None and owner.partition is not None:
                    owner.partition.feed(self._kinds[partition.topic], records)
                    self._context.metrics.records_in.inc(partition.topic, len(records))
            paused = self._consumer.paused()
            for owner in list(self._owners.values()):
                if owner.failed is not None:
                    raise owner.failed
                await self._look_after(owner, paused)
            await self._report()
            await asyncio.sleep(LINGER_S)

    async def stop(self) -> None:
        """Publish what has been processed, then leave the group."""
        self._leaving = True
        await self._release(list(self._owners))
        await stop_consumer(self._consumer)

    def policy_changed(self, customer_id: str, *, opted_out: bool) -> None:
        """Tell every partition."""
        for owner in self._owners.values():
            if owner.partition is not None:
                owner.partition.policy_changed(customer_id)
                if opted_out:
                    owner.partition.retract(customer_id)
                owner.wake()

    # -- the group

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._release(sorted({partition.partition for partition in revoked}))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if self._leaving:
            # the client ends a rebalance that has begun before it leaves: nobody would stop what is taken over now
            return
        partitions = set(assigned)
        self._context.metrics.rebalances.inc()
        if partitions:
            # nothing is read before the checkpoint has said where to begin
            self._consumer.pause(*partitions)
        for number in sorted({partition.partition for partition in partitions}):
            self._owners[number] = Owner(number, self._context)
        log.info("partitions assigned", count=len(self._owners))

    async def _release(self, numbers: list[int]) -> None:
        owners = [owner for number in numbers if (owner := self._owners.pop(number, None)) is not None]
        await asyncio.gather(*(owner.stop() for owner in owners))

    # -- reading

    async def _look_after(self, owner: Owner, paused: Collection[TopicPartition]) -> None:
        """Tell the owner which topics have been read to their end; pause what is full, resume what is not."""
        partition = owner.partition
        if partition is None:
            return
        at_end = set()
        try:
            for kind, where in owner.inputs.items():
                waiting = partition.buffered_bytes[kind] + partition.buffered(kind) * _RECORD_BYTES
                if where in paused:
                    if waiting < FULL_BYTES // 2:
                        self._consumer.resume(where)
                elif waiting > FULL_BYTES:
                    self._consumer.pause(where)
                elif await self._at_end(where):
                    at_end.add(kind)
        except IllegalStateError:
            return
        partition.at_end(frozenset(at_end))
        owner.wake()

    async def _at_end(self, where: TopicPartition) -> bool:
        heard_ms = self._consumer.last_poll_timestamp(where)
        if heard_ms is None or self._context.wall_ms() - heard_ms > STALE_MS:
            return False
        end = self._end(where)
        return end is not None and await self._consumer.position(where) >= end

    def _end(self, where: TopicPartition) -> int | None:
        """The offset behind the last record that may be read, as the last fetch said."""
        end: int | None = (
            self._consumer.last_stable_offset(where) if self._context.isolation == "read_committed" else None
        )
        if end is None or end < 0:
            end = self._consumer.highwater(where)
        return end

    async def _measure(self) -> None:
        """What is unread, and when the broker answered last."""
        wall_ms, heard_ms = self._context.wall_ms(), self._context.policies.heard_ms()
        for number, owner in list(self._owners.items()):
            partition = owner.partition
            if partition is None:
                self._telemetry.waiting(number, wall_ms)
                continue
            unread, places = {}, {}
            for kind, where in owner.inputs.items():
                end = self._end(where)
                heard_ms = max(heard_ms, self._consumer.last_poll_timestamp(where) or 0)
                if end is None:
                    continue
                try:
                    position = await self._consumer.position(where)
                except IllegalStateError:
                    break
                places[kind] = position - partition.buffered(kind)
                unread[kind] = max(0, end - places[kind])
            self._telemetry.partition(number, unread, places, partition.clock_ms, wall_ms)
        self._telemetry.broker(heard_ms, wall_ms)
        self._telemetry.only(set(self._owners), wall_ms)
        metrics = self._context.metrics
        metrics.policies.set(len(self._context.policies))
        metrics.policies_fresh.set(self._context.policies.fresh())
        metrics.held_bytes_limit.set(MAX_HELD_BYTES * len(self._owners))

    async def _report(self) -> None:
        metrics = self._context.metrics
        now_s = asyncio.get_running_loop().time()
        if now_s - self._measured_s >= MEASURE_EVERY_S:
            self._measured_s = now_s
            await self._measure()
        partitions = [owner.partition for owner in self._owners.values() if owner.partition is not None]
        metrics.assigned_partitions.set(len(partitions))
        metrics.live_calls.set(sum(partition.calls for partition in partitions))
        metrics.held_bytes.set(sum(partition.held_bytes for partition in partitions))
        metrics.paused_partitions.set(len(self._consumer.paused()))
