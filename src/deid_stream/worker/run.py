"""The worker process: everything put together, started and stopped."""

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Callable
from typing import Final

import msgspec

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring
from deid_stream.errors import BrokerError, DeidError, UnreadableError
from deid_stream.kafka import embedded
from deid_stream.kafka.connect import connect_worker
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.kafka.ports import GroupOptions, GroupReader, Isolation, Kafka
from deid_stream.kafka.record import InRecord
from deid_stream.kafka.topics_admin import check_layout
from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.topics import TopicNames
from deid_stream.observe import hooks, logs
from deid_stream.observe.endpoint import served
from deid_stream.observe.hooks import loop_handler
from deid_stream.observe.logs import get_log, where
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.timing import TimedDetector
from deid_stream.observe.traces import Traces, open_traces
from deid_stream.policy.table import Change, PolicyTable
from deid_stream.runtime.heartbeat import Heartbeat
from deid_stream.runtime.patience import patiently
from deid_stream.runtime.signals import stopped_by_signals
from deid_stream.runtime.tasks import TaskGuard, cancelled
from deid_stream.session.ports import ConversationFactory
from deid_stream.worker.calls import Sessions
from deid_stream.worker.context import Context
from deid_stream.worker.gate import Gate
from deid_stream.worker.heartbeat import reported
from deid_stream.worker.intake import Intake
from deid_stream.worker.outbox import Sealer
from deid_stream.worker.policies import Policies
from deid_stream.worker.pulse import Life, beating
from deid_stream.worker.pump import Pump
from deid_stream.worker.sessions import SessionFactory, session_settings
from deid_stream.worker.supervise import supervise

log = get_log("worker")

PUBLISH_TIMEOUT_S: Final = 20.0
"""A batch that the broker has not taken by then is given up and done again from the checkpoint."""
FETCH_WAIT_MS: Final = 100
LOOK_EVERY_S: Final = 30.0
"""Between two looks at the topics."""
BEAT_EVERY_S: Final = 1.0
LOOP_STUCK_S: Final = 30.0
"""An event loop that has not turned for so long is stuck. Smaller: one very long turn of one call counts as stuck;
larger: a hanging process serves nobody for longer."""
EXIT_FAILED: Final = 1
COLLECT_EVERY_S: Final = 600.0
"""Between two looks for cyclic garbage. Held audio is a hundred thousand objects and more, all of them freed by their
reference counts; Python's own schedule walked through them every second, for pauses of 100 ms and 7 % of the time, and
collected nothing (docs/benchmarks.md)."""


