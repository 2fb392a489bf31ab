"""A member of a consumer group, by librdkafka.

One thread reads (``reading``); everything that decides stays on the event loop, which keeps the table of partitions
(``partitions``) and is woken once per reading. Rebalances come up in the thread and are handed to the event loop, which
answers before the group goes on.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.rd.connecting import connect_error
from deid_stream.kafka.clients.rd.errors import translate
from deid_stream.kafka.clients.rd.partitions import PartitionTable
from deid_stream.kafka.clients.rd.reading import ReadingThread
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import Batches, GroupListener, GroupOptions
from deid_stream.kafka.record import Place
from deid_stream.runtime.tasks import uninterrupted

Answer = TypeVar("Answer")

STALE_MS: Final = 5_000
"""A partition that has not answered for so long is not known to be read to its end."""
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


class RdGroupReader:
    """The port ``GroupReader``."""

    def __init__(self, connection: Connection, options: GroupOptions) -> None:
        self._connection = connection
        self._options = options
        self._about = options.group_id
        self._listener: GroupListener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, "kafka-reader")
        self._reading: ReadingThread | None = None
        self._table = PartitionTable()
        self._failed: BrokerError | None = None

    async def start(self, listener: GroupListener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        try:
            await uninterrupted(self._in_thread(self._start))
        except KafkaException as error:
            raise await connect_error(error, self._connection, "joining the group") from None

    def _start(self) -> None:
        self._reading = ReadingThread(self._connection, self._options, self._on_assigned, self._on_revoked)
        self._reading.join()

    @property
    def _started(self) -> ReadingThread:
        assert self._reading is not None  # noqa: S101 - start comes first
        return self._reading

    # -- reading

    async def poll(self, timeout_ms: int) -> Batches:
        """See ``GroupReader.poll``. From the first record on, gathers for the group's ``linger_ms``, or for
        ``timeout_ms`` where that is shorter."""
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        wait_s, gather_s = timeout_ms / 1000, min(timeout_ms, self._options.linger_ms) / 1000
        plan, reading = self._table.plan(), self._started
        try:
            turn = await self._in_thread(lambda: reading.turn(plan, wait_s, gather_s))
        except BaseException:
            # what may have been fetched by then reaches nobody
            self._table.again()
            raise
        self._failed = turn.failed
        return self._table.took(turn)

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # -- where it stands

    def assignment(self) -> Collection[Place]:
        return self._table.places()

    async def seek(self, place: Place, offset: int) -> bool:
        return self._table.seek(place, offset)

    def pause(self, places: Collection[Place]) -> None:
        self._table.pause(places)

    def resume(self, places: Collection[Place]) -> None:
        self._table.resume(places)

    def paused(self) -> Collection[Place]:
        return self._table.paused()

    async def position(self, place: Place) -> int:
        """See ``LogReader.position``. Before the first reading it is the offset at which reading will begin."""
        known = self._table.position(place)
        if known is not None:
            return known
        return await self._ask(lambda: self._started.ask_start(place), place.topic)

    async def begin(self, place: Place) -> int:
        return await self._ask(lambda: self._started.ask_begin(place), place.topic)

    async def committed(self, place: Place) -> int | None:
        return await self._ask(lambda: self._started.ask_committed(place), place.topic)

    async def behind(self, place: Place) -> int | None:
        """See ``GroupReader.behind``: 0 at an end that was reached, else counted up to the newest offset that the
        broker has named."""
        position, reading = self._table.position(place), self._reading
        if position is None or reading is None:
            return None
        heard_ms = reading.read_heard_ms(place)
        if heard_ms is None or time.time() * 1000 - heard_ms > STALE_MS:
            return None
        if self._table.at_end(place):
            return 0
        end = reading.known_end(place)
        return None if end is None else max(1, end - position)

    def heard_ms(self) -> int | None:
        return self._reading.heard_ms() if self._reading is not None else None

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        try:
            await asyncio.to_thread(self._started.commit, offsets)
        except KafkaException as error:
            if error.args[0].code() not in _TAKEN_AWAY:
                raise translate(error, "committing offsets", group=self._about) from None

    def metadata(self) -> Any:
        """The member's identity in the group, for offsets that are committed in a transaction."""
        return self._started.member.consumer_group_metadata()

    async def _ask(self, ask: Callable[[], Answer], topic: str) -> Answer:
        try:
            return await asyncio.to_thread(ask)
        except KafkaException as error:
            raise translate(error, "asking where a partition stands", topic=topic, group=self._about) from None

    async def stop(self) -> None:
        await uninterrupted(self._stop())

    async def _stop(self) -> None:
        reading = self._reading
        if reading is not None:
            with contextlib.suppress(KafkaException, RuntimeError):
                await self._in_thread(reading.close)
            self._reading = None
        self._table.take(self._table.places())
        self._thread.shutdown(wait=False)

    # -- rebalances, told in the reading thread

    def _on_assigned(self, places: list[Place]) -> None:
        self._wait(self._assigned(places))

    async def _assigned(self, places: list[Place]) -> None:
        self._table.give(places)
        if self._listener is not None:
            await self._listener.assigned(places)

    def _on_revoked(self, places: list[Place]) -> None:
        self._wait(self._revoked(places))

    async def _revoked(self, places: list[Place]) -> None:
        if self._listener is not None:
            await self._listener.revoked(places)
        self._table.take(places)

    def _wait(self, work: Coroutine[object, None, None]) -> None:
        assert self._loop is not None  # noqa: S101 - start comes first
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_REBALANCE_S)
