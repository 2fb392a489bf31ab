"""Records out: a batch for each topic, exactly once where the broker has transactions.

aiokafka's ``send`` costs a future and several awaits a record; here records go straight into the batch that will be
sent (``create_batch``), which is 4 times cheaper (``docs/delivery.md``).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedVersionError,
)
from aiokafka.errors import UnknownError as UnknownBrokerError

from deid_stream.errors import BrokerError, FencedError, TopicError
from deid_stream.kafka_io import unbroken

MAX_BATCH_BYTES: Final = 950_000
"""Below the broker's usual ``message.max.bytes`` (1,048,588), which counts a whole batch."""

COMMIT_OFFSETS_EVERY_S: Final = 1.0
"""Without transactions, where the checkpoint goes first."""
_CLOSE_S: Final = 3.0


class ForbiddenError(BrokerError):
    """Authorisation is missing or was withdrawn: nobody but the operator can mend it."""

    retryable = False
    code = "forbidden"


def translate(error: BaseException, doing: str) -> BrokerError:
    """A client error as one of ours, without the client's message (it may quote records).

    A topic that is said to be unknown may only be unknown to a broker that has just started: ``check_layout`` tells.
    """
    name = type(error).__name__
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, ProducerFenced | InvalidProducerEpoch):
        return FencedError(f"{doing}: another worker has taken the partition over")
    if isinstance(
        error,
        TopicAuthorizationFailedError | GroupAuthorizationFailedError | TransactionalIdAuthorizationFailed,
    ):
        return ForbiddenError(
            f"{doing}: the broker does not allow it ({name}); grant this user the access of docs/delivery.md"
        )
    if isinstance(error, MessageSizeTooLargeError):
        return TopicError(f"{doing}: the broker's message.max.bytes is below {MAX_BATCH_BYTES}; raise it")
    if isinstance(error, KafkaConnectionError):
        return BrokerError(f"{doing}: no broker answers ({name}); is it up, are address and credentials right?")
    return BrokerError(f"{doing}: {name}")


class Outbox:
    """Batches being filled for one partition number, by topic."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[str, list[Any]] = {}
        self.records = 0
        self.counts: dict[str, int] = {}
        """Records by topic."""

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        batches = self._batches.get(topic)
        if batches is None:
            batches = self._batches[topic] = [self._producer.create_batch()]
        if batches[-1].append(timestamp=time_ms, key=key, value=value, headers=headers) is None:
            batch = self._producer.create_batch()
            batch.append(timestamp=time_ms, key=key, value=value, headers=headers)
            batches.append(batch)
        self.records += 1
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def items(self) -> Iterator[tuple[str, list[Any]]]:
        return iter(self._batches.items())


class Publisher(Protocol):
    """How one partition's work reaches the broker."""

    def outbox(self) -> Outbox: ...

    async def publish(
        self, outbox: Outbox, checkpoint_topic: str, checkpoint: Sequence[tuple[bytes, bytes]], offsets: dict[Any, int]
    ) -> int:
        """Everything or nothing becomes visible (at least once: outputs, then checkpoint, then offsets).

        Gives the offset of the first checkpoint record, -1 where the broker did not tell. Raises BrokerError.
        """
        ...

    async def stop(self) -> None: ...


def _options(options: dict[str, Any]) -> dict[str, Any]:
    return {
        **options,
        "acks": "all",
        "max_batch_size": MAX_BATCH_BYTES,
        "max_request_size": 8 * MAX_BATCH_BYTES,
        "linger_ms": 0,
        "request_timeout_ms": 15_000,
        "retry_backoff_ms": 50,
    }


