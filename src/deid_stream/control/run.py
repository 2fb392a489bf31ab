"""The control plane as a process: everything put together, started and stopped."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Sequence
from typing import Final

import msgspec

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.control.agents import Agents
from deid_stream.control.app import FaustApp
from deid_stream.control.deletions import Deletions
from deid_stream.control.executor import Executor
from deid_stream.control.identity import IdentityCheck
from deid_stream.control.policies import Policies
from deid_stream.control.reading import Message, Take, TopicReading, message_of
from deid_stream.control.register import Register
from deid_stream.control.requests import Desk, Names
from deid_stream.control.topics import ControlTopics
from deid_stream.control.windows import Windows, publish_windows
from deid_stream.custody.ring import key_ring
from deid_stream.errors import BrokerError, DeidError, DigestKeyError, TopicError
from deid_stream.kafka import embedded
from deid_stream.kafka.connect import connect
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.kafka.ports import Kafka, Sender
from deid_stream.kafka.reading import read_to_end
from deid_stream.kafka.topics_admin import partition_counts
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.keys.ring import KeyRing, Purpose
from deid_stream.observe import hooks, logs
from deid_stream.observe.contact import CONNECTED_S, BrokerContact
from deid_stream.observe.endpoint import served
from deid_stream.observe.hooks import loop_handler
from deid_stream.observe.logs import get_log, where
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.holdings import Holding
from deid_stream.policy.rights import Customer, Status
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.runtime.heartbeat import Heartbeat
from deid_stream.runtime.patience import FIRST_WAIT_S, MAX_WAIT_S, patiently
from deid_stream.runtime.signals import stopped_by_signals
from deid_stream.runtime.tasks import TaskGuard, cancelled
from deid_stream.units import Ms

log = get_log("control")

GROUP_SUFFIX: Final = "-control"
FETCH_WAIT_MS: Final = 1_500
"""Longest wait of a fetch for new records. Larger: an idle control plane asks the broker less often; smaller: less
delay on the embedded broker, which lets a fetch wait although records have come."""
STUCK_S: Final = 120.0
"""A control plane that has shown no sign of life for so long is unhealthy. Smaller: one very large call counts as
stuck; larger: a hung process is restarted later."""
LOOK_S: Final = 1.0
"""Seconds between two checks of whether the broker answers. Larger: an outage is reported later."""
EXIT_FAILED: Final = 1
LEAVE_S: Final = 5.0
"""Longest time that the process may take to end after its work has ended."""


class Control:
    """The control plane of a deployment; one works, others stand by. ``stop`` may be called at any time: what was not
    finished is done by the next one."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None, kafka: Kafka | None = None) -> None:
        self._settings = settings
        self.metrics = metrics or Metrics()
        self._kafka = kafka or connect(settings, "deid-stream-control")
        self._topics = ControlTopics.of(settings.topic_prefix)
        self._stop = asyncio.Event()
        self._guard = TaskGuard(self._task_failed)
        self._heartbeat = Heartbeat()
        self._failed: asyncio.Future[None] | None = None
        self._names: tuple[Names, bytes, KeyRing | None] | None = None
        self._contact = BrokerContact(self.metrics)
        self._working = False

    @property
    def ready(self) -> bool:
        """Whether this process is the one that works, has read its tables and topics, and the broker answers."""
        return self._working and self._contact.connected(wall_clock_ms())

    @property
    def healthy(self) -> bool:
        """Whether its main loop has gone round within ``STUCK_S``. If not, restart the process."""
        return not self._heartbeat.late()

    def stop(self) -> None:
        self._stop.set()

    async def open_keys(self) -> None:
        """Open the keys that the settings name, by Vault or a KMS where they are wrapped. Raises DigestKeyError."""
        if self._names is None:
            self._names = await asyncio.to_thread(self._of_keys)

    async def run(self) -> None:
        """Work until ``stop``. Waits up to ``broker_wait_ms`` for a broker that does not answer yet. Raises
        DeidError."""
        await self.open_keys()
        found: list[int] = []

        async def ask() -> None:
            found.append(await self._partitions())

        if await patiently(ask, self._stop, self._settings.broker_wait_ms, warn=log.warning):
            await self._serve(*found)

    async def _partitions(self) -> int:
        """The partition count of the topics. Raises TopicError where a topic is missing, or counts differ."""
        counts = await partition_counts(self._kafka, self._topics.all)
        own = {name: n for name, n in counts.items() if name not in (self._topics.policies, self._topics.keys)}
        if len(set(own.values())) > 1:
            raise TopicError("topics have unequal partition counts; run `deid-stream topics check`")
        return own[self._topics.index]

    async def _serve(self, partitions: int) -> None:
        settings, topics = self._settings, self._topics
        group_id = settings.group_id + GROUP_SUFFIX
        transactions = await self._kafka.supports_transactions(settings.group_id)
        app = FaustApp(
            self._kafka.connection,
            group_id,
            partitions=partitions,
            session_timeout_ms=settings.session_timeout_ms if transactions else embedded.SESSION_MS,
            fetch_wait_ms=FETCH_WAIT_MS if transactions else embedded.FETCH_WAIT_MS,
        )
        assert self._names is not None  # noqa: S101 - ``run`` opens the keys first
        names, seed, ring = self._names
        async with contextlib.AsyncExitStack() as stack:
            keys = None if ring is None else await stack.enter_async_context(self._customer_keys(ring))
            agents = self._assembled(app, names, seed, Deletions(self._kafka, topics, keys))
            if names.pseudonyms is not None and names.pseudonyms.rotated:
                agents.earlier = self._asked
            agents.sender = sender = await stack.enter_async_context(self._kafka.sender())
            for topic, name, take in (
                (topics.index, "index", agents.index),
                (topics.policies, "policies", agents.policy),
                (topics.requests, "requests", agents.request),
            ):
                read = TopicReading(self._kafka, topic, group_id, self._guarded(name, take))
                app.agent(topic, name, read.reached)
                agents.topics.append(read)
            await self._work(app, agents, sender, keys)

    def _assembled(self, app: FaustApp, names: Names, seed: bytes, deletions: Deletions) -> Agents:
        settings, topics = self._settings, self._topics
        windows = Windows(
            app.table(topics.control_windows, Ms),
            topics.aggregates,
            length_ms=settings.aggregates_window_ms,
            threshold=settings.aggregates_threshold,
            epsilon=settings.aggregates_epsilon,
            seed=seed,
        )
        register = Register(
            app.table(topics.control_calls, Holding),
            app.table(topics.control_customers, Customer),
            app.table(topics.request_status, Status),
            windows,
        )
        ids = names.pseudonyms if names.hidden else None
        policies = Policies(self._kafka, topics.policies, settings.region, ids, processor=settings.processor)
        executor = Executor(register, self._kafka, topics, deletions, self.metrics, app.flush, wall_clock_ms)
        desk = Desk(
            register,
            executor,
            policies,
            names,
            IdentityCheck(settings.identity_check),
            topics,
            days=settings.request_days,
            wall_ms=wall_clock_ms,
        )
        return Agents(register, windows, policies, executor, desk)

    async def _asked(self) -> list[Message]:
        read = await read_to_end(self._kafka, self._topics.requests, "read_uncommitted")
        return [message_of(record) for record in read]

    def _customer_keys(self, ring: KeyRing) -> CustomerKeys:
        topic = self._topics.keys
        return CustomerKeys(self._kafka, topic, "read_committed", ring, random=os.urandom, now_ms=wall_clock_ms)

    async def _work(self, app: FaustApp, agents: Agents, sender: Sender, customer_keys: CustomerKeys | None) -> None:
        self._failed = failed = asyncio.get_running_loop().create_future()
        stopping = asyncio.create_task(self._stop.wait())
        tasks: list[asyncio.Task[None]] = []

        async def go_on(*awaited: asyncio.Task[object]) -> bool:
            """Wait until one of ``awaited`` is done, or this process is to stop. Returns False where it is to stop.
            Raises what a task raises."""
            await asyncio.wait({*awaited, *tasks, stopping, failed}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*awaited, *tasks, failed):
                if task.done():
                    task.result()
            return not stopping.done()

        try:
            tasks.append(self._guard.start("ownership", app.lost()))
            if customer_keys is not None:
                # while this process stands by, too: workers make keys meanwhile, and a deletion has to end them
                tasks.append(self._guard.start("keys", customer_keys.follow()))
            log.info("control plane starting: it joins its group and reads its tables")
            if not await go_on(self._guard.start("loop", app.start())):
                return
            await agents.open()
            for topic in agents.topics:
                tasks.append(self._guard.start("reading", topic.run()))
                current = asyncio.create_task(topic.current.wait())
                try:
                    if not await go_on(current):
                        return
                finally:
                    current.cancel()
            tasks.append(self._guard.start("retraction", agents.executor.run(self._beat)))
            tasks.append(
                self._guard.start("windows", publish_windows(agents.windows, sender, app.flush, wall_clock_ms))
            )
            tasks.append(self._guard.start("contact", self._look_at_broker(agents.topics)))
            self._working = True
            log.info("control plane started", calls=len(agents.register))
            await go_on()
        finally:
            self._working = False
            stopping.cancel()
            await cancelled(*tasks)
            await app.stop()
            failed.cancel()

    async def _look_at_broker(self, topics: Sequence[TopicReading]) -> None:
        """Note, and log once, that the broker no longer answers, and that it does again."""
        connected = True
        while True:
            wall_ms = wall_clock_ms()
            self._contact.note(max(topic.heard_ms for topic in topics), wall_ms)
            if self._contact.connected(wall_ms) is not connected:
                connected = not connected
                if connected:
                    log.info("the broker answers again")
                else:
                    log.warning("the broker does not answer; requests wait until it does", seconds=CONNECTED_S)
            await asyncio.sleep(LOOK_S)

    def _guarded(self, name: str, take: Take) -> Take:
        """``take`` with its errors handled: it is tried again while the broker does not answer; any other error ends
        the process, and the record does not count as taken."""

        async def taken(message: Message) -> None:
            backoff = Backoff(FIRST_WAIT_S, MAX_WAIT_S)
            while True:
                try:
                    await self._guard.contain(name, _awaited(take(message)))
                except BrokerError as error:
                    if error.retryable:
                        log.warning("taking a record tried again", task=name, error=error, seconds=backoff.next_s)
                        await asyncio.sleep(backoff.take())
                        continue
                    self._fail(error)
                except DeidError as error:
                    self._fail(error)
                else:
                    return
                await asyncio.Event().wait()

        return taken

    def _fail(self, error: DeidError) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _beat(self) -> None:
        self._heartbeat.beat("control", STUCK_S)

    def _of_keys(self) -> tuple[Names, bytes, KeyRing | None]:
        """The pseudonyms, the seed of the aggregates' noise, and the key ring; a deployment without a key has none of
        them."""
        try:
            keys = key_ring(self._settings)
        except DigestKeyError:
            if self._settings.hash_ids or self._settings.digest_key or self._settings.digest_key_file:
                raise
            log.warning("no digest key: people on the line are known by their pseudonyms only")
            return Names(None), b"", None
        return Names(IdPseudonyms(keys), self._settings.hash_ids), keys.derive(Purpose.IDS, "aggregates"), keys

    def _task_failed(self, name: str, error: Exception) -> None:
        self.metrics.task_failures.inc(name)
        log.error("a task failed", task=name, error=error, where=where(error))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def run_control(settings: Settings) -> int:
    """Run the control plane until SIGTERM or SIGINT, and return the exit status. Errors are logged, one line each."""
    metrics = Metrics()
    control = Control(settings, metrics)
    asyncio.get_running_loop().set_exception_handler(loop_handler(lambda: metrics.task_failures.inc("loop")))
    try:
        # before anything can be reached from outside: without its keys this process does nothing
        await control.open_keys()
        with (
            stopped_by_signals(control.stop),
            served(
                metrics,
                settings.metrics_host,
                settings.metrics_port,
                version=__version__,
                ready=lambda: control.ready,
                healthy=lambda: control.healthy,
            ),
        ):
            await control.run()
    except (DeidError, TimeoutError) as error:
        log.error("control plane ends", error=error)
        return EXIT_FAILED
    log.info("control plane stopped")
    return 0


def run_process(settings: Settings) -> int:
    """``run_control`` as all that this process does. What Faust leaves running, and does not let be cancelled, may not
    keep the process from ending."""

    async def life() -> int:
        status = EXIT_FAILED
        try:
            status = await run_control(settings)
        finally:
            end = threading.Timer(LEAVE_S, os._exit, (status,))
            end.daemon = True
            end.start()
        return status

    return asyncio.run(life())


def member(settings: bytes, _: object) -> None:
    """The life of a control plane that runs beside a worker."""
    decoded = msgspec.json.decode(settings, type=Settings)
    logs.configure(decoded.log_level)
    hooks.install()
    raise SystemExit(hooks.contained(lambda: run_process(decoded)))
