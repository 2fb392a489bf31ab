"""Short exchanges with a broker, for commands: read topics to their end, send a few records, wait for the answer."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from deid_stream.errors import BrokerError, TopicError

_BATCH: Final = 5_000
_POLL_MS: Final = 500
_FETCH_WAIT_MS: Final = 20
_COMMITTED: Final = "read_committed"
_UNCOMMITTED: Final = "read_uncommitted"
_LAST_RECORD_POLLS: Final = 6
"""The last offset may be a transaction marker, which is never delivered: do not wait for it for ever."""


class Outgoing(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None


@asynccontextmanager
async def broker_errors(options: dict[str, Any]) -> AsyncIterator[None]:
    """The client's errors as ours, with the mend."""
    servers = ",".join(options["bootstrap_servers"])
    try:
        yield
    except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
        raise TopicError(
            f"the broker at {servers} refused a topic: {type(error).__name__}; run `topics check`"
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
            await producer.start()
            sent = [
                await producer.send(r.topic, r.value, r.key, timestamp_ms=r.timestamp_ms, headers=list(r.headers))
                for r in records
            ]
            await producer.flush()
            for future in sent:
                await future
        finally:
            await producer.stop()


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


@asynccontextmanager
async def _assigned(
    options: dict[str, Any], topic: str, **more: Any
) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    """A consumer of every partition of a topic, outside any group. Raises TopicError where it is missing,
    BrokerError."""
    async with broker_errors(options):
        consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, **more)
        try:
            await consumer.start()
            numbers = consumer.partitions_for_topic(topic) if topic in await consumer.topics() else None
            if not numbers:
                raise TopicError(f"topic {topic} is missing; run `deid-stream topics create`")
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            yield consumer, partitions
        finally:
            await consumer.stop()


async def read_to_end(options: dict[str, Any], topic: str) -> list[Any]:
    """Every committed record of a topic as it stands now, partition by partition in offset order.

    Raises TopicError where the topic is missing, BrokerError.
    """
    committed = {"auto_offset_reset": "earliest", "isolation_level": _COMMITTED}
    async with _assigned(options, topic, **committed) as (consumer, partitions):
        ends = {place: await log_end(consumer, place, _COMMITTED) for place in partitions}
        await consumer.seek_to_beginning(*partitions)
        found: list[Any] = []
        while not all([await consumer.position(p) >= ends[p] for p in partitions]):
            batch = await consumer.getmany(*partitions, timeout_ms=_POLL_MS, max_records=_BATCH)
            found += [r for p in partitions for r in batch.get(p, ()) if r.offset < ends[p]]
        return sorted(found, key=lambda record: (record.partition, record.offset))


async def newest_time_ms(options: dict[str, Any], topic: str) -> int | None:
    """The largest timestamp among the partitions' last records (epoch ms); None where the topic is empty."""
    async with _assigned(options, topic) as (consumer, partitions):
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
