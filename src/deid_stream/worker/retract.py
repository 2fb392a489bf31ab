"""Taking back what was published for training before a customer opted out: tombstones, and a line in the audit."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from deid_stream.errors import BrokerError, DeidError
from deid_stream.kafka.reading import read_range
from deid_stream.kafka.record import Place
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.observe.logs import get_log
from deid_stream.policy.permit import Position, decode_permit, position_of
from deid_stream.wire import cloudevents as ce
from deid_stream.worker.context import Context
from deid_stream.worker.partition import Partition

log = get_log("worker")

OVERDUE_S: Final = 5.0
"""A retraction that takes longer gets most of the partition's time. Less: a busy partition's live calls wait for it
sooner; more: an opt-out waits longer behind a backlog."""
_CHUNK: Final = 1_000
"""Tombstones a batch: retractions are never in the way of live calls."""
_AGAIN_S: Final = 1.0


class Retractor:
    """Of one partition. Which customers are being taken back stands in the checkpoint until it is done, so a restart
    goes on with them. ``published`` waits until all work so far has reached the broker."""

    def __init__(self, partition: Partition, published: Callable[[], Awaitable[None]], context: Context) -> None:
        self._partition = partition
        self._published = published
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._asked_s: dict[str, tuple[Position, float]] = {}
        """Since when each customer waits."""

    @property
    def overdue(self) -> bool:
        """A customer has waited for too long behind the partition's other work."""
        if not self._asked_s:
            return False
        now_s = asyncio.get_running_loop().time()
        return any(now_s - asked_s > OVERDUE_S for _, asked_s in self._asked_s.values())

    def poll(self) -> None:
        """Start on what is asked for, unless at it. Raises what ended the last attempt, where nobody foresaw it."""
        if not self._partition.retracting and self._task is None:
            return
        now_s = asyncio.get_running_loop().time()
        for customer_id, opted_out in self._partition.retracting.items():
            if self._asked_s.get(customer_id, (None,))[0] != opted_out:
                self._asked_s[customer_id] = (opted_out, now_s)
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
        if self._task is None and self._partition.retracting:
            retracting = self._retract(self._partition.retracting)
            self._task = self._context.guard.start("retraction", retracting)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeidError):
                await self._task

    async def _retract(self, opt_outs: Mapping[str, Position]) -> None:
        """One look at the topics for all customers who wait."""
        names = self._context.names
        partition = self._partition
        found: Counter[tuple[str, str]] = Counter()
        try:
            # nothing more is offered for training since the policy changed; what was on its way has arrived after this
            await self._published()
            for topic in (names.training_transcripts, names.training_audio):
                keys = await self._keys(topic, opt_outs)
                for number, (key, customer_id) in enumerate(keys.items(), start=1):
                    found[customer_id, key.decode().rsplit("/", 2)[0]] += 1
                    partition.append(topic, key, None, [(ce.CUSTOMER_ID, customer_id.encode())])
                    if number % _CHUNK == 0:
                        await self._published()
            self._audit(found)
            for customer_id, opted_out in opt_outs.items():
                partition.retracted(customer_id, opted_out)
            await self._published()
        except BrokerError as error:
            log.warning("retraction tried again", partition=partition.number, error=error)
            await asyncio.sleep(_AGAIN_S)
            return
        now_s = asyncio.get_running_loop().time()
        for customer_id, opted_out in opt_outs.items():
            if self._asked_s.get(customer_id, (None,))[0] == opted_out:
                self._context.metrics.retraction_seconds.observe(now_s - self._asked_s.pop(customer_id)[1])
        log.info("training records retracted", partition=partition.number, records=found.total())

    def _audit(self, found: Mapping[tuple[str, str], int]) -> None:
        for (customer_id, call_id), count in found.items():
            self._partition.audit(
                AuditEntry(
                    call_id=call_id,
                    customer_id=customer_id,
                    action=AuditAction.RETRACTED,
                    reason="opt_out",
                    time_ms=self._partition.clock_ms,
                    counts={"records": count},
                )
            )

    async def _keys(self, topic: str, opt_outs: Mapping[str, Position]) -> dict[bytes, str]:
        """Keys, with the customer, of the records permitted before the opt-outs that no tombstone has removed yet."""
        context = self._context
        place = Place(topic, self._partition.number)
        wanted = {customer_id.encode(): (customer_id, opted_out) for customer_id, opted_out in opt_outs.items()}
        keys: dict[bytes, str] = {}
        async with context.kafka.log_reader(context.isolation) as reader:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                for record in records:
                    if record.key is None:
                        continue
                    if record.value is None:
                        keys.pop(record.key, None)
                        continue
                    headers = dict(record.headers)
                    if (asked := wanted.get(headers.get(ce.CUSTOMER_ID) or b"")) is None:
                        continue
                    if permitted_before(headers.get(ce.PERMIT), asked[1]):
                        keys[record.key] = asked[0]
                    else:
                        keys.pop(record.key, None)
                await asyncio.sleep(0)
        return keys


def permitted_before(header: bytes | None, opted_out: Position) -> bool:
    """Whether a training record was permitted before the opt-out. One without a permit that can be read was."""
    permit = decode_permit(header)
    position = position_of(permit) if permit is not None else None
    return position is None or position.before(opted_out)
