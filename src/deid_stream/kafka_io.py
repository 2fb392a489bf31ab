"""Short exchanges with a broker: read topics or a part of them, send a few records, wait for the answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from deid_stream.errors import BrokerError, TopicError

_BATCH: Final = 5_000
_POLL_MS: Final = 500
_FETCH_WAIT_MS: Final = 20
_FETCH_BYTES: Final = 4 << 20
_COMMITTED: Final = "read_committed"
_UNCOMMITTED: Final = "read_uncommitted"
_QUIET_S: Final = 10.0
_PATIENCE_S: Final = 1.0
_KNOWN_TRIES: Final = 5
_BETWEEN_S: Final = 0.2
"""A topic that was created a moment ago may not be known to every broker yet."""
_LAST_RECORD_POLLS: Final = 6
"""The last offset may be a transaction marker, which is never delivered: do not wait for it for ever."""
GRACE_S: Final = 7.0
"""What a cancelled step may still take."""

T = TypeVar("T")


class Outgoing(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None
    partition: int | None = None
    """None: the key says."""


async def unbroken(step: Coroutine[Any, Any, T]) -> T:
    """Run ``step``, a client's ``start`` or ``stop``, to its end although this task is cancelled meanwhile, even more
    than once; the cancellation goes on after it, after ``GRACE_S`` at the latest. A client cancelled half-way leaves
    connections open that nobody can close."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        timer = asyncio.get_running_loop().call_later(GRACE_S, task.cancel)
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        timer.cancel()
        if not task.cancelled():
            task.exception()  # looked at, or asyncio would complain
        raise


@asynccontextmanager
async def broker_errors(options: dict[str, Any]) -> AsyncIterator[None]:
    """The client's errors as ours, with the mend."""
    servers = ",".join(options["bootstrap_servers"])
    try:
        yield
    except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
        raise TopicError(
            f"the broker at {servers} refused a topic or group: {type(error).__name__}; run `topics check`, and grant "
            "this user the access of docs/delivery.md"
        ) from None
    except (KafkaError, OSError) as error:
        raise BrokerError(
            f"no broker answers at {servers} ({type(error).__name__}); is it up, and are address and credentials right?"
        ) from None


async def send_all(options: dict[str, Any], records: Iterable[Outgoing]) -> None:
    """Send, and return once every record is acknowledged. Raises BrokerError."""
    async with broker_errors(options):
        producer = AIOKafkaProducer(**options, acks="all")
        try:
            await unbroken(producer.start())
            sent = [
                await producer.send(
                    r.topic,
                    r.value,
                    r.key,
                    partition=r.partition,
                    timestamp_ms=r.timestamp_ms,
                    headers=list(r.headers),
                )
                for r in records
            ]
            await producer.flush()
            for future in sent:
                await future
        finally:
            await unbroken(producer.stop())


async def log_end(consumer: Any, partition: TopicPartition, isolation: str) -> int:
    """The offset behind the last record that ``isolation`` lets the consumer read now.

    The embedded broker lists the first offset of its last batch plus one; what its fetches say is right.
    """
    listed: int = (await consumer.end_offsets([partition]))[partition]
    consumer.seek(partition, listed)
    while True:
        await consumer.getmany(partition, timeout_ms=_FETCH_WAIT_MS)
        told: int | None = consumer.last_stable_offset(partition) if isolation == "read_committed" else None
        if told is None or told < 0:
            told = consumer.highwater(partition)
        if told is not None:
            return max(listed, told)


async def read_range(consumer: Any, partition: TopicPartition, start: int, end: int) -> AsyncIterator[list[Any]]:
    """Records of ``[start, end)`` in batches. Raises BrokerError when the broker stops answering."""
    consumer.seek(partition, start)
    loop = asyncio.get_running_loop()
    heard = loop.time()
    before = start
    while await consumer.position(partition) < end:
        batch = (await consumer.getmany(partition, timeout_ms=100)).get(partition, [])
        position = await consumer.position(partition)
        if position > before:
            before, heard = position, loop.time()
        elif loop.time() - heard > _QUIET_S:
            raise BrokerError(f"reading {partition.topic}: nothing came for {_QUIET_S:.0f} s")
        records = [record for record in batch if record.offset < end]
        if records:
            yield records


