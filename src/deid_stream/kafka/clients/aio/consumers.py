"""Reads with aiokafka, as a member of a group and outside any."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError

from deid_stream.kafka.clients.aio.careful import CarefulPoll, unreadable
from deid_stream.kafka.clients.aio.errors import start, translated
from deid_stream.kafka.clients.aio.options import REQUEST_TIMEOUT_MS, client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import Batches, GroupListener, GroupOptions, Isolation
from deid_stream.kafka.record import Place
from deid_stream.runtime.tasks import uninterrupted

_FETCH_WAIT_MS: Final = 20
_FOLLOW_WAIT_MS: Final = 200
"""The same for a topic that is followed. The embedded broker answers when half of it is over, whatever has come.
Larger: what comes is told later; smaller: a program with nothing to do asks more often, at half a millisecond each."""
_STOP_STEP_S: Final = 0.2
_FETCH_BYTES: Final = 4 << 20
_KNOWN_TRIES: Final = 5
_BETWEEN_S: Final = 0.2
"""A topic that was created a moment ago may not be known to every broker yet."""
_END_S: Final = 15.0
"""Longest wait for the broker to say where a partition ends."""
STALE_MS: Final = 5_000
"""A partition that has not answered for so long is not known to be read to its end."""


def _where(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


class AioLogReader:
    """The port ``LogReader``."""

    def __init__(self, consumer: AIOKafkaConsumer, connection: Connection, isolation: Isolation) -> None:
        self._consumer = consumer
        self._isolation = isolation
        self._careful = CarefulPoll(consumer, connection, isolation)

    async def partitions(self, topic: str) -> list[Place]:
        async with translated(f"looking for {topic}", topic):
            for attempt in range(_KNOWN_TRIES):
                if attempt:
                    await asyncio.sleep(_BETWEEN_S)
                # looked for before it is asked about: that may create it
                if topic in await self._consumer.topics():
                    numbers: set[int] = await self._consumer._client._wait_on_metadata(topic)
                    return [Place(topic, number) for number in sorted(numbers)]
        return []

    async def begin(self, place: Place) -> int:
        async with translated(f"reading {place.topic}", place.topic):
            found: dict[TopicPartition, int] = await self._consumer.beginning_offsets([_where(place)])
        return found[_where(place)]

    async def end(self, place: Place) -> int:
        """See ``LogReader.end``. The embedded broker lists a wrong end (the first offset of its last batch, plus one),
        so the answer to a fetch is used as well."""
        where, consumer = _where(place), self._consumer
        # a short wait, also for a reader that follows a topic: at the end there is nothing to fetch, and the next
        # request waits for this answer (0.75 s per partition with the long wait, which ``assign`` sets again)
        consumer._fetcher._fetch_max_wait_ms = _FETCH_WAIT_MS
        async with translated(f"reading {place.topic}", place.topic):
            listed: int = (await consumer.end_offsets([where]))[where]
            consumer.assign([where])
            consumer.seek(where, listed)
            async with asyncio.timeout(_END_S):
                while (told := known_end(consumer, where, self._isolation)) is None:
                    await self._fetch_once(where)
        return max(listed, told)

    async def _fetch_once(self, where: TopicPartition) -> None:
        try:
            await self._consumer.getmany(where, timeout_ms=_FETCH_WAIT_MS)
        except Exception as error:
            # what came meanwhile may be unreadable; the answer has told the end all the same
            if unreadable(error) is None:
                raise

    async def offset_at(self, place: Place, time_ms: int) -> int | None:
        async with translated(f"reading {place.topic}", place.topic):
            found = (await self._consumer.offsets_for_times({_where(place): time_ms}))[_where(place)]
        return None if found is None else int(found.offset)

    def assign(self, starts: Mapping[Place, int]) -> None:
        self._careful.next.clear()
        self._consumer._fetcher._fetch_max_wait_ms = self._consumer._fetch_max_wait_ms
        self._consumer.assign([_where(place) for place in starts])
        for place, offset in starts.items():
            self._careful.seek(_where(place), offset)

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> Batches:
        async with translated("reading"):
            return await self._careful.poll(timeout_ms, max_records)

    async def position(self, place: Place) -> int:
        async with translated(f"reading {place.topic}", place.topic):
            position: int = await self._consumer.position(_where(place))
        return position

    def heard_ms(self, place: Place) -> int | None:
        heard: int | None = self._consumer.last_poll_timestamp(_where(place))
        return heard


def known_end(consumer: AIOKafkaConsumer, where: TopicPartition, isolation: Isolation) -> int | None:
    """The offset behind the last record that may be read, from the broker's last answer; None: there is none yet."""
    told: int | None = consumer.last_stable_offset(where) if isolation == "read_committed" else None
    if told is None or told < 0:
        told = consumer.highwater(where)
    return told


@asynccontextmanager
async def log_reader(
    connection: Connection, isolation: Isolation, *, follows: bool = False
) -> AsyncIterator[AioLogReader]:
    """Connects on entering, closes whatever happens."""
    consumer = AIOKafkaConsumer(
        **client_options(connection),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
        fetch_max_wait_ms=_FOLLOW_WAIT_MS if follows else _FETCH_WAIT_MS,
        max_partition_fetch_bytes=_FETCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=50,
    )
    try:
        await start(consumer, connection)
        yield AioLogReader(consumer, connection, isolation)
    finally:
        await stop_consumer(consumer)


