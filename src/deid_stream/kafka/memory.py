"""A broker in this process's memory, behind the same ports: for tests, never for calls.

It keeps what the ports promise but deletes nothing; ``fault`` is asked before each step, so that a test can fail it.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from deid_stream.errors import FencedError, TopicError
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause, broker_error
from deid_stream.kafka.ports import (
    Admin,
    Batches,
    GroupListener,
    GroupOffsets,
    GroupOptions,
    GroupReader,
    Isolation,
    LogReader,
    NewTopic,
    Publisher,
    Publishers,
    Sender,
)
from deid_stream.kafka.record import InRecord, OutRecord, Place

T = TypeVar("T")


class MemoryBroker:
    """``transactions`` says whether it has them. ``fault`` may raise a BrokerError: it is told the step (``outputs``,
    ``checkpoint``, ``commit``, ``answer``, the last after everything is visible) and the partition number."""

    def __init__(self, *, transactions: bool = True, wall: Callable[[], float] = time.time) -> None:
        self.transactions = transactions
        self.wall = wall
        self.logs: dict[Place, list[InRecord]] = {}
        self.settings: dict[str, Mapping[str, str]] = {}
        self.committed: dict[tuple[str, Place], int] = {}
        self.epochs: dict[str, int] = {}
        self.groups: dict[str, list[MemoryGroupReader]] = {}
        self.fault: Callable[[str, int], None] = lambda _step, _partition: None
        self.on_read: Callable[[Place], None] = lambda _place: None
        """Asked before records of a partition are given; may raise."""
        self._waiting: set[asyncio.Future[None]] = set()

    def connect(self, client_id: str = "memory") -> "MemoryKafka":
        return MemoryKafka(self, Connection(servers=("memory:9092",), client_id=client_id))

    def places(self, topic: str) -> list[Place]:
        return sorted(place for place in self.logs if place.topic == topic)

    def append(self, record: OutRecord) -> int:
        """Append a record and return its offset. Raises BrokerError where the topic is missing."""
        places = self.places(record.topic)
        number = zlib.crc32(record.key or b"") % max(1, len(places)) if record.partition is None else record.partition
        log = self.logs.get(Place(record.topic, number))
        if log is None:
            raise broker_error(Cause.NO_TOPIC, "sending records", where=record.topic)
        stamp = int(self.wall() * 1000) if record.timestamp_ms is None else record.timestamp_ms
        log.append(InRecord(record.topic, number, len(log), stamp, record.key, record.value, tuple(record.headers)))
        self.wake()
        return len(log) - 1

    def put_unreadable(self, place: Place, reason: str) -> None:
        """Append a record that no client can read."""
        self.logs[place].append(InRecord(*place, len(self.logs[place]), 0, None, None, (), reason))

    async def news(self, timeout_ms: int) -> None:
        """Wait until something is appended, ``timeout_ms`` at most."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(news)
        await asyncio.wait({news}, timeout=timeout_ms / 1000)
        self._waiting.discard(news)

    def wake(self) -> None:
        """Wake every reader that waits in ``news``."""
        while self._waiting:
            news = self._waiting.pop()
            if not news.done():
                news.set_result(None)