async def stop_consumer(consumer: Any) -> None:
    """Stop it, also when this task is cancelled meanwhile, and where the broker is away."""
    await unbroken(_stop(consumer))


async def _stop(consumer: Any) -> None:
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        # aiokafka cancels a fetch that waits to be tried again, lets that cancellation out, and goes no further: other
        # fetches would go on and open connections behind a client that has closed
        fetches = list(consumer._fetcher._pending_tasks) if consumer._fetcher else []
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await consumer._client.close()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


async def poll(consumer: Any, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
    """What has come for a member of a group; nothing while the group shares its partitions out, for which ``getmany``
    waits for ever when the broker goes away meanwhile."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_ms / 1000 + _PATIENCE_S):
            batches: dict[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=timeout_ms)
            return batches
    return {}


async def partitions_of(consumer: Any, topic: str) -> set[int]:
    """The numbers of a topic's partitions; empty where it is missing."""
    for attempt in range(_KNOWN_TRIES):
        if attempt:
            await asyncio.sleep(_BETWEEN_S)
        # looked for before it is asked about: that may create it
        if topic in await consumer.topics():
            numbers: set[int] = await consumer._client._wait_on_metadata(topic)
            return numbers
    return set()


@asynccontextmanager
async def assigned(
    options: dict[str, Any], topic: str, wanted: int | None = None, **more: Any
) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    """A consumer of a topic's partitions, all or the ``wanted`` one, that does not join a group.

    Raises TopicError where the topic is missing, BrokerError.
    """
    async with broker_errors(options):
        consumer = AIOKafkaConsumer(
            **options,
            enable_auto_commit=False,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
            **more,
        )
        try:
            await unbroken(consumer.start())
            there = await partitions_of(consumer, topic)
            numbers = {wanted} & there if wanted is not None else there
            if not numbers:
                raise TopicError(f"topic {topic} is missing; run `deid-stream topics create`")
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            yield consumer, partitions
        finally:
            await stop_consumer(consumer)


async def read_to_end(options: dict[str, Any], topic: str) -> list[Any]:
    """Every committed record of a topic as it stands now, partition by partition in offset order.

    Raises TopicError where the topic is missing, BrokerError.
    """
    async with assigned(options, topic, auto_offset_reset="earliest", isolation_level=_COMMITTED) as read:
        consumer, partitions = read
        ends = {place: await log_end(consumer, place, _COMMITTED) for place in partitions}
        await consumer.seek_to_beginning(*partitions)
        found: list[Any] = []
        while not all([await consumer.position(p) >= ends[p] for p in partitions]):
            batch = await consumer.getmany(*partitions, timeout_ms=_POLL_MS, max_records=_BATCH)
            found += [r for p in partitions for r in batch.get(p, ()) if r.offset < ends[p]]
        return sorted(found, key=lambda record: (record.partition, record.offset))


async def newest_time_ms(options: dict[str, Any], topic: str) -> int | None:
    """The largest timestamp among the partitions' last records (epoch ms); None where the topic is empty."""
    async with assigned(options, topic) as (consumer, partitions):
        ends = {place: await log_end(consumer, place, _UNCOMMITTED) for place in partitions}
        starts = await consumer.beginning_offsets(partitions)
        filled = [p for p in partitions if ends[p] > starts[p]]
        if not filled:
            return None
        consumer.assign(filled)
        for partition in filled:
            consumer.seek(partition, ends[partition] - 1)
        newest: dict[TopicPartition, int] = {}
        for _ in range(_LAST_RECORD_POLLS):
            for partition, batch in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                newest[partition] = batch[-1].timestamp
            if len(newest) == len(filled):
                break
        return max(newest.values(), default=None)