class Worker:
    """One member of the group. ``sessions`` and ``kafka`` replace the real ones in tests; ``stop`` may be called at any
    time."""

    def __init__(
        self,
        settings: Settings,
        *,
        metrics: Metrics | None = None,
        sessions: Sessions | None = None,
        kafka: Kafka | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self.metrics = metrics or Metrics()
        self._sessions = sessions
        self._kafka = kafka or connect_worker(settings, "deid-stream-worker")
        self._wall = wall
        self._stop = asyncio.Event()
        self._pump: Pump | None = None
        self._opened = False
        self._keys: KeyRing | None = None
        self._customer_keys: CustomerKeys | None = None
        self._guard = TaskGuard(self._task_failed)
        self._heartbeat = Heartbeat()
        self._writer_id = os.urandom(6).hex()

    @property
    def ready(self) -> bool:
        """Policies have been read, and the partitions of this member are being worked on."""
        return self._pump is not None and self._pump.ready

    @property
    def healthy(self) -> bool:
        """The event loop and every partition have shown signs of life lately; else only a restart helps."""
        return not self._heartbeat.late()

    def stop(self) -> None:
        """Drain, commit, leave the group."""
        self._stop.set()

    async def open_keys(self) -> None:
        """Open the keys that the settings name, by Vault or a KMS where they are wrapped. Raises DigestKeyError."""
        settings = self._settings
        own_keys = settings.hash_ids or settings.customer_keys or settings.encrypt_outputs
        if self._keys is None and (self._sessions is None or own_keys):
            self._keys = await asyncio.to_thread(key_ring, settings)

    async def run(self) -> None:
        """Until ``stop``. A broker that is not there yet is waited for, ``broker_wait_ms`` long. Raises DeidError for
        what it cannot mend; what is committed by then stays right."""
        await self.open_keys()
        beating = self._guard.start("loop", self._beat())
        loading = None
        if self._sessions is None:
            loading = asyncio.create_task(asyncio.to_thread(_load_detector, self._settings.sensitivity))
        try:
            await patiently(
                lambda: self._serve_once(loading),
                self._stop,
                self._settings.broker_wait_ms,
                warn=log.warning,
                begun=lambda: self._opened,
            )
        finally:
            beating.cancel()
            if loading is not None and not loading.done():
                loading.cancel()

    async def _serve_once(self, loading: "asyncio.Task[ConversationFactory] | None") -> None:
        async with contextlib.AsyncExitStack() as stack:
            await self._serve(stack, loading)

    async def _serve(
        self, stack: contextlib.AsyncExitStack, loading: "asyncio.Task[ConversationFactory] | None"
    ) -> None:
        """Open everything, closed again with ``stack``, and work. A stop while it opens gives that up."""
        opening = asyncio.create_task(self._open(stack, loading))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return
            pump, policies = opening.result()
        finally:
            await cancelled(opening, stopped)
        self._opened = True
        pumping = self._guard.start("pump", pump.run(self._stop))
        following = self._guard.start("policies", policies.follow())
        tasks = {pumping, following, self._guard.start("topics", self._watch_topics())}
        if self._customer_keys is not None:
            tasks.add(self._guard.start("keys", self._customer_keys.follow()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._stop.set()
            await pumping
            for task in done:
                task.result()
        finally:
            await cancelled(*tasks)

    async def _beat(self) -> None:
        while True:
            self._heartbeat.beat("loop", LOOP_STUCK_S)
            await asyncio.sleep(BEAT_EVERY_S)

    async def _watch_topics(self) -> None:
        """Look now and then whether all topics are still there, with equal partition counts. Raises TopicError when
        they were not twice in a row (a broker that has just started may know few): clients wait for a deleted topic as
        for one whose leader is away."""
        names = TopicNames.of(self._settings.topic_prefix)
        doubtful = False
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await check_layout(self._kafka, names)
                doubtful = False
            except BrokerError as error:
                if doubtful and not error.retryable:
                    raise
                doubtful = not error.retryable

    async def _open(
        self, stack: contextlib.AsyncExitStack, loading: "asyncio.Task[ConversationFactory] | None"
    ) -> tuple[Pump, Policies]:
        settings, kafka = self._settings, self._kafka
        names = TopicNames.of(settings.topic_prefix)
        own_keys = settings.customer_keys or settings.encrypt_outputs
        keys = self._keys
        pseudonyms = IdPseudonyms(keys) if keys is not None else None
        ids = pseudonyms if settings.hash_ids else None
        transactions = settings.processing == "exactly_once" or await kafka.supports_transactions(settings.group_id)
        exactly_once = transactions and settings.processing != "at_least_once"
        isolation: Isolation = "read_committed" if exactly_once else "read_uncommitted"
        publishers = kafka.publishers(
            settings.group_id, settings.topic_prefix, transactions=exactly_once, timeout_s=PUBLISH_TIMEOUT_S
        )
        stack.push_async_callback(publishers.stop)
        await check_layout(kafka, names)
        policies = await stack.enter_async_context(self._policies_of(names.policies, isolation, ids))
        if keys is not None and own_keys:
            self._customer_keys = await stack.enter_async_context(self._keys_of_customers(names.keys, isolation, keys))
        customer_keys = self._customer_keys
        sessions = self._sessions
        if loading is not None:
            detector = TimedDetector(await asyncio.shield(loading), self.metrics.detector_seconds)
            assert keys is not None  # noqa: S101 - needed for sessions of our own
            secret_of = None if customer_keys is None else customer_keys.secret
            sessions = SessionFactory(detector, keys, session_settings(settings), secret_of)
        assert sessions is not None  # noqa: S101 - one of the two was given
        context = Context(
            settings=settings,
            names=names,
            kafka=kafka,
            group=self._group(names, isolation, real=transactions),
            publishers=publishers,
            isolation=isolation,
            sessions=sessions,
            intake=Intake(settings.limits, ids, pseudonyms),
            gate=Gate(names, policies, __version__, self.metrics),
            policies=policies,
            metrics=self.metrics,
            guard=self._guard,
            heartbeat=self._heartbeat,
            traces=self._traced(stack),
            writer_id=self._writer_id,
            customer_keys=customer_keys,
            sealer=Sealer(names, customer_keys) if customer_keys is not None and settings.encrypt_outputs else None,
            wall_ms=lambda: int(self._wall() * 1000),
        )
        self._expect(names)
        pump = self._pump = Pump(context)
        stack.push_async_callback(pump.stop)
        policies.on_change = self._policy_changed
        policies.on_unreadable = self._policy_unreadable
        await pump.start()
        log.info("worker started", guarantee="exactly_once" if exactly_once else "at_least_once")
        return pump, policies

    def _expect(self, names: TopicNames) -> None:
        """Topics whose counts are shown as 0 from the start."""
        self.metrics.records_in.expect(names.inputs)
        not_ours = {*names.inputs, names.policies, names.checkpoints, names.keys}
        self.metrics.records_out.expect(sorted({*names.all} - not_ours))

    def _policies_of(self, topic: str, isolation: Isolation, ids: IdPseudonyms | None) -> Policies:
        table = PolicyTable(self._settings.region, ids, processor=self._settings.processor)
        return Policies(self._kafka, topic, isolation, table, self._wall)

    def _keys_of_customers(self, topic: str, isolation: Isolation, keys: KeyRing) -> CustomerKeys:
        def now_ms() -> int:
            return int(self._wall() * 1000)

        return CustomerKeys(self._kafka, topic, isolation, keys, random=os.urandom, now_ms=now_ms)

    def _group(self, names: TopicNames, isolation: Isolation, *, real: bool) -> GroupReader:
        """``real``: the broker is no embedded one."""
        options = GroupOptions(
            group_id=self._settings.group_id,
            topics=tuple(names.inputs),
            isolation=isolation,
            session_timeout_ms=self._settings.session_timeout_ms if real else embedded.SESSION_MS,
            fetch_wait_ms=FETCH_WAIT_MS if real else embedded.FETCH_WAIT_MS,
        )
        return self._kafka.group_reader(options)

    def _traced(self, stack: contextlib.AsyncExitStack) -> Traces:
        traces = open_traces(self._settings.traces, __version__, self._writer_id)
        stack.callback(traces.close)
        return traces

    def _task_failed(self, name: str, error: Exception) -> None:
        """Of a task that ended by what nobody foresaw: the process ends with it."""
        self.metrics.task_failures.inc(name)
        log.error("a task failed", task=name, error=error, where=where(error))

    def _policy_changed(self, change: Change) -> None:
        self.metrics.policy_changes.inc(change.kind)
        if change.error is not None:
            log.warning("policy refused", customer_id=change.customer_id, error=change.error)
        if self._pump is not None:
            self._pump.policy_changed(change.customer_id)

    def _policy_unreadable(self, record: InRecord) -> None:
        """No policy record is ours to answer with a dead letter: what it was about cannot be told."""
        self.metrics.dead_letters.inc(UnreadableError.code)
        log.error(
            "policy record cannot be read",
            code=record.unreadable,
            partition=record.partition,
            offset=record.offset,
        )


def _load_detector(sensitivity: str) -> ConversationFactory:
    from deid_stream.detect.detector import Detector, DetectorSettings, Sensitivity

    return Detector.load(DetectorSettings(sensitivity=Sensitivity(sensitivity)))


async def _collect_garbage() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        gc.collect()


async def run_worker(settings: Settings, life: Life | None = None) -> int:
    """Run until SIGTERM or SIGINT, with ``settings.processes`` processes; the exit status. Errors are logged, one
    line each. ``life``: this is one of several processes, and somebody looks after it."""
    if settings.insecure_ephemeral_key and not (settings.digest_key or settings.digest_key_file):
        settings = msgspec.structs.replace(settings, digest_key=os.urandom(32).hex())
    if settings.processes > 1:
        return await supervise(settings, _member)
    gc.disable()
    collecting = asyncio.create_task(_collect_garbage())
    metrics = Metrics()
    # said before the first answer, which a broker that is away never gives
    metrics.broker_connected.set(0)
    metrics.assigned_partitions.set(0)
    for reason, count in (life.restarts if life is not None else {}).items():
        metrics.process_restarts.inc(reason, count)
    worker = Worker(settings, metrics=metrics)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(loop_handler(lambda: metrics.task_failures.inc("loop")))
    try:
        # before anything can be reached from outside: without its keys this process serves nobody
        await worker.open_keys()
        with (
            stopped_by_signals(worker.stop),
            beating(life, lambda: worker.healthy, lambda: loop.call_soon_threadsafe(worker.stop)),
            served(
                metrics,
                settings.metrics_host,
                settings.metrics_port,
                version=__version__,
                ready=lambda: worker.ready,
                healthy=lambda: worker.healthy,
            ),
        ):
            async with reported(settings, metrics, lambda: worker.ready):
                await worker.run()
    except DeidError as error:
        log.error("worker ends", error=error)
        return EXIT_FAILED
    finally:
        collecting.cancel()
        gc.enable()
    log.info("worker stopped")
    return 0


def _member(settings: bytes, life: Life) -> None:
    """The life of one process of several."""
    decoded = msgspec.json.decode(settings, type=Settings)
    logs.configure(decoded.log_level, process=life.number)
    hooks.install()
    raise SystemExit(hooks.contained(lambda: asyncio.run(run_worker(decoded, life))))
