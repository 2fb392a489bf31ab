"""The life of one partition in this worker: take over, recover, work and publish in turn, give up."""

import asyncio
import contextlib
import time
from typing import Final

from deid_stream.errors import BrokerError, DeidError, FencedError
from deid_stream.kafka.ports import Publisher
from deid_stream.kafka.record import Place
from deid_stream.kafka.topics_admin import check_layout
from deid_stream.observe.logs import get_log
from deid_stream.observe.outcomes import count_outputs
from deid_stream.observe.traces import Batch
from deid_stream.runtime.backoff import Backoff
from deid_stream.worker.checkpoint import Restored
from deid_stream.worker.context import Context
from deid_stream.worker.dead_letters import DeadLetters
from deid_stream.worker.partition import Partition, PartitionSettings, Work
from deid_stream.worker.reading import read_checkpoint

log = get_log("worker")

COMMIT_EVERY_S: Final = 0.025
"""Shortest time between two batches: at a thousand calls each batch then has hundreds of records, and no record waits
long."""
PROGRESS_EVERY_S: Final = 1.0
"""Time between two commits while there is nothing to release."""
STUCK_S: Final = 60.0
"""A partition that has not gone round its loop for so long is stuck, and the process is unhealthy. Smaller: one long
turn counts as stuck; larger: a partition that hangs stays unread longer."""
TAKEOVER_S: Final = 180.0
"""The same for taking a partition over: fencing, and reading a long checkpoint from a slow broker."""
FENCED_S: Final = 3.0
"""Wait this long after being fenced, so that a heartbeat can report which partitions this worker still owns."""
MAX_BACKOFF_S: Final = 5.0
STEADY_S: Final = 30.0
"""After this long without a failure the next one counts as the first, and its pause is short again."""
STOP_S: Final = 10.0
MAX_HELD_BYTES: Final = 128 << 20
"""Audio held in a partition's sessions before its audio topic has to wait."""
FIRST_BACKOFF_S: Final = 0.1
_MAX_UNPUBLISHED: Final = 20_000
"""Records that may wait for a slow broker; then nothing more is taken."""
_SLICE: Final = 64
_SLICE_S: Final = 0.001
"""Work between two looks at what other tasks wait for, by the clock, because one turn's detection takes as long as a
hundred audio records. Larger: a batch that the broker has answered is noticed later. Smaller: a slice has fewer records
to share what each of them costs, which with four records was a tenth of all work."""


