"""Writes each partition's batches with a librdkafka producer of its own.

Records are handed to librdkafka on the event loop, a microsecond or two apiece, and its answers are taken there
(``deliveries``); only what a transaction asks of the broker beside that waits in a thread.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.rd.deliveries import Deliveries
from deid_stream.kafka.clients.rd.errors import translate
from deid_stream.kafka.clients.rd.group import RdGroupReader
from deid_stream.kafka.clients.rd.options import client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause, broker_error
from deid_stream.kafka.late_offsets import LateOffsets
from deid_stream.kafka.ports import GroupReader, Publisher
from deid_stream.kafka.record import Place
from deid_stream.model.json import JsonObject
from deid_stream.runtime.tasks import uninterrupted

_THREADS: Final = 32
"""Transactions that may wait for the broker at the same time; partitions beyond that take turns."""
_LINGER_MS: Final = 1
"""How long a batch gathers in librdkafka. Larger: each batch comes later; smaller: it may be cut into several
requests while it is being put together."""

Record = tuple[str, bytes | None, bytes | None, list[tuple[str, bytes]], int]


class RdOutbox:
    """The port ``Outbox``: a list."""

    def __init__(self) -> None:
        self.out: list[Record] = []

    @property
    def records(self) -> int:
        return len(self.out)

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for record in self.out:
            counts[record[0]] = counts.get(record[0], 0) + 1
        return counts

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        self.out.append((topic, key, value, headers, time_ms))


class _Waits(NamedTuple):
    """What all publishers of a worker use together."""

    deliveries: Deliveries
    threads: ThreadPoolExecutor
    timeout_s: float


class _Sending:
    """What the two kinds of publishers share."""

    def __init__(self, options: JsonObject, partition: int, waits: _Waits) -> None:
        self._partition = partition
        self._deliveries, self._threads, self._timeout_s = waits
        self._first = -1
        self._error: KafkaError | None = None
        self._producer: Any = Producer(
            options
            | {
                "acks": "all",
                "linger.ms": _LINGER_MS,
                "queue.buffering.max.messages": 1_000_000,
                "delivery.report.only.error": False,
                "request.timeout.ms": 15_000,
                "delivery.timeout.ms": int(self._timeout_s * 1000),
                "retry.backoff.ms": 50,
                "on_delivery": self._failed_record,
            }
        )

    def outbox(self) -> RdOutbox:
        return RdOutbox()

    def _failed_record(self, error: KafkaError | None, _message: object) -> None:
        if error is not None and self._error is None:
            self._error = error

    def _put(self, records: Sequence[Record]) -> None:
        produce, partition = self._producer.produce, self._partition
        for topic, key, value, headers, time_ms in records:
            produce(topic, value, key, partition, timestamp=time_ms, headers=headers)

    def _put_checkpoint(self, topic: str, checkpoint: Sequence[tuple[bytes, bytes]]) -> None:
        self._first = -1
        for number, (key, value) in enumerate(checkpoint):
            told = self._first_delivered if number == 0 else self._failed_record
            self._producer.produce(topic, value, key, self._partition, on_delivery=told)

    def _first_delivered(self, error: KafkaError | None, message: Any) -> None:
        self._failed_record(error, message)
        if error is None:
            self._first = message.offset()

    async def _delivered(self) -> None:
        """Wait until everything is acknowledged. Raises KafkaException."""
        left = await self._deliveries.of(self._producer, self._timeout_s)
        if self._error is not None:
            raise KafkaException(self._error)
        if left:
            raise broker_error(Cause.SILENT, f"publishing partition {self._partition}")

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _close(self) -> None:
        """Close the producer without waiting for records that are not acknowledged: their batch has failed or was given
        up."""
        self._producer.purge()
        with contextlib.suppress(KafkaException):
            await uninterrupted(self._in_thread(lambda: self._producer.flush(0)))


class Transactional(_Sending):
    """Writes each batch in one transaction. The transactional id names the input partition, so a new owner fences the
    old one."""

    def __init__(
        self,
        options: JsonObject,
        partition: int,
        waits: _Waits,
        *,
        transactional_id: str,
        group: GroupReader,
    ) -> None:
        transactional = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(waits.timeout_s * 1000) + 10_000,
        }
        super().__init__(options | transactional, partition, waits)
        self._id = transactional_id
        assert isinstance(group, RdGroupReader)  # noqa: S101 - one client reads and writes
        self._group = group

    async def start(self) -> None:
        """Fence the partition's last owner, and wait until the broker has ended the transaction that it left open."""
        try:
            await uninterrupted(self._in_thread(lambda: self._producer.init_transactions(self._timeout_s)))
        except KafkaException as error:
            await self.stop()
            raise translate(error, f"taking over partition {self._partition}", id_=self._id) from None
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def publish(
        self,
        outbox: Any,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        named = [TopicPartition(place.topic, place.partition, offset) for place, offset in offsets.items()]
        try:
            self._producer.begin_transaction()
            self._put(outbox.out)
            self._put_checkpoint(checkpoint_topic, checkpoint)
            await asyncio.gather(self._delivered(), self._in_thread(lambda: self._send_offsets(named)))
            await self._in_thread(lambda: self._producer.commit_transaction(self._timeout_s))
        except (KafkaException, BufferError) as error:
            raise self._translated(error) from None
        return self._first

    def _send_offsets(self, offsets: list[TopicPartition]) -> None:
        if offsets:
            self._producer.send_offsets_to_transaction(offsets, self._group.metadata(), self._timeout_s)

    def _translated(self, error: BaseException) -> BrokerError:
        """The error to raise: that of a record that failed, where there is one, since it says more than that of the
        transaction."""
        with contextlib.suppress(KafkaException):
            self._producer.poll(0)
        doing = f"publishing partition {self._partition}"
        if self._error is not None and self._error.code() != KafkaError._PURGE_QUEUE:
            return translate(KafkaException(self._error), doing, id_=self._id)
        return translate(error, doing, id_=self._id)

    async def stop(self) -> None:
        await self._close()


class AtLeastOnce(_Sending):
    """Writes the outputs, waits until they are acknowledged, then writes the checkpoint. Recovery goes by the
    checkpoint, and the group's offsets only show its lag, so they are committed later: waiting for them would make each
    batch take half as long again."""

    def __init__(
        self,
        options: JsonObject,
        partition: int,
        waits: _Waits,
        *,
        group: GroupReader,
    ) -> None:
        # without idempotence, a second request on its way could overtake one that is tried again
        super().__init__(options | {"max.in.flight": 1}, partition, waits)
        self._late = LateOffsets(group, waits.timeout_s)

    async def publish(
        self,
        outbox: Any,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        doing = f"publishing partition {self._partition}"
        try:
            if outbox.out:
                self._put(outbox.out)
                await self._delivered()
            self._put_checkpoint(checkpoint_topic, checkpoint)
            await self._delivered()
        except (KafkaException, BufferError) as error:
            raise translate(error, doing) from None
        self._late.note(offsets)
        return self._first

    async def stop(self) -> None:
        """Commit what is left."""
        await self._late.stop()
        await self._close()


class RdPublishers:
    """The port ``Publishers``."""

    def __init__(
        self, connection: Connection, group_id: str, prefix: str, *, transactions: bool, timeout_s: float
    ) -> None:
        self._options = client_options(connection)
        self._name = f"{group_id}-{prefix}"
        self._transactions = transactions
        self._threads = ThreadPoolExecutor(_THREADS, "kafka-writer")
        self._waits = _Waits(Deliveries(), self._threads, timeout_s)

    async def open(self, partition: int, group: GroupReader) -> Publisher:
        if not self._transactions:
            return AtLeastOnce(self._options, partition, self._waits, group=group)
        publisher = Transactional(
            self._options,
            partition,
            self._waits,
            transactional_id=f"{self._name}{partition}",
            group=group,
        )
        await publisher.start()
        return publisher

    async def stop(self) -> None:
        self._threads.shutdown(wait=False)
