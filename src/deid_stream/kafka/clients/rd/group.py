"""A member of a consumer group, by librdkafka.

One thread of ours waits for records and makes them ours; rebalances come up in that thread and are handed to the event
loop, which answers before the group goes on.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.rd.connecting import connect_error
from deid_stream.kafka.clients.rd.errors import cause_of, translate
from deid_stream.kafka.clients.rd.options import client_options
from deid_stream.kafka.clients.rd.records import UNREADABLE, in_record, unreadable
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause
from deid_stream.kafka.ports import Batches, GroupListener, GroupOptions
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model.json import JsonObject
from deid_stream.runtime.tasks import uninterrupted

Answer = TypeVar("Answer")

STALE_MS: Final = 5_000
"""A partition that has not answered for so long is not known to be read to its end."""
_STATISTICS_MS: Final = 1_000
_AT_ONCE: Final = 20_000
_CONNECT_S: Final = 10.0
_ASK_S: Final = 15.0
_SEEK_TRIES: Final = 200
_SEEK_S: Final = 0.01
"""A partition that was given a moment ago cannot be sought in yet."""
_REBALANCE_S: Final = 60.0
_TAKEN_AWAY: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
        KafkaError._STATE,
    }
)


class _Broker(msgspec.Struct):
    nodeid: int = -1
    rxidle: int = -1


class _Statistics(msgspec.Struct):
    """The part of librdkafka's statistics that is looked at: how long ago each broker answered (in microseconds)."""

    brokers: dict[str, _Broker] = {}


_statistics = msgspec.json.Decoder(_Statistics)