class Owner:
    """The owner of one partition: a task that runs until ``stop``. ``failed`` holds the error that it could not recover
    from."""

    def __init__(self, number: int, context: Context) -> None:
        self.number = number
        self._context = context
        self.partition: Partition | None = None
        self.failed: DeidError | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._topics = {kind: Place(topic, number) for topic, kind in context.names.inputs.items()}
        self._name = f"partition-{number}"
        self._task = asyncio.create_task(self._run(), name=self._name)

    @property
    def inputs(self) -> dict[str, Place]:
        """By kind."""
        return self._topics

    def wake(self) -> None:
        """Wake the owner: there may be something to do."""
        self._wake.set()

    async def stop(self, within_s: float = STOP_S) -> None:
        """Publish what has been processed and let go, within ``within_s`` seconds. Does not raise."""
        self._stopping = True
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.shield(self._task)
                return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            await self._until_stopped()
        finally:
            self._context.heartbeat.forget(self._name)

    async def _until_stopped(self) -> None:
        backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
        while not self._stopping:
            self._context.heartbeat.beat(self._name, TAKEOVER_S)
            began_s = asyncio.get_running_loop().time()
            try:
                if backoff.failed_before:
                    # clients wait for a deleted topic as for one whose leader is away: ask which it is
                    await check_layout(self._context.kafka, self._context.names)
                await self._context.guard.contain("partition", self._own())
            except FencedError as error:
                log.warning("partition lost to another worker", partition=self.number, error=error)
                self._context.metrics.aborted_transactions.inc("fenced")
                await self._pause(FENCED_S)
            except BrokerError as error:
                self._context.metrics.aborted_transactions.inc(error.code)
                if not error.retryable:
                    log.error("partition given up", partition=self.number, error=error)
                    self.failed = error
                    return
                log.warning("partition starts again from its checkpoint", partition=self.number, error=error)
                if asyncio.get_running_loop().time() - began_s > STEADY_S:
                    backoff.reset()
                await self._pause(backoff.take())
            except DeidError as error:
                log.error("partition given up", partition=self.number, error=error)
                self.failed = error
                return
            else:
                return

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless stopped."""
        self._wake.clear()
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stopping and (left := deadline - asyncio.get_running_loop().time()) > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()

    async def _own(self) -> None:
        context = self._context
        started_s = asyncio.get_running_loop().time()
        publisher = await context.publishers.open(self.number, context.group)
        try:
            restored = await read_checkpoint(context.kafka, context.names.checkpoints, self.number, context.isolation)
            await self._complete(restored)
            partition = Partition(
                PartitionSettings(
                    number=self.number,
                    writer_id=context.writer_id,
                    intake=context.intake,
                    max_held_bytes=MAX_HELD_BYTES,
                    keys=context.customer_keys,
                    sealer=context.sealer,
                    repeats=context.isolation == "read_uncommitted",
                ),
                restored,
                sessions=context.sessions,
                gate=context.gate,
                policies=context.policies,
                dead_letters=DeadLetters(context.names.dead_letters, context.metrics, context.intake.key),
                new_outbox=publisher.outbox,
                metrics=context.metrics,
            )
            if restored.epoch and context.isolation == "read_uncommitted":
                context.gate.doubted_until_ms = context.wall_ms()
            if self._stopping or not await self._begin(partition):
                return
            log.info("partition taken over", partition=self.number, calls=partition.calls)
            await self._work(partition, publisher, started_s)
        finally:
            self.partition = None
            self._hold()
            await publisher.stop()

    async def _complete(self, restored: Restored) -> None:
        """Topics that no checkpoint speaks of yet begin where the group committed, else with their first record.

        Said outright, since the consumer may have read further for an attempt that failed before its first checkpoint.
        """
        group = self._context.group
        positions = restored.progress.positions
        for kind, place in self._topics.items():
            if kind not in positions:
                positions[kind] = max(await group.committed(place) or 0, await group.begin(place))

    async def _begin(self, partition: Partition) -> bool:
        """Start reading where the checkpoint says; False when the group has taken the partition away meanwhile."""
        group = self._context.group
        for kind, offset in partition.start_offsets().items():
            if not await group.seek(self._topics[kind], offset):
                return False
        group.resume(self._topics.values())
        self.partition = partition
        return True

    def _hold(self) -> None:
        """Stop reading: nobody would take what comes."""
        self._context.group.pause(self._topics.values())

    async def _work(self, partition: Partition, publisher: Publisher, started_s: float) -> None:
        loop = asyncio.get_running_loop()
        publishing: asyncio.Task[None] | None = None
        ready_s = 0.0
        recovering = True
        try:
            while True:
                self._wake.clear()
                self._context.heartbeat.beat(self._name, STUCK_S)
                taken = False
                if partition.unpublished < _MAX_UNPUBLISHED and not self._stopping:
                    taken = await self._slice(partition)
                if recovering and partition.recovered:
                    recovering = False
                    self._context.metrics.recovery_seconds.observe(loop.time() - started_s)
                if publishing is not None and publishing.done():
                    publishing.result()
                    publishing = None
                now_s = loop.time()
                due_s = ready_s if partition.unpublished else ready_s + PROGRESS_EVERY_S
                if publishing is None and partition.dirty and (now_s >= due_s or self._stopping):
                    work = partition.take()
                    if work is not None:
                        publishing = asyncio.create_task(self._publish(partition, publisher, work))
                        publishing.add_done_callback(lambda _: self._wake.set())
                        ready_s = now_s + COMMIT_EVERY_S
                elif publishing is None and not partition.dirty and self._stopping:
                    return
                if taken:
                    continue
                await self._wait(due_s - now_s if publishing is None and partition.dirty else 0.5)
        finally:
            if publishing is not None and not publishing.done():
                publishing.cancel()
            if publishing is not None:
                with contextlib.suppress(asyncio.CancelledError, BrokerError):
                    await publishing

    async def _slice(self, partition: Partition) -> bool:
        """Take records for ``_SLICE_S``; returns whether there were any. One partition of the worker works at a time,
        and the network is polled before the next one does."""
        async with self._context.turn:
            until_s = time.monotonic() + _SLICE_S
            taken = partition.process(self._context.wall_ms(), _SLICE, lambda: time.monotonic() >= until_s) > 0
            if taken:
                await asyncio.sleep(0)
        if partition.wanting_key is not None and self._context.customer_keys is not None:
            await self._context.customer_keys.ensure(partition.wanting_key)
            taken = True
        return taken

    async def _wait(self, seconds: float) -> None:
        """Until woken, by records read or a batch published. It makes no task: it runs many times per second."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._wake.wait()

    async def _publish(self, partition: Partition, publisher: Publisher, work: Work) -> None:
        metrics = self._context.metrics
        started_ms = self._context.wall_ms()
        offsets = {self._topics[kind]: offset for kind, offset in work.offsets.items()}
        offset = await publisher.publish(work.outbox, self._context.names.checkpoints, work.checkpoint, offsets)
        partition.published(offset)
        now_ms = self._context.wall_ms()
        metrics.checkpoints.inc()
        metrics.batch_seconds.observe((now_ms - started_ms) / 1000)
        for topic, count in work.outbox.counts.items():
            metrics.records_out.inc(topic, count)
        count_outputs(metrics, work.released, now_ms)
        self._context.traces.published(Batch(self.number, started_ms, now_ms, work.outbox.counts, work.released))
