"""The Faust application, thin: streams in, tables with changelogs, and nothing that decides. Only this imports Faust.

One process works at a time (``OneOwner``); others stand by until it is gone. Faust's own settings that matter
here: no web server, no leader topic, no topics of its own making, and every table's changes go to the
partition of their key, so that they may be made outside a stream too.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

import faust
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import MemberAssignmentMapping, MemberMetadataMapping, PartitionAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from deid_stream.control.tables import Table
from deid_stream.errors import TakenOverError, TaskError
from deid_stream.kafka.clients.aio.options import REQUEST_TIMEOUT_MS
from deid_stream.kafka.clients.aio.tokens import tokens_of
from deid_stream.kafka.connection import Connection
from deid_stream.observe.logs import get_log
from deid_stream.runtime.clock import wall_clock_ms

log = get_log("control")

T = TypeVar("T")
COMMIT_EVERY_S: Final = 1.0
"""Between two commits of what agents have done. Larger: more is done again after a crash."""
START_S: Final = 120.0
"""Joining the group, and then without progress in reading the tables. Smaller: a slow broker ends the start; larger:
one that hangs is noticed later."""

STOP_S: Final = 10.0
"""Leaving the group. Smaller: the broker waits for the session's end before another control plane may begin."""

_GIVEN_MS: Final = "\x00given-ms"
"""Stands among the topics' groups, which every member sends back: when its assignment was made. No topic is called so.
A process that was paused and replaced meanwhile still claims everything, by an older one. Each is later than those that
any member knows, so that clocks which differ do not make the older one win."""


Reached = Callable[[int, int], Awaitable[None]]
"""Returns once the record of a partition at an offset has been taken, and every one before it."""


class _FaustMessage(Protocol):
    partition: int
    offset: int


class _Event(Protocol):
    message: _FaustMessage


class _Stream(Protocol):
    enable_acks: bool

    def events(self) -> AsyncIterator[_Event]: ...

    async def ack(self, event: _Event) -> bool: ...