class RdGroupReader:
    """The port ``GroupReader``."""

    def __init__(self, connection: Connection, options: GroupOptions) -> None:
        self._connection = connection
        self._options = options
        self._about = options.group_id
        self._consumer: Any = None
        self._listener: GroupListener | None = None
        self._thread = ThreadPoolExecutor(1, "kafka-reader")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: dict[Place, int] = {}
        self._at_end: set[Place] = set()
        self._paused: set[Place] = set()
        self._heard_ms: int | None = None
        self._failed: BrokerError | None = None
        self._rebalancing = False

    def _configuration(self) -> JsonObject:
        options = self._options
        return client_options(self._connection) | {
            "group.id": options.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest" if options.from_end else "earliest",
            "isolation.level": options.isolation,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": options.session_timeout_ms,
            "heartbeat.interval.ms": options.session_timeout_ms // 5,
            "max.poll.interval.ms": max(options.max_poll_interval_ms, options.session_timeout_ms),
            "fetch.wait.max.ms": options.fetch_wait_ms,
            "max.partition.fetch.bytes": 2 << 20,
            "fetch.queue.backoff.ms": 20,
            "fetch.error.backoff.ms": 50,
            "queued.max.messages.kbytes": 16 << 10,
            "enable.partition.eof": True,
            "check.crcs": True,
            "statistics.interval.ms": _STATISTICS_MS,
            "stats_cb": self._on_statistics,
            "allow.auto.create.topics": False,
        }

    async def start(self, listener: GroupListener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        try:
            await uninterrupted(asyncio.to_thread(self._start))
        except KafkaException as error:
            raise await connect_error(error, self._connection, "joining the group") from None

    def _start(self) -> None:
        self._consumer = Consumer(self._configuration())
        self._consumer.list_topics(timeout=_CONNECT_S)
        self._consumer.subscribe(list(self._options.topics), on_assign=self._on_assign, on_revoke=self._on_revoke)

    # -- reading

    async def poll(self, timeout_ms: int) -> Batches:
        """Gathers for the group's linger, or ``timeout_ms`` where that is shorter."""
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        seconds = min(timeout_ms, self._options.linger_ms) / 1000
        assert self._loop is not None  # noqa: S101 - start comes first
        records, ends = await self._loop.run_in_executor(self._thread, self._consume, seconds)
        batches: dict[Place, list[InRecord]] = {}
        for place, found in records.items():
            position = self._next.get(place)
            if position is None:
                continue
            if found[0].offset < position:
                # on its way when it was sought in
                found = [record for record in found if record.offset >= position]
            if found:
                batches[place] = found
                self._next[place] = found[-1].offset + 1
                self._at_end.discard(place)
        for place, offset in ends.items():
            if offset >= self._next.get(place, offset + 1):
                self._next[place] = offset
                self._at_end.add(place)
        return batches

    def _consume(self, seconds: float) -> tuple[dict[Place, list[InRecord]], dict[Place, int]]:
        """In the reader's thread: what came, and the offsets of the ends that were reached after it."""
        records: dict[Place, list[InRecord]] = {}
        ends: dict[Place, int] = {}
        found: list[InRecord] = []
        last: tuple[str, int] | None = None
        try:
            messages = self._consumer.consume(_AT_ONCE, seconds)
        except KafkaException as failure:
            self._failed = translate(failure, "reading", group=self._about)
            return records, ends
        for message in messages:
            error = message.error()
            where = (message.topic(), message.partition())
            if error is not None and error.code() not in UNREADABLE:
                self._note(message, error, ends)
                continue
            if where != last:
                found = records.setdefault(Place(*where), [])
                last = where
                ends.pop(Place(*where), None)
            found.append(in_record(message) if error is None else unreadable(message, UNREADABLE[error.code()]))
        return records, ends

    def _note(self, message: Message, error: KafkaError, ends: dict[Place, int]) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            ends[Place(message.topic(), message.partition())] = message.offset()
        elif cause_of(error) is not Cause.OTHER or not error.retriable():
            self._failed = translate(error, "reading", topic=message.topic() or "", group=self._about)

    # -- where it stands

    def assignment(self) -> Collection[Place]:
        return set(self._next)

    async def seek(self, place: Place, offset: int) -> bool:
        """In the reader's thread, between two readings: what was read before is given as it is, and everything that is
        read afterwards comes from ``offset`` on; librdkafka drops what it had fetched."""
        assert self._loop is not None  # noqa: S101 - start comes first
        for _ in range(_SEEK_TRIES):
            if place not in self._next:
                return False
            if await self._loop.run_in_executor(self._thread, self._seek, place, offset):
                # readings end in the order in which they began: none that came after the seek has been looked at yet
                self._next[place] = offset
                self._at_end.discard(place)
                return True
            await asyncio.sleep(_SEEK_S)
        return False

    def _seek(self, place: Place, offset: int) -> bool:
        try:
            self._consumer.seek(TopicPartition(place.topic, place.partition, offset))
        except KafkaException:
            return False
        return True

    def pause(self, places: Collection[Place]) -> None:
        mine = {place for place in places if place in self._next} - self._paused
        self._paused |= mine
        if mine and not self._rebalancing:
            self._tell(self._consumer.pause, mine)

    def resume(self, places: Collection[Place]) -> None:
        mine = self._paused & set(places)
        self._paused -= mine
        if mine and not self._rebalancing:
            self._tell(self._consumer.resume, mine)

    @staticmethod
    def _tell(step: Callable[[list[TopicPartition]], object], places: Collection[Place]) -> None:
        """Pause or resume; what is not ours any more is passed over."""
        with contextlib.suppress(KafkaException):
            step([TopicPartition(place.topic, place.partition) for place in places])

    def paused(self) -> Collection[Place]:
        return self._paused

    async def position(self, place: Place) -> int:
        return max(0, self._next.get(place, 0))

    async def begin(self, place: Place) -> int:
        where = TopicPartition(place.topic, place.partition)
        low, _ = await self._ask(lambda: self._consumer.get_watermark_offsets(where, timeout=_ASK_S), place.topic)
        return int(low)

    async def committed(self, place: Place) -> int | None:
        where = TopicPartition(place.topic, place.partition)
        (found,) = await self._ask(lambda: self._consumer.committed([where], timeout=_ASK_S), place.topic)
        return int(found.offset) if found.offset >= 0 else None

    async def behind(self, place: Place) -> int | None:
        """Known to be 0 at an end that was reached; else counted up to the newest offset that the broker told."""
        position = self._next.get(place)
        if position is None or self._heard_ms is None or time.time() * 1000 - self._heard_ms > STALE_MS:
            return None
        if place in self._at_end:
            return 0
        try:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(place.topic, place.partition), cached=True)
        except KafkaException:
            return None
        return max(1, high - position) if high >= 0 and position >= 0 else None

    def heard_ms(self) -> int | None:
        return self._heard_ms

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        wanted = [TopicPartition(place.topic, place.partition, offset) for place, offset in offsets.items()]
        try:
            await asyncio.to_thread(lambda: self._consumer.commit(offsets=wanted, asynchronous=False))
        except KafkaException as error:
            if error.args[0].code() not in _TAKEN_AWAY:
                raise translate(error, "committing offsets", group=self._about) from None

    def metadata(self) -> Any:
        """Who this member is, for offsets that are committed in a transaction."""
        return self._consumer.consumer_group_metadata()

    async def _ask(self, ask: Callable[[], Answer], topic: str) -> Answer:
        try:
            return await asyncio.to_thread(ask)
        except KafkaException as error:
            raise translate(error, "asking where a partition stands", topic=topic, group=self._about) from None

    async def stop(self) -> None:
        await uninterrupted(self._stop())

    async def _stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaException, RuntimeError):
                await asyncio.get_running_loop().run_in_executor(self._thread, consumer.close)
        self._next.clear()
        self._thread.shutdown(wait=False)

    # -- librdkafka's own calls, in the reader's thread

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Nothing is fetched before ``GroupListener.assigned`` has said what is to wait."""
        consumer.assign(self._starts(consumer, partitions))
        places = {Place(where.topic, where.partition) for where in partitions}
        self._tell(consumer.pause, places)
        self._paused.clear()
        self._at_end.clear()
        self._next = dict.fromkeys(sorted(places), -1)
        self._wait(self._listener.assigned(sorted(places)) if self._listener else _nothing())
        self._tell(consumer.resume, places - self._paused)

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        places = [Place(where.topic, where.partition) for where in partitions]
        self._wait(self._listener.revoked(places) if self._listener else _nothing())
        self._next.clear()
        self._paused.clear()

    def _starts(self, consumer: Any, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Each partition at an offset that is a number. Where librdkafka has to ask for it first, its answer comes
        after a ``seek`` and undoes it: records would be passed over."""
        starts = []
        for where in consumer.committed(partitions, timeout=_ASK_S):
            if where.offset < 0:
                low, high = consumer.get_watermark_offsets(where, timeout=_ASK_S)
                where.offset = high if self._options.from_end else low
            starts.append(where)
        return starts

    def _wait(self, work: Coroutine[object, None, None]) -> None:
        """Let the event loop do it, and wait for it. Meanwhile librdkafka would not answer another thread's ``pause``,
        nor give Python back: that is only noted."""
        assert self._loop is not None  # noqa: S101 - start comes first
        self._rebalancing = True
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result(_REBALANCE_S)
        finally:
            self._rebalancing = False

    def _on_statistics(self, raw: str) -> None:
        brokers = _statistics.decode(raw).brokers.values()
        idle_us = [broker.rxidle for broker in brokers if broker.nodeid >= 0 and broker.rxidle >= 0]
        if idle_us:
            self._heard_ms = int(time.time() * 1000 - min(idle_us) / 1000)


async def _nothing() -> None:
    pass