class AioGroupOffsets:
    """The port ``GroupOffsets``."""

    def __init__(self, consumer: AIOKafkaConsumer, group_id: str) -> None:
        self._consumer = consumer
        self._about = f"group {group_id}"

    async def committed(self, place: Place) -> int | None:
        async with translated("asking where the group stands", self._about):
            offset: int | None = await self._consumer.committed(_where(place))
        return offset

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        async with translated("committing offsets", self._about):
            with contextlib.suppress(CommitFailedError, IllegalStateError):
                await self._consumer.commit({_where(place): offset for place, offset in offsets.items()})


class _AnyPlace(AioGroupOffsets):
    """aiokafka commits only for partitions that are assigned."""

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        self._consumer.assign([_where(place) for place in offsets])
        await super().commit(offsets)


@asynccontextmanager
async def group_offsets(connection: Connection, group_id: str) -> AsyncIterator[AioGroupOffsets]:
    """Connects on entering, closes whatever happens; never joins the group."""
    consumer = AIOKafkaConsumer(**client_options(connection), group_id=group_id, enable_auto_commit=False)
    try:
        await start(consumer, connection)
        yield _AnyPlace(consumer, group_id)
    finally:
        await stop_consumer(consumer)


class AioGroupReader(AioGroupOffsets, ConsumerRebalanceListener):  # type: ignore[misc]
    """The port ``GroupReader``."""

    def __init__(self, connection: Connection, options: GroupOptions) -> None:
        self._connection = connection
        self._options = options
        self._listener: GroupListener | None = None
        consumer = AIOKafkaConsumer(
            **client_options(connection),
            group_id=options.group_id,
            enable_auto_commit=False,
            auto_offset_reset="latest" if options.from_end else "earliest",
            isolation_level=options.isolation,
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=options.session_timeout_ms,
            heartbeat_interval_ms=options.session_timeout_ms // 5,
            max_poll_interval_ms=options.max_poll_interval_ms,
            rebalance_timeout_ms=30_000,
            fetch_max_wait_ms=options.fetch_wait_ms,
            max_partition_fetch_bytes=2 << 20,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=50,
        )
        super().__init__(consumer, options.group_id)
        self._careful = CarefulPoll(consumer, connection, options.isolation)

    async def start(self, listener: GroupListener) -> None:
        self._listener = listener
        await start(self._consumer, self._connection, "joining the group")
        self._consumer.subscribe(list(self._options.topics), listener=self)

    async def poll(self, timeout_ms: int) -> Batches:
        await asyncio.sleep(self._options.linger_ms / 1000)
        async with translated("reading", f"group {self._options.group_id}"):
            return await self._careful.poll(timeout_ms)

    def assignment(self) -> Collection[Place]:
        return {Place(where.topic, where.partition) for where in self._consumer.assignment()}

    async def seek(self, place: Place, offset: int) -> bool:
        try:
            self._careful.seek(_where(place), offset)
        except IllegalStateError:
            return False
        return True

    def pause(self, places: Collection[Place]) -> None:
        for place in places:
            with contextlib.suppress(IllegalStateError):
                self._consumer.pause(_where(place))

    def resume(self, places: Collection[Place]) -> None:
        for place in places:
            with contextlib.suppress(IllegalStateError):
                self._consumer.resume(_where(place))

    def paused(self) -> Collection[Place]:
        return {Place(where.topic, where.partition) for where in self._consumer.paused()}

    async def position(self, place: Place) -> int:
        async with translated(f"reading {place.topic}", place.topic):
            position: int = await self._consumer.position(_where(place))
        return position

    async def begin(self, place: Place) -> int:
        async with translated(f"reading {place.topic}", place.topic):
            found: dict[TopicPartition, int] = await self._consumer.beginning_offsets([_where(place)])
        return found[_where(place)]

    async def behind(self, place: Place) -> int | None:
        where = _where(place)
        try:
            heard_ms = self._consumer.last_poll_timestamp(where)
            if heard_ms is None or time.time() * 1000 - heard_ms > STALE_MS:
                return None
            end = known_end(self._consumer, where, self._options.isolation)
            return None if end is None else max(0, end - await self._consumer.position(where))
        except IllegalStateError:
            return None

    def heard_ms(self) -> int | None:
        times = (self._consumer.last_poll_timestamp(where) for where in self._consumer.assignment())
        return max((time for time in times if time is not None), default=None)

    async def stop(self) -> None:
        await stop_consumer(self._consumer)

    # -- aiokafka's own names

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        gone = set(revoked)
        assert self._listener is not None  # noqa: S101 - start comes first
        await self._listener.revoked([Place(where.topic, where.partition) for where in gone])
        self._careful.forget(gone)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        assert self._listener is not None  # noqa: S101 - start comes first
        await self._listener.assigned([Place(where.topic, where.partition) for where in assigned])


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, also when this task is cancelled meanwhile or the broker is away."""
    await uninterrupted(_stop(consumer))


async def _stop(consumer: AIOKafkaConsumer) -> None:
    stopping = asyncio.ensure_future(consumer.stop())
    while not stopping.done():
        await asyncio.wait({stopping}, timeout=_STOP_STEP_S)
        if not stopping.done() and consumer._fetcher:
            # cancelled while it waits for a fetch that it has cancelled itself (after ``assign``), aiokafka's fetching
            # task takes the one cancellation for the other and goes on for ever
            consumer._fetcher._fetch_task.cancel()
    if not stopping.cancelled():
        stopping.result()
        return
    # aiokafka cancels a fetch that waits to be tried again, lets that cancellation out, and goes no further: other
    # fetches would go on and open connections behind a client that has closed
    fetches = list(consumer._fetcher._pending_tasks) if consumer._fetcher else []
    for fetch in fetches:
        fetch.cancel()
    await asyncio.gather(*fetches, return_exceptions=True)
    await consumer._client.close()
