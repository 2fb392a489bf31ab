"""Taking back what was published for training when a customer opts out: tombstones, and a line in the audit."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from deid_stream.errors import BrokerError, DeidError
from deid_stream.kafka.reading import read_range
from deid_stream.kafka.record import Place
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.observe.logs import get_log
from deid_stream.wire import cloudevents as ce
from deid_stream.worker.context import Context
from deid_stream.worker.partition import Partition

log = get_log("worker")

_CHUNK: Final = 1_000
"""Tombstones a batch: retractions are never in the way of live calls."""


class Retractor:
    """Of one partition. Which customers are being taken back stands in the checkpoint until it is done, so a restart
    goes on with them. ``published`` waits until all work so far has reached the broker."""

    def __init__(self, partition: Partition, published: Callable[[], Awaitable[None]], context: Context) -> None:
        self._partition = partition
        self._published = published
        self._context = context
        self._task: asyncio.Task[None] | None = None

    def poll(self) -> None:
        """Start on what is asked for, unless at it. Raises what ended the last attempt, where nobody foresaw it."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
        if self._task is None and self._partition.retracting:
            retracting = self._retract(self._partition.retracting[0])
            self._task = self._context.guard.start("retraction", retracting)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeidError):
                await self._task

    async def _retract(self, customer_id: str) -> None:
        names = self._context.names
        partition = self._partition
        try:
            # nothing more is offered for training since the policy changed; what was on its way has arrived after this
            await self._published()
            found: Counter[str] = Counter()
            for topic in (names.training_transcripts, names.training_audio):
                keys = await self._keys(topic, customer_id)
                for number, key in enumerate(keys, start=1):
                    found[key.decode().rsplit("/", 2)[0]] += 1
                    partition.append(topic, key, None, [(ce.CUSTOMER_ID, customer_id.encode())])
                    if number % _CHUNK == 0:
                        await self._published()
        except BrokerError as error:
            log.warning("retraction tried again", partition=partition.number, error=error)
            await asyncio.sleep(1)
            return
        for call_id, count in found.items():
            partition.audit(
                AuditEntry(
                    call_id=call_id,
                    customer_id=customer_id,
                    action=AuditAction.RETRACTED,
                    reason="opt_out",
                    time_ms=partition.clock_ms,
                    counts={"records": count},
                )
            )
        partition.retracted(customer_id)
        log.info("training records retracted", partition=partition.number, records=found.total())

    async def _keys(self, topic: str, customer_id: str) -> list[bytes]:
        """Keys of the customer's records that no tombstone has removed yet."""
        context = self._context
        place = Place(topic, self._partition.number)
        wanted = customer_id.encode()
        keys: dict[bytes, None] = {}
        async with context.kafka.log_reader(context.isolation) as reader:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                for record in records:
                    if record.key is None:
                        continue
                    if record.value is None:
                        keys.pop(record.key, None)
                    elif dict(record.headers).get(ce.CUSTOMER_ID) == wanted:
                        keys[record.key] = None
                await asyncio.sleep(0)
        return list(keys)