class FaustApp:
    """``partitions`` of every topic of the deployment; ``session_timeout_ms`` of its consumer group; ``fetch_wait_ms``:
    how long the broker may wait for records that it has not got."""

    def __init__(
        self, connection: Connection, app_id: str, *, partitions: int, session_timeout_ms: int, fetch_wait_ms: int
    ) -> None:
        self._partitions = partitions
        self._changelogs: list[str] = []
        # Faust makes a folder for tables on disk, which these are not
        self._folder = tempfile.TemporaryDirectory(prefix="deid-control-")
        self._app = faust.App(
            app_id,
            broker=";".join(f"kafka://{server}" for server in connection.servers),
            broker_credentials=_credentials(connection),
            broker_session_timeout=session_timeout_ms / 1000,
            broker_heartbeat_interval=session_timeout_ms / 4000,
            broker_commit_interval=COMMIT_EVERY_S,
            broker_client_id=connection.client_id,
            consumer_auto_offset_reset="earliest",
            store="memory://",
            datadir=self._folder.name,
            key_serializer="raw",
            value_serializer="raw",
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_wait_empty=False,
            PartitionAssignor=OneOwner,
            TableManager=ReadOnce,
            # of offsets of a store on disk, of which there is none: the embedded broker tells ends that are too low
            recovery_consistency_check=False,
        )
        self._working = asyncio.Event()
        """Every partition is this process's, and the tables have been read."""
        self._lost = asyncio.Event()
        self._app.on_rebalance_complete.connect(self._read)
        self._app.on_partitions_assigned.connect(self._assigned)
        self._app.transport = patient_transport(fetch_wait_ms)(
            self._app.conf.broker_consumer, self._app, self._app.loop
        )

    def table(self, topic: str, kind: type[T]) -> Table[T]:
        """A table whose changes stand in ``topic``."""
        self._changelogs.append(topic)
        stored = self._app.Table(
            topic,
            partitions=self._partitions,
            key_type=bytes,
            value_type=bytes,
            use_partitioner=True,
            changelog_topic=self._app.topic(
                topic,
                partitions=self._partitions,
                compacting=True,
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
            ),
        )
        return Table(stored, kind)

    def agent(self, topic: str, name: str, reached: Reached) -> None:
        """Tell the broker how far ``topic`` has been read, by ``reading``: a record counts once ``reached`` has
        returned and the tables' changes have reached the broker."""
        source = self._app.topic(topic, key_type=bytes, value_type=bytes, allow_empty=True)

        async def take(stream: _Stream) -> None:
            # Faust counts a record as read also where a rebalance interrupts what is done with it
            stream.enable_acks = False
            async for event in stream.events():
                await reached(event.message.partition, event.message.offset)
                await self.flush()
                await stream.ack(event)

        self._app.agent(source, name=name)(take)

    async def start(self) -> None:
        """Until every partition is this process's and the tables have been read. While another control plane works,
        this one stands by. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            await self._app.start()
        await self._recovered()
        async with asyncio.timeout(START_S):
            for topic in self._changelogs:
                # Faust chooses the partition of a change before its producer has asked the broker about the topic
                await self._app.producer._ensure_producer().partitions_for(topic)

    async def _recovered(self) -> None:
        """Wait until the tables have been read, for as long as reading gets on or another control plane works. Raises
        TimeoutError where reading has stood still for ``START_S``."""
        recovery = self._app.tables.recovery
        before: int | None = None
        while not self._working.is_set():
            try:
                await asyncio.wait_for(self._working.wait(), START_S)
            except TimeoutError:
                left = sum(recovery.active_remaining().values())
                if self._owns_all() and left == before:
                    raise
                before = left

    async def lost(self) -> None:
        """Wait until this process must end. Raises TakenOverError when another control plane has got partitions of this
        one, which then no longer knows every call; TaskError when Faust has failed, which then keeps no table."""
        ends = [asyncio.ensure_future(self._lost.wait()), asyncio.ensure_future(self._app._crashed.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if self._lost.is_set():
            raise TakenOverError(
                "another control plane has taken over: run one, or let this one start again and stand by"
            )
        raise TaskError(
            f"Faust has failed ({type(self._app.crash_reason).__name__}); let the control plane start again"
        )

    def _owns_all(self) -> bool:
        mine = {(place.topic, place.partition) for place in self._app.assignor.assigned_actives()}
        return all((topic, number) in mine for topic in self._changelogs for number in range(self._partitions))

    async def _read(self, *_: object, **__: object) -> None:
        if self._owns_all():
            self._app.tables.have_been_read = True
            self._working.set()
        else:
            log.info("standing by: another control plane of this deployment works")

    async def _assigned(self, *_: object, **__: object) -> None:
        if self._working.is_set() and not self._owns_all():
            self._lost.set()

    async def stop(self) -> None:
        """Leave the group. Gives up after ``STOP_S``, since parts of Faust ignore that they are cancelled."""
        await asyncio.wait({asyncio.create_task(self._app.stop())}, timeout=STOP_S)
        self._folder.cleanup()

    async def flush(self) -> None:
        """Wait until the broker has acknowledged the changes of the tables."""
        producer = self._app.producer
        await producer.buffer.flush()
        await producer.flush()


class ReadOnce(TableManager):  # type: ignore[misc]  # untyped
    """Tables that are read when this process gets its partitions first, and not again after later rebalances: from then
    on it alone changes them, and what Faust would read again of its own changes sets a table back to an older one."""

    have_been_read = False
    _recovery: "_RecoveryOnce | None" = None

    @property
    def recovery(self) -> "_RecoveryOnce":
        if self._recovery is None:
            self._recovery = _RecoveryOnce(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class _RecoveryOnce(Recovery):  # type: ignore[misc]  # untyped
    async def _build_offsets(self, consumer: object, tps: set[TP], destination: "Counter[TP]", title: str) -> None:
        await super()._build_offsets(consumer, tps, destination, title)
        if self.tables.have_been_read:
            for place in tps:
                destination[place] = self.active_highwaters[place]


class OneOwner(PartitionAssignor):  # type: ignore[misc]  # untyped
    """Of several control planes one works: everything stays with the member to which it was given last; where nobody
    has any, the first by name gets it. Whoever looks after a customer must know all of the customer's calls, and these
    lie in all partitions. Faust's own assignor shares them out: each process would do half of what is asked and call it
    done."""

    def _perform_assignment(self, cluster: object, member_metadata: MemberMetadataMapping) -> MemberAssignmentMapping:
        known = {name: self._get_client_metadata(metadata) for name, metadata in member_metadata.items()}
        self._given_ms = max(wall_clock_ms(), 1 + max(map(_stamp_ms, known.values())))
        owner = max(sorted(known), key=lambda name: _given_ms(known[name]))
        given = super()._perform_assignment(cluster, {owner: member_metadata[owner]})
        self._update_member_urls(known)
        nothing = {name: ClientAssignment(actives={}, standbys={}) for name in known if name != owner}
        return {**given, **self._protocol_assignments(nothing, {}, {}, {})}

    def _protocol_assignments(
        self, assignments: object, changelogs: object, external: object, topic_groups: Mapping[str, int]
    ) -> MemberAssignmentMapping:
        stamped = {**topic_groups, _GIVEN_MS: self._given_ms}
        return super()._protocol_assignments(assignments, changelogs, external, stamped)


def _given_ms(member: ClientMetadata) -> int:
    """When the member was last given its partitions (epoch ms); 0: it has none."""
    return max(1, _stamp_ms(member)) if member.assignment.active_tps else 0


def _stamp_ms(member: ClientMetadata) -> int:
    """The stamp (epoch ms) of the last assignment that the member has seen, even one without partitions for it."""
    return int(member.topic_groups.get(_GIVEN_MS, 0))


def patient_transport(fetch_wait_ms: int) -> "type[driver.Transport]":
    """Faust's transport with another longest wait of a fetch, ``fetch_wait_ms``: Faust has 1.5 s and no setting for
    it. And with ``REQUEST_TIMEOUT_MS`` as the longest wait for the answer to what is written: Faust has one setting for
    it and for how long a record may wait to be written, which it needs to be 20 minutes, since a record that is given
    up is missing in a table. Over a connection that a network has silently dropped, nothing was written for so
    long."""

    class Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # untyped
        def _create_worker_consumer(self, transport: driver.Transport) -> object:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = fetch_wait_ms
            return consumer

        def verify_event_path(self, now: float, tp: TP) -> None:
            """Faust's alarm about a partition that is not read, but for the tables' changelogs. These are read once, so
            each change of a table would be an error in the log every 30 s, from five minutes after the start on."""
            if tp.topic not in self.consumer.app.tables.changelog_topics:
                super().verify_event_path(now, tp)

    class Consumer(driver.Consumer):  # type: ignore[misc]  # untyped
        def _new_consumer_thread(self) -> Thread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

    class Producer(driver.Producer):  # type: ignore[misc]  # untyped
        def _new_producer(self, transactional_id: str | None = None) -> object:
            producer = super()._new_producer(transactional_id)
            producer.client._request_timeout_ms = REQUEST_TIMEOUT_MS
            return producer

    class Transport(driver.Transport):  # type: ignore[misc]  # untyped
        pass

    Transport.Consumer = Consumer
    Transport.Producer = Producer
    return Transport


def _credentials(connection: Connection) -> object:
    """The connection's credentials as a Faust object; None for a broker without TLS and users."""
    tls = connection.ssl_context() if connection.tls else None
    if connection.oauth is not None:
        return faust.OAuthCredentials(oauth_cb=tokens_of(connection, connection.oauth), ssl_context=tls)
    if connection.sasl:
        return faust.SASLCredentials(
            mechanism=connection.sasl_mechanism,
            username=connection.username,
            password=connection.password,
            ssl_context=tls,
        )
    return faust.SSLCredentials(tls) if connection.tls else None
