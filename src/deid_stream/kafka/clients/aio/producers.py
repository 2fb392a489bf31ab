"""Writes with aiokafka, in one batch per topic; exactly once where the broker has transactions.

aiokafka's ``send`` costs a future and several awaits per record; here records go straight into the batch that will be
sent (``create_batch``), which takes a quarter of the time.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, UnsupportedVersionError
from aiokafka.errors import UnknownError as UnknownBrokerError

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.aio.errors import FAILURES, attempt, connect_error, start, translate, translated
from deid_stream.kafka.clients.aio.options import REQUEST_TIMEOUT_MS, client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.late_offsets import LateOffsets
from deid_stream.kafka.ports import GroupReader, Publisher
from deid_stream.kafka.record import MAX_BATCH_BYTES, OutRecord, Place
from deid_stream.model.json import JsonObject
from deid_stream.runtime.tasks import uninterrupted

Result = TypeVar("Result")

_CLOSE_S: Final = 3.0


class AioSender:
    """The port ``Sender``."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, records: Sequence[OutRecord]) -> None:
        async with translated("sending records", ", ".join(sorted({record.topic for record in records}))):
            sent = [
                await self._producer.send(
                    r.topic,
                    r.value,
                    r.key,
                    partition=r.partition,
                    timestamp_ms=r.timestamp_ms,
                    headers=list(r.headers),
                )
                for r in records
            ]
            await self._producer.flush()
            await _all(*sent)


@asynccontextmanager
async def sender(connection: Connection) -> AsyncIterator[AioSender]:
    """Connects on entering, closes whatever happens."""
    producer = AIOKafkaProducer(**client_options(connection), acks="all", linger_ms=2)
    try:
        await start(producer, connection)
        yield AioSender(producer)
    finally:
        await close(producer)


