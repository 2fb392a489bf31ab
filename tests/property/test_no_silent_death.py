"""Law 11: nothing dies in silence. Whatever part of a worker fails, with whatever error and whenever: the process ends
with its type in the log, or tries again and says so, or the one call is quarantined; and a metric shows it.

The real worker on the in-memory broker.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deid_stream.config import Settings
from deid_stream.detect.detector import Detector
from deid_stream.errors import TaskError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.keys.ring import KeyRing
from deid_stream.model.topics import TopicNames
from deid_stream.observe import labels
from deid_stream.session.settings import SessionSettings
from deid_stream.worker import heartbeat, run
from deid_stream.worker.run import Worker
from deid_stream.worker.sessions import SessionFactory
from tests.support.calls import make_call
from tests.support.service import until
from tests.support.topics import TOPIC_OF

NAMES = TopicNames.of("")
START_MS = 1_700_000_000_000
SECRET = "my card is 4111 1111 1111 1111"
SETTINGS = Settings(
    bootstrap_servers="memory:9092", digest_key=bytes(range(32)).hex(), broker_wait_ms=0, metrics_port=0
)
SESSIONS = SessionFactory(Detector.load(), KeyRing(bytes(range(32))), SessionSettings())
ERRORS = [ValueError, KeyError, AttributeError, TypeError, RecursionError, AssertionError, UnicodeError, MemoryError,
          OSError, ZeroDivisionError, msgspec.ValidationError, NotImplementedError]  # fmt: skip
NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Each run is a whole worker's life: a smaller example is not worth minutes."""


@dataclass
class Fault:
    """Raises at the ``nth`` time that it is asked, and from then on; not before it is armed."""

    error: type[Exception]
    nth: int
    asked: int = 0
    armed: bool = True

    def __call__(self, *_: object, **__: object) -> None:
        self.asked += self.armed
        if self.asked > self.nth:
            raise self.error(SECRET)

    @property
    def raised(self) -> bool:
        return self.asked > self.nth

    def before(self, patch: pytest.MonkeyPatch, owner: object, name: str) -> None:
        """Asked before each call of ``owner.name``."""
        original = getattr(owner, name)

        def failing(*arguments: Any, **named: Any) -> Any:
            self()
            return original(*arguments, **named)

        patch.setattr(owner, name, failing)


Planting = Callable[[Fault, MemoryBroker, pytest.MonkeyPatch], None]


def partition(fault: Fault, broker: MemoryBroker, patch: pytest.MonkeyPatch) -> None:
    broker.fault = fault


def reading(*topics: str) -> Planting:
    def plant(fault: Fault, broker: MemoryBroker, patch: pytest.MonkeyPatch) -> None:
        broker.on_read = lambda place: fault() if place.topic in topics else None

    return plant


def loop(fault: Fault, broker: MemoryBroker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run, "BEAT_EVERY_S", 0.01)
    patch.setattr(run, "LOOP_STUCK_S", 0.05)
    beat = run.Heartbeat.beat

    def failing(self: object, name: str, within_s: float) -> None:
        if name == "loop":
            fault()
        beat(self, name, within_s)  # type: ignore[arg-type]

    patch.setattr(run.Heartbeat, "beat", failing)


def topics(fault: Fault, broker: MemoryBroker, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run, "LOOK_EVERY_S", 0.02)
    check = run.check_layout

    async def failing(*arguments: Any) -> None:
        fault()
        await check(*arguments)

    patch.setattr(run, "check_layout", failing)


ENDS: dict[str, Planting] = {
    "partition": partition,
    "policies": reading(NAMES.policies),
    "pump": reading(NAMES.audio),
    "topics": topics,
}
"""By task: where a fault is planted that ends the process."""
ELSEWHERE = frozenset({"index", "keys", "requests", "retraction", "windows"})
"""Tasks of the control plane, and of a worker that has customers' own keys: not in the worker that runs here."""


async def started(broker: MemoryBroker) -> tuple[Worker, "asyncio.Task[None]"]:
    await topics_admin.create(broker.connect(), partitions=1)
    worker = Worker(SETTINGS, sessions=SESSIONS, kafka=broker.connect())
    running = asyncio.create_task(worker.run())
    await until(lambda: worker.ready or running.done())
    return worker, running


def policy(broker: MemoryBroker, version: int) -> None:
    value = {"customer_id": "someone", "version": version}
    stamp = START_MS - 1_000_000 if version == 1 else None
    broker.append(OutRecord(NAMES.policies, b"someone", json.dumps(value).encode(), (), stamp))


def calls(broker: MemoryBroker, first: int, count: int = 1) -> None:
    for number in range(first, first + count):
        made = make_call(f"call-{number}", "someone", number, START_MS + number * 60_000, turns=2)
        for r in sorted(made.records, key=lambda r: r.time_ms):
            broker.append(OutRecord(TOPIC_OF[r.kind], r.key, r.value, tuple(r.headers), r.time_ms))


async def life(broker: MemoryBroker, running: "asyncio.Task[None]", done: Callable[[], bool]) -> None:
    """Policies and calls, and again, until the worker ends."""
    policy(broker, 1)
    for round_ in range(8):
        calls(broker, 2 * round_, 2)
        closed = 2 * round_ + 2
        await until(lambda n=closed: running.done() or done() or len(broker.logs[Place(NAMES.calls, 0)]) >= n, 60)
        policy(broker, round_ + 2)
        if running.done() or done():
            return


