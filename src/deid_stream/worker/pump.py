"""The member of the consumer group: takes assigned partitions over, reads, feeds each partition's owner, and pauses
partitions whose buffer is full."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Final

from deid_stream.errors import BrokerError
from deid_stream.kafka.ports import Batches
from deid_stream.kafka.record import Place
from deid_stream.observe.contact import BrokerContact
from deid_stream.observe.logs import get_log
from deid_stream.runtime.deadline import Deadline
from deid_stream.worker.context import Context
from deid_stream.worker.owner import MAX_HELD_BYTES, STOP_S, Owner
from deid_stream.worker.telemetry import Telemetry

log = get_log("worker")

POLL_MS: Final = 50
"""Longest wait for a first record. Larger: less work while idle; smaller: the group's news are heard sooner."""
FULL_BYTES: Final = 16 << 20
"""Bytes of one topic partition that are read and not yet taken. Above this it is paused until half has been taken."""
_RECORD_BYTES: Final = 300
MEASURE_EVERY_S: Final = 1.0
"""Between two looks at what is unread, and at whether the broker answers."""
CLOSE_S: Final = 20.0
"""Longest time for all steps of a stop together: Kubernetes kills a pod 30 s after it has asked it to stop."""
_AGAIN_S: Final = 0.2


class Pump:
    """One member of the group, and its listener. Topics of one number meet here because the assignment is by range."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._owners: dict[int, Owner] = {}
        self._leaving = False
        self._telemetry = Telemetry(context.metrics)
        self._contact = BrokerContact(context.metrics)
        self._measured_s = -MEASURE_EVERY_S
        self._kinds = context.names.inputs
        self._group = context.group

    @property
    def ready(self) -> bool:
        """Partitions are shared out, those that are ours have been taken over, and the broker answers."""
        return (
            bool(self._owners)
            and all(owner.partition is not None for owner in list(self._owners.values()))
            and self._contact.connected(self._context.wall_ms())
        )

    async def start(self) -> None:
        """Join the group. Raises BrokerError."""
        await self._group.start(self)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. Raises what no partition could mend."""
        while not stop.is_set():
            try:
                batches = await self._group.poll(POLL_MS)
            except BrokerError as error:
                if not error.retryable:
                    raise
                log.warning("reading tried again", error=error)
                await asyncio.sleep(_AGAIN_S)
                continue
            self._feed(batches)
            paused = self._group.paused()
            for owner in list(self._owners.values()):
                if owner.failed is not None:
                    raise owner.failed
                await self._look_after(owner, paused)
            await self._report()

    async def stop(self) -> None:
        """Publish what has been processed, then leave the group."""
        self._leaving = True
        close = Deadline(CLOSE_S)
        await self._release(list(self._owners), close.left_s(STOP_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(close.left_s()):
                await self._group.stop()

    def policy_changed(self, customer_id: str) -> None:
        """Tell every partition."""
        for owner in self._owners.values():
            if owner.partition is not None:
                owner.partition.policy_changed(customer_id)
                owner.wake()

    # -- the group

    async def revoked(self, places: Collection[Place]) -> None:
        await self._release(sorted({place.partition for place in places}))

    async def assigned(self, places: Collection[Place]) -> None:
        if self._leaving:
            # the client ends a rebalance that has begun before it leaves: nobody would stop what is taken over now
            return
        self._context.metrics.rebalances.inc()
        # nothing is read before the checkpoint has said where to begin
        self._group.pause(places)
        for number in sorted({place.partition for place in places}):
            self._owners[number] = Owner(number, self._context)
        log.info("partitions assigned", count=len(self._owners))

    async def _release(self, numbers: list[int], within_s: float = STOP_S) -> None:
        owners = [owner for number in numbers if (owner := self._owners.pop(number, None)) is not None]
        await asyncio.gather(*(owner.stop(within_s) for owner in owners))

    # -- reading

    def _feed(self, batches: Batches) -> None:
        for place, records in batches.items():
            owner = self._owners.get(place.partition)
            if owner is not None and owner.partition is not None:
                owner.partition.feed(self._kinds[place.topic], records)
                self._context.metrics.records_in.inc(place.topic, len(records))

    async def _look_after(self, owner: Owner, paused: Collection[Place]) -> None:
        """Tell the owner which topics have been read to their end; pause what is full, resume what is not."""
        partition = owner.partition
        if partition is None:
            return
        at_end = set()
        for kind, place in owner.inputs.items():
            waiting = partition.buffered_bytes[kind] + partition.buffered(kind) * _RECORD_BYTES
            if place in paused:
                if waiting < FULL_BYTES // 2:
                    self._group.resume([place])
            elif waiting > FULL_BYTES:
                self._group.pause([place])
            elif await self._group.behind(place) == 0:
                at_end.add(kind)
        partition.at_end(frozenset(at_end))
        owner.wake()

    async def _measure(self) -> None:
        """What is unread, and when the broker answered last."""
        wall_ms = self._context.wall_ms()
        for number, owner in list(self._owners.items()):
            partition = owner.partition
            if partition is None:
                self._telemetry.waiting(number, wall_ms)
                continue
            unread, places = {}, {}
            for kind, place in owner.inputs.items():
                behind = await self._group.behind(place)
                if behind is not None:
                    buffered = partition.buffered(kind)
                    places[kind] = await self._group.position(place) - buffered
                    unread[kind] = behind + buffered
            self._telemetry.partition(number, unread, places, partition.clock_ms, wall_ms)
        heard_ms = max(self._context.policies.heard_ms(), self._group.heard_ms() or 0)
        self._contact.note(heard_ms, wall_ms)
        self._telemetry.only(set(self._owners), wall_ms)
        metrics = self._context.metrics
        metrics.policies.set(len(self._context.policies))
        metrics.policies_silent.set(self._context.policies.silent_s())
        metrics.policies_fresh.set(self._context.policies.fresh())
        metrics.held_bytes_limit.set(MAX_HELD_BYTES * len(self._owners))

    async def _report(self) -> None:
        metrics = self._context.metrics
        now_s = asyncio.get_running_loop().time()
        if now_s - self._measured_s >= MEASURE_EVERY_S:
            self._measured_s = now_s
            await self._measure()
            self._telemetry.dead_letters(now_s)
        partitions = [owner.partition for owner in self._owners.values() if owner.partition is not None]
        metrics.assigned_partitions.set(len(partitions))
        metrics.live_calls.set(sum(partition.calls for partition in partitions))
        metrics.held_bytes.set(sum(partition.held_bytes for partition in partitions))
        metrics.paused_partitions.set(len(self._group.paused()))