class Transactional:
    """One transaction a batch. The id names the input partition, so a new owner fences the old one."""

    def __init__(self, options: dict[str, Any], group_id: str, prefix: str, partition: int, timeout_s: float) -> None:
        self._group_id = group_id
        self._partition = partition
        self._timeout_s = timeout_s
        self._producer = AIOKafkaProducer(
            **_options(options),
            transactional_id=f"{group_id}-{prefix}{partition}",
            transaction_timeout_ms=int(timeout_s * 1000) + 10_000,
        )

    async def start(self) -> None:
        """Fence whoever had the partition, and wait until the broker has ended what they left open."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await unbroken(self._producer.start())
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise translate(error, f"taking over partition {self._partition}") from None
        except asyncio.CancelledError:
            await self.stop()
            raise

    def outbox(self) -> Outbox:
        return Outbox(self._producer)

    async def publish(
        self, outbox: Outbox, checkpoint_topic: str, checkpoint: Sequence[tuple[bytes, bytes]], offsets: dict[Any, int]
    ) -> int:
        producer = self._producer
        positions = Outbox(producer)
        for key, value in checkpoint:
            positions.append(checkpoint_topic, key, value, [], None)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.begin_transaction()
                first = await self._unless_refused(self._fill(outbox, positions, offsets))
                await producer.commit_transaction()
        except (KafkaError, IllegalOperation, OSError, TimeoutError) as error:
            raise translate(error, f"publishing partition {self._partition}") from None
        return first

    async def _fill(self, outbox: Outbox, positions: Outbox, offsets: dict[Any, int]) -> int:
        """Everything into the open transaction; the offset of the first checkpoint record.

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
            await self._producer.send_offsets_to_transaction(offsets, self._group_id)
        return int(first)

    async def _unless_refused(self, sending: Coroutine[Any, Any, int]) -> int:
        """A topic that may not join the transaction ends it, but aiokafka leaves its batches waiting: look at both."""
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
    """Outputs acknowledged, then the checkpoint; two producers for all partitions.

    The checkpoint is what recovery goes by, so the group's offsets, which only tell its lag, follow when they can:
    waiting for them too would make each batch, and what queues behind it, half as slow again.
    """

    def __init__(
        self, outputs: AIOKafkaProducer, checkpoints: AIOKafkaProducer, consumer: Any, partition: int, timeout_s: float
    ) -> None:
        self._outputs = outputs
        self._checkpoints = checkpoints
        self._consumer = consumer
        self._partition = partition
        self._timeout_s = timeout_s
        self._uncommitted: dict[Any, int] | None = None
        self._committing: asyncio.Task[None] | None = None

    def outbox(self) -> Outbox:
        return Outbox(self._outputs)

    async def publish(
        self, outbox: Outbox, checkpoint_topic: str, checkpoint: Sequence[tuple[bytes, bytes]], offsets: dict[Any, int]
    ) -> int:
        positions = Outbox(self._checkpoints)
        for key, value in checkpoint:
            positions.append(checkpoint_topic, key, value, [], None)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(self._timeout_s):
                await _send(self._outputs, outbox, self._partition)
                offset: int = await _send(self._checkpoints, positions, self._partition)
        except (KafkaError, OSError, TimeoutError) as error:
            raise translate(error, f"publishing partition {self._partition}") from None
        self._uncommitted = offsets
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_in(COMMIT_OFFSETS_EVERY_S))
        return offset

    async def stop(self) -> None:
        """Commit what is left; the producers are shared and closed by the worker."""
        if self._committing is not None and not self._committing.done():
            self._committing.cancel()
            await asyncio.gather(self._committing, return_exceptions=True)
        await self._commit_in(0)

    async def _commit_in(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._uncommitted:
            return
        offsets, self._uncommitted = self._uncommitted, None
        # a rebalance may refuse them
        with contextlib.suppress(KafkaError, IllegalOperation, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._consumer.commit(offsets)


async def supports_transactions(options: dict[str, Any], group_id: str) -> bool:
    """Ask for a producer id. Brokers without transactions refuse at once."""
    sender_log = logging.getLogger("aiokafka.producer.sender")
    was_disabled, sender_log.disabled = sender_log.disabled, True  # the refusal is an answer here, not an error
    probe = AIOKafkaProducer(**_options(options), transactional_id=f"{group_id}-probe")
    try:
        await unbroken(probe.start())
    except (UnknownBrokerError, UnsupportedVersionError):
        return False
    except (KafkaError, OSError) as error:
        raise translate(error, "asking the broker for transactions") from None
    finally:
        sender_log.disabled = was_disabled
        await close(probe)
    return True


async def shared_producer(options: dict[str, Any]) -> AIOKafkaProducer:
    """A producer that an at-least-once worker's partitions share."""
    producer = AIOKafkaProducer(**_options(options))
    try:
        await unbroken(producer.start())
    except (KafkaError, OSError) as error:
        await close(producer)
        raise translate(error, "connecting to the broker") from None
    except asyncio.CancelledError:
        await close(producer)
        raise
    return producer


async def close(producer: AIOKafkaProducer) -> None:
    """Stop a producer whatever state it is in, also when this task is cancelled meanwhile."""
    await unbroken(_close(producer))


async def _close(producer: AIOKafkaProducer) -> None:
    """``stop`` alone waits for what a dead broker never answers."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await producer.stop()
            return
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await producer._sender.close()
    await producer.client.close()


async def _send(producer: AIOKafkaProducer, outbox: Outbox, partition: int) -> int:
    """All batches, those of one topic in order; the offset of the first record of the last topic."""
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


async def _all(*awaitables: Awaitable[Any]) -> list[Any]:
    """Wait for all, also when one fails, so that no exception is left unlooked at; then raise the first."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


__all__ = [
    "AtLeastOnce",
    "ForbiddenError",
    "Outbox",
    "Publisher",
    "TopicPartition",
    "Transactional",
    "close",
    "shared_producer",
    "supports_transactions",
    "translate",
]