def checked(property_: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(property_(*arguments, patch))


@pytest.mark.parametrize("task", ENDS)
@given(error=st.sampled_from(ERRORS), nth=st.integers(0, 5))
@settings(max_examples=4, phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_task_that_fails_ends_the_process(
    caplog: pytest.LogCaptureFixture, task: str, error: type[Exception], nth: int
) -> None:
    async def property_(patch: pytest.MonkeyPatch) -> None:
        broker, fault = MemoryBroker(), Fault(error, nth, armed=False)
        caplog.clear()
        ENDS[task](fault, broker, patch)
        worker, running = await started(broker)
        fault.armed = True
        await life(broker, running, lambda: False)
        assert fault.raised
        with pytest.raises(TaskError, match=f"{task!r} failed with {error.__name__}") as caught:
            await asyncio.wait_for(running, 20)
        assert worker.metrics.task_failures.values[task] == 1
        assert "a task failed" in caplog.messages
        assert "4111" not in caplog.text + str(caught.value)

    checked(property_)


@given(error=st.sampled_from(ERRORS), nth=st.integers(1, 5))
@settings(max_examples=3, phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_loop_that_gives_no_sign_of_life_is_seen_by_the_probe(
    caplog: pytest.LogCaptureFixture, error: type[Exception], nth: int
) -> None:
    async def property_(patch: pytest.MonkeyPatch) -> None:
        broker, fault = MemoryBroker(), Fault(error, nth)
        loop(fault, broker, patch)
        worker, running = await started(broker)
        await until(lambda: fault.raised and not worker.healthy)
        assert worker.metrics.task_failures.values["loop"] == 1
        assert "4111" not in caplog.text
        worker.stop()
        await running

    checked(property_)


@given(error=st.sampled_from(ERRORS), nth=st.integers(0, 3))
@settings(max_examples=3, phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_heartbeat_that_fails_is_counted_and_comes_again(
    caplog: pytest.LogCaptureFixture, error: type[Exception], nth: int
) -> None:
    async def property_(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(heartbeat, "RETRY_S", 0.01)
        patch.setattr(heartbeat, "EVERY_MS", 1)
        broker, fault = MemoryBroker(), Fault(error, nth)
        await topics_admin.create(broker.connect(), partitions=1)
        metrics = run.Metrics()
        log = broker.logs[Place(NAMES.status, 0)]
        fault.before(patch, heartbeat.Beat, "beat")
        async with heartbeat.reported(SETTINGS, metrics, lambda: True, broker.connect()):
            await until(lambda: metrics.task_failures.values["heartbeat"] > 0)
            fault.nth = 1_000_000
            sent = len(log)
            await until(lambda: len(log) > sent + 1)
        assert log[-1].value is None, "it says goodbye"
        assert "a task failed" in caplog.messages
        assert "4111" not in caplog.text

    checked(property_)


@pytest.mark.parametrize("step", ["open", "receive", "outputs"])
@given(error=st.sampled_from(ERRORS), nth=st.integers(0, 3))
@settings(max_examples=3, phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_fails_in_one_call_ends_that_call_and_no_other(
    caplog: pytest.LogCaptureFixture, step: str, error: type[Exception], nth: int
) -> None:
    async def property_(patch: pytest.MonkeyPatch) -> None:
        broker = MemoryBroker()
        await topics_admin.create(broker.connect(), partitions=1)
        fault = Fault(error, nth)
        sessions = FailingSessions(fault, step)
        worker = Worker(SETTINGS, sessions=sessions, kafka=broker.connect())
        running = asyncio.create_task(worker.run())
        await until(lambda: worker.ready or running.done())
        policy(broker, 1)
        calls(broker, 0, 3)
        audit = broker.logs[Place(NAMES.audit, 0)]
        await until(lambda: running.done() or len(broker.logs[Place(NAMES.calls, 0)]) >= 2, 60)
        await until(lambda: any(b"quarantined" in (r.value or b"") for r in audit), 60)
        assert not running.done()
        closed = {r.key for r in broker.logs[Place(NAMES.calls, 0)]}
        assert closed == {b"call-0", b"call-2"}
        said = [json.loads(r.value) for r in audit if r.value and b"quarantined" in r.value]
        assert [(entry["call_id"], entry["reason"]) for entry in said] == [("call-1", "session_failed")]
        assert worker.metrics.quarantined.values[""] == 1
        assert not any(worker.metrics.task_failures.values.values())
        visible = b"".join(r.value or b"" for log in broker.logs.values() for r in log if r.topic.startswith("deid."))
        assert b"4111 1111" not in visible + caplog.text.encode()
        worker.stop()
        await running

    checked(property_)


class FailingSessions:
    """Fails in one step of the sessions of ``call-1``."""

    def __init__(self, fault: Fault, step: str) -> None:
        self._fault = fault
        self._step = step

    def open(self, call_id: str, *arguments: Any, **named: Any) -> Any:
        session = None
        if call_id == "call-1" and self._step == "open":
            self._fault.nth = 0
            self._fault()
        session = SESSIONS.open(call_id, *arguments, **named)
        if call_id == "call-1":
            original = getattr(session, self._step)

            def failing(*args: Any, **kwargs: Any) -> Any:
                self._fault()
                return original(*args, **kwargs)

            setattr(session, self._step, failing)
        return session

    def restore(self, *arguments: Any, **named: Any) -> Any:
        return SESSIONS.restore(*arguments, **named)


def test_every_task_that_is_counted_has_a_fault_here() -> None:
    assert {*ENDS, *ELSEWHERE, "loop", "heartbeat"} == set(labels.TASKS)