class _Reading:
    """Where a reader stands."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.next: dict[Place, int] = {}
        self.paused: set[Place] = set()

    def take(self, max_records: int | None) -> dict[Place, list[InRecord]]:
        found = {}
        for place, offset in self.next.items():
            if place in self.paused:
                continue
            records = self._broker.logs[place][offset : None if max_records is None else offset + max_records]
            if records:
                self._broker.on_read(place)
                found[place] = records
        for place, records in found.items():
            self.next[place] = records[-1].offset + 1
        return found

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> dict[Place, list[InRecord]]:
        found = self.take(max_records)
        if not found:
            await self._broker.news(timeout_ms)
            found = self.take(max_records)
        return found


class MemoryLogReader:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._reading = _Reading(broker)

    async def partitions(self, topic: str) -> list[Place]:
        return self._broker.places(topic)

    async def begin(self, place: Place) -> int:
        return 0

    async def end(self, place: Place) -> int:
        return len(self._broker.logs[place])

    async def offset_at(self, place: Place, time_ms: int) -> int | None:
        return next((r.offset for r in self._broker.logs[place] if r.timestamp >= time_ms), None)

    def assign(self, starts: Mapping[Place, int]) -> None:
        self._reading.next = dict(starts)

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> Batches:
        return await self._reading.poll(timeout_ms, max_records)

    async def position(self, place: Place) -> int:
        return self._reading.next[place]

    def heard_ms(self, place: Place) -> int | None:
        return int(self._broker.wall() * 1000)


class MemoryGroupOffsets:
    def __init__(self, broker: MemoryBroker, group_id: str) -> None:
        self._broker = broker
        self._group_id = group_id

    async def committed(self, place: Place) -> int | None:
        return self._broker.committed.get((self._group_id, place))

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        for place, offset in offsets.items():
            self._broker.committed[self._group_id, place] = offset


class MemoryGroupReader(MemoryGroupOffsets):
    """A partition is given to its next owner once the last one has let go of it."""

    def __init__(self, broker: MemoryBroker, options: GroupOptions) -> None:
        super().__init__(broker, options.group_id)
        self._options = options
        self._reading = _Reading(broker)
        self._members = broker.groups.setdefault(options.group_id, [])
        self._listener: GroupListener | None = None

    async def start(self, listener: GroupListener) -> None:
        self._listener = listener
        self._members.append(self)

    async def poll(self, timeout_ms: int) -> Batches:
        await self._share()
        return await self._reading.poll(timeout_ms)

    async def _share(self) -> None:
        assert self._listener is not None  # noqa: S101 - start comes first
        wanted = self._wanted()
        gone = self.assignment() - wanted
        if gone:
            await self._listener.revoked(gone)
            self._drop(gone)
        held = {place for member in self._members if member is not self for place in member.assignment()}
        new = wanted - self.assignment() - held
        if new:
            for place in new:
                committed = await self.committed(place)
                first = len(self._broker.logs[place]) if self._options.from_end else 0
                self._reading.next[place] = first if committed is None else committed
            await self._listener.assigned(new)

    def _wanted(self) -> set[Place]:
        """By range: the same numbers of every topic."""
        mine = self._members.index(self)
        return {
            place
            for topic in self._options.topics
            for place in self._broker.places(topic)
            if place.partition * len(self._members) // len(self._broker.places(topic)) == mine
        }

    def _drop(self, places: Collection[Place]) -> None:
        for place in places:
            self._reading.next.pop(place, None)
            self._reading.paused.discard(place)
        self._broker.wake()

    def assignment(self) -> set[Place]:
        return set(self._reading.next)

    async def seek(self, place: Place, offset: int) -> bool:
        if place not in self._reading.next:
            return False
        self._reading.next[place] = offset
        return True

    def pause(self, places: Collection[Place]) -> None:
        self._reading.paused |= self.assignment() & set(places)

    def resume(self, places: Collection[Place]) -> None:
        self._reading.paused -= set(places)
        self._broker.wake()

    def paused(self) -> Collection[Place]:
        return self._reading.paused.copy()

    async def position(self, place: Place) -> int:
        return self._reading.next[place]

    async def begin(self, place: Place) -> int:
        return 0

    async def behind(self, place: Place) -> int | None:
        offset = self._reading.next.get(place)
        return None if offset is None else len(self._broker.logs[place]) - offset

    def heard_ms(self) -> int | None:
        return int(self._broker.wall() * 1000)

    async def stop(self) -> None:
        if self in self._members:
            self._members.remove(self)
        self._drop(list(self._reading.next))


class MemoryOutbox:
    def __init__(self) -> None:
        self.out: list[OutRecord] = []
        self.records = 0
        self.counts: dict[str, int] = {}

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        self.out.append(OutRecord(topic, key, value, headers, time_ms))
        self.records += 1
        self.counts[topic] = self.counts.get(topic, 0) + 1


class MemoryPublisher:
    """Of one partition number; ``transactional_id`` is empty where the broker has no transactions."""

    def __init__(self, broker: MemoryBroker, partition: int, group: GroupReader, group_id: str, transactional_id: str):
        self._broker = broker
        self._partition = partition
        self._group = group
        self._group_id = group_id
        self._id = transactional_id
        self._epoch = broker.epochs[transactional_id] = broker.epochs.get(transactional_id, 0) + 1

    def outbox(self) -> MemoryOutbox:
        return MemoryOutbox()

    async def publish(
        self,
        outbox: Any,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        outputs = [record._replace(partition=self._partition) for record in outbox.out]
        positions = [OutRecord(checkpoint_topic, key, value, (), None, self._partition) for key, value in checkpoint]
        await asyncio.sleep(0)
        fault, number = self._broker.fault, self._partition
        if not self._id:
            fault("outputs", number)
            self._append(outputs)
            fault("checkpoint", number)
            first = self._append(positions)
            await self._group.commit(offsets)
        else:
            for step in ("outputs", "checkpoint", "commit"):
                fault(step, number)
            if self._broker.epochs[self._id] != self._epoch:
                raise FencedError(f"publishing partition {number}: another worker has taken the partition over")
            self._append(outputs)
            first = self._append(positions)
            for place, offset in offsets.items():
                self._broker.committed[self._group_id, place] = offset
        fault("answer", number)
        return first

    def _append(self, records: Sequence[OutRecord]) -> int:
        """Append records; the offset of the first one, -1 where there is none."""
        return ([self._broker.append(record) for record in records] or [-1])[0]

    async def stop(self) -> None:
        await asyncio.sleep(0)


class MemoryPublishers:
    def __init__(self, broker: MemoryBroker, group_id: str, prefix: str, *, transactions: bool) -> None:
        self._broker = broker
        self._group_id = group_id
        self._prefix = prefix
        self._transactions = transactions

    async def open(self, partition: int, group: GroupReader) -> Publisher:
        name = f"{self._group_id}-{self._prefix}{partition}" if self._transactions else ""
        made: Publisher = MemoryPublisher(self._broker, partition, group, self._group_id, name)
        return made

    async def stop(self) -> None:
        await asyncio.sleep(0)


class MemorySender:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, records: Sequence[OutRecord]) -> None:
        for record in records:
            self._broker.append(record)


class MemoryAdmin:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def brokers(self) -> int:
        return 1

    async def topics(self) -> set[str]:
        return set(self._broker.settings)

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        return {topic: len(self._broker.places(topic)) for topic in topics}

    async def configs(self, topics: Collection[str]) -> dict[str, dict[str, str]]:
        return {topic: dict(self._broker.settings[topic]) for topic in topics}

    async def create(self, topics: Sequence[NewTopic]) -> None:
        for topic in topics:
            if topic.replication_factor > 1:
                raise TopicError(f"the broker refused to create {topic.name}: InvalidReplicationFactorError")
            if topic.name in self._broker.settings:
                continue
            self._broker.settings[topic.name] = topic.configs
            for number in range(topic.partitions):
                self._broker.logs[Place(topic.name, number)] = []

    async def delete_records(self, before: Mapping[Place, int]) -> None:
        raise TopicError("the broker in memory cannot delete records")


class MemoryKafka:
    """The port ``Kafka``."""

    def __init__(self, broker: MemoryBroker, connection: Connection) -> None:
        self.connection = connection
        self.broker = broker

    def log_reader(self, isolation: Isolation, *, follows: bool = False) -> AbstractAsyncContextManager[LogReader]:
        return _opened(MemoryLogReader(self.broker))

    def group_reader(self, options: GroupOptions) -> GroupReader:
        return MemoryGroupReader(self.broker, options)

    def group_offsets(self, group_id: str) -> AbstractAsyncContextManager[GroupOffsets]:
        return _opened(MemoryGroupOffsets(self.broker, group_id))

    def sender(self) -> AbstractAsyncContextManager[Sender]:
        return _opened(MemorySender(self.broker))

    def admin(self) -> AbstractAsyncContextManager[Admin]:
        return _opened(MemoryAdmin(self.broker))

    async def supports_transactions(self, group_id: str) -> bool:
        return self.broker.transactions

    def publishers(self, group_id: str, prefix: str, *, transactions: bool, timeout_s: float) -> Publishers:
        return MemoryPublishers(self.broker, group_id, prefix, transactions=transactions)


@asynccontextmanager
async def _opened(made: T) -> AsyncIterator[T]:
    yield made