class AioOutbox:
    """The port ``Outbox``: batches being filled, by topic."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[str, list[Any]] = {}
        self.counts: dict[str, int] = {}

    @property
    def records(self) -> int:
        return sum(self.counts.values())

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int | None
    ) -> None:
        batches = self._batches.get(topic)
        if batches is None:
            batches = self._batches[topic] = [self._producer.create_batch()]
        if batches[-1].append(timestamp=time_ms, key=key, value=value, headers=headers) is None:
            batch = self._producer.create_batch()
            batch.append(timestamp=time_ms, key=key, value=value, headers=headers)
            batches.append(batch)
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def items(self) -> Iterator[tuple[str, list[Any]]]:
        return iter(self._batches.items())


def _options(connection: Connection) -> JsonObject:
    return {
        **client_options(connection),
        "acks": "all",
        "max_batch_size": MAX_BATCH_BYTES,
        "max_request_size": 8 * MAX_BATCH_BYTES,
        "linger_ms": 0,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": 50,
    }


def _positions(producer: AIOKafkaProducer, topic: str, checkpoint: Sequence[tuple[bytes, bytes]]) -> AioOutbox:
    positions = AioOutbox(producer)
    for key, value in checkpoint:
        positions.append(topic, key, value, [], None)
    return positions


class Transactional:
    """Writes each batch in one transaction. The transactional id names the input partition, so a new owner fences the
    old one."""

    def __init__(self, connection: Connection, group_id: str, prefix: str, partition: int, timeout_s: float) -> None:
        self._connection = connection
        self._group_id = group_id
        self._id = f"{group_id}-{prefix}{partition}"
        self._partition = partition
        self._timeout_s = timeout_s
        self._producer = AIOKafkaProducer(
            **_options(connection),
            transactional_id=self._id,
            transaction_timeout_ms=int(timeout_s * 1000) + 10_000,
        )

    async def start(self) -> None:
        """Fence the partition's last owner, and wait until the broker has ended the transaction that it left open."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await uninterrupted(self._producer.start())
        except FAILURES as error:
            await self.stop()
            raise translate(error, f"taking over partition {self._partition}", self._id) from None
        except asyncio.CancelledError:
            await self.stop()
            raise

    def outbox(self) -> AioOutbox:
        return AioOutbox(self._producer)

    async def publish(
        self,
        outbox: Any,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        producer = self._producer
        positions = _positions(producer, checkpoint_topic, checkpoint)
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.begin_transaction()
                first = await self._unless_refused(self._fill(outbox, positions, offsets))
                await producer.commit_transaction()
        except FAILURES as error:
            raise translate(error, f"publishing partition {self._partition}", self._id) from None
        return first

    async def _fill(self, outbox: AioOutbox, positions: AioOutbox, offsets: Mapping[Place, int]) -> int:
        """Write everything into the open transaction; returns the offset of the first checkpoint record.

        One request at a time: Apache Kafka asks the coordinator about each, and refuses one of two that it is asked
        about at once, which the client tries again only after 50 ms (one batch in five, when they went out together).
        """
        manager = self._producer._txn_manager
        for topic, _ in (*outbox.items(), *positions.items()):
            manager.maybe_add_partition_to_txn(TopicPartition(topic, self._partition))
        _, first = await _all(
            _send(self._producer, outbox, self._partition), _send(self._producer, positions, self._partition)
        )
        if offsets:
            named = {TopicPartition(place.topic, place.partition): offset for place, offset in offsets.items()}
            await self._producer.send_offsets_to_transaction(named, self._group_id)
        return int(first)

    async def _unless_refused(self, sending: Coroutine[object, None, int]) -> int:
        """Wait for the batches. If a topic may not join the transaction, aiokafka ends the transaction and leaves these
        batches waiting for ever, so both are watched."""
        task = asyncio.ensure_future(sending)
        ended = self._producer._txn_manager.wait_for_transaction_end()
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                ended.result()
            return await task
        finally:
            task.cancel()

    async def stop(self) -> None:
        await close(self._producer)


class AtLeastOnce:
    """Writes the outputs, waits until they are acknowledged, then writes the checkpoint; two producers serve all
    partitions. Recovery goes by the checkpoint, and the group's offsets only show its lag, so they are committed later
    (``late_offsets``): waiting for them would make each batch take half as long again.
    """

    def __init__(
        self,
        outputs: AIOKafkaProducer,
        checkpoints: AIOKafkaProducer,
        group: GroupReader,
        partition: int,
        timeout_s: float,
    ) -> None:
        self._outputs = outputs
        self._checkpoints = checkpoints
        self._late = LateOffsets(group, timeout_s)
        self._partition = partition
        self._timeout_s = timeout_s

    def outbox(self) -> AioOutbox:
        return AioOutbox(self._outputs)

    async def publish(
        self,
        outbox: Any,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        positions = _positions(self._checkpoints, checkpoint_topic, checkpoint)
        try:
            async with asyncio.timeout(self._timeout_s):
                await _send(self._outputs, outbox, self._partition)
                offset: int = await _send(self._checkpoints, positions, self._partition)
        except FAILURES as error:
            raise translate(error, f"publishing partition {self._partition}") from None
        self._late.note(offsets)
        return offset

    async def stop(self) -> None:
        """Commit what is left; the producers are shared and closed by ``AioPublishers``."""
        await self._late.stop()


class AioPublishers:
    """The port ``Publishers``."""

    def __init__(
        self, connection: Connection, group_id: str, prefix: str, *, transactions: bool, timeout_s: float
    ) -> None:
        self._connection = connection
        self._group_id = group_id
        self._prefix = prefix
        self._transactions = transactions
        self._timeout_s = timeout_s
        self._shared: list[AIOKafkaProducer] = []
        self._sharing = asyncio.Lock()

    async def open(self, partition: int, group: GroupReader) -> Publisher:
        if self._transactions:
            publisher = Transactional(self._connection, self._group_id, self._prefix, partition, self._timeout_s)
            await publisher.start()
            return publisher
        async with self._sharing:
            # a client sends one request at a time to a broker: checkpoints must not queue behind others' outputs
            while len(self._shared) < 2:
                self._shared.append(await shared_producer(self._connection))
        outputs, checkpoints = self._shared
        return AtLeastOnce(outputs, checkpoints, group, partition, self._timeout_s)

    async def stop(self) -> None:
        while self._shared:
            await close(self._shared.pop())


async def supports_transactions(connection: Connection, group_id: str) -> bool:
    """Ask for a producer id. Brokers without transactions refuse at once."""
    doing = "asking the broker for transactions"
    sender_log = logging.getLogger("aiokafka.producer.sender")
    was_disabled, sender_log.disabled = sender_log.disabled, True  # the refusal is an answer here, not an error
    probe = AIOKafkaProducer(**_options(connection), transactional_id=f"{group_id}-probe")
    try:
        await uninterrupted(attempt(probe, connection, doing))
    except (UnknownBrokerError, UnsupportedVersionError):
        return False
    except FAILURES as error:
        raise await connect_error(error, connection, doing) from None
    finally:
        sender_log.disabled = was_disabled
        await close(probe)
    return True


async def shared_producer(connection: Connection) -> AIOKafkaProducer:
    """A producer that an at-least-once worker's partitions share."""
    producer = AIOKafkaProducer(**_options(connection))
    try:
        await start(producer, connection)
    except (BrokerError, asyncio.CancelledError):
        await close(producer)
        raise
    return producer


async def close(producer: AIOKafkaProducer) -> None:
    """Stop a producer whatever state it is in, also when this task is cancelled meanwhile."""
    await uninterrupted(_close(producer))


async def _close(producer: AIOKafkaProducer) -> None:
    """Each step is bounded, since ``stop`` waits for answers that a dead broker never gives."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await producer.stop()
            return
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await producer._sender.close()
    await producer.client.close()


async def _send(producer: AIOKafkaProducer, outbox: AioOutbox, partition: int) -> int:
    """Send all batches, those of one topic in order; returns the offset of the first record of the last topic."""
    sends = (_send_topic(producer, topic, batches, partition) for topic, batches in outbox.items())
    offsets: list[int] = await _all(*sends)
    return offsets[-1] if offsets else -1


async def _send_topic(producer: AIOKafkaProducer, topic: str, batches: list[Any], partition: int) -> int:
    futures = []
    for batch in batches:
        batch.close()
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    first = -1
    for number, metadata in enumerate(await _all(*futures)):
        if number == 0 and metadata is not None:
            first = int(metadata.offset)
    return first


async def _all(*awaitables: Awaitable[Result]) -> list[Result]:
    """Wait for all, also when one fails, so that asyncio reports no exception as never retrieved; then raise the
    first."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    done: list[Result] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
