"""Tasks that cannot die in silence, signs of life, waiting longer, one budget, signals."""

import asyncio
import os
import signal

import pytest

from deid_stream.errors import BrokerError, LoginError, TaskError
from deid_stream.runtime import patience, tasks
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.deadline import Deadline
from deid_stream.runtime.heartbeat import Heartbeat
from deid_stream.runtime.patience import patiently
from deid_stream.runtime.signals import stopped_by_signals, wait_for
from deid_stream.runtime.tasks import TaskGuard, cancelled


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


async def fail(error):
    raise error


async def give(value):
    return value


class TestCancelled:
    @pytest.mark.parametrize("lost", [0, 1, 3])
    async def test_a_task_that_loses_cancellations_ends_all_the_same(self, monkeypatch, lost):
        monkeypatch.setattr(tasks, "AGAIN_S", 0.001)
        swallowed = []

        async def work():
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError as error:
                    if len(swallowed) == lost:
                        raise
                    swallowed.append(error)

        task, other = asyncio.create_task(work()), asyncio.create_task(fail(BrokerError("away")))
        await asyncio.wait({other})
        await cancelled(task, other)
        assert task.cancelled()
        assert len(swallowed) == lost

    async def test_what_a_task_does_to_end_well_is_waited_for(self):
        ended = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.02)
                ended.append(True)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await cancelled(task)
        assert ended == [True]


class TestTaskGuard:
    @pytest.mark.parametrize(
        "error",
        [ValueError("my card is 4111"), KeyError("4111"), AttributeError(), RecursionError(), AssertionError("4111")],
        ids=lambda error: type(error).__name__,
    )
    async def test_what_nobody_foresaw_is_told_and_goes_on_without_its_message(self, error):
        told = []
        guard = TaskGuard(lambda name, found: told.append((name, found)))
        with pytest.raises(TaskError, match=type(error).__name__) as caught:
            await guard.start("pump", fail(error))
        assert told == [("pump", error)]
        assert "4111" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert not caught.value.retryable

    async def test_errors_of_the_tree_pass_untold(self):
        told = []
        error = BrokerError("away")
        with pytest.raises(BrokerError) as caught:
            await TaskGuard(lambda *found: told.append(found)).start("pump", fail(error))
        assert caught.value is error
        assert told == []

    async def test_a_cancellation_passes_untold(self):
        told = []
        task = TaskGuard(lambda *found: told.append(found)).start("pump", asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == []

    async def test_a_result_is_given(self):
        guard = TaskGuard(lambda *_: None)
        assert await guard.contain("pump", give(3)) == 3
        task = guard.start("pump", give(4))
        assert (task.get_name(), await task) == ("pump", 4)


def test_who_has_not_beaten_in_time_is_late():
    clock = Clock()
    heartbeat = Heartbeat(clock)
    assert heartbeat.late() == []
    heartbeat.beat("loop", 30)
    heartbeat.beat("partition-1", 60)
    clock.now_s += 30
    assert heartbeat.late() == []
    clock.now_s += 1
    assert heartbeat.late() == ["loop"]
    heartbeat.beat("loop", 30)
    assert heartbeat.late() == []
    clock.now_s += 31
    assert heartbeat.late() == ["loop", "partition-1"]
    heartbeat.forget("partition-1")
    assert heartbeat.late() == ["loop"]


def test_each_wait_is_longer_than_the_last_up_to_a_limit():
    backoff = Backoff(0.5, 3)
    assert not backoff.failed_before
    assert [backoff.take() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    assert backoff.failed_before
    backoff.reset()
    assert not backoff.failed_before
    assert backoff.take() == 0.5


def test_one_budget_for_all_steps():
    clock = Clock()
    deadline = Deadline(20, clock)
    assert deadline.left_s() == 20
    assert deadline.left_s(10) == 10
    clock.now_s += 15
    assert deadline.left_s(10) == 5
    clock.now_s += 15
    assert deadline.left_s() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_to_stop(number):
    stop = asyncio.Event()
    with stopped_by_signals(stop.set):
        assert not await wait_for(stop, 0.001)
        os.kill(os.getpid(), number)
        assert await wait_for(stop, 5)
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


class TestPatience:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch):
        monkeypatch.setattr(patience, "FIRST_WAIT_S", 0.001)

    async def waited(self, *errors, wait_ms=60_000, begun=False, stop=False):
        """Whether it was done, after these failures; and what was said."""
        left, said, stopping = list(errors), [], asyncio.Event()

        async def attempt():
            if stop:
                stopping.set()
            if left:
                raise left.pop(0)

        def warn(message, *, error, seconds):
            said.append((message, error, seconds))

        done = await patiently(attempt, stopping, wait_ms, warn=warn, begun=lambda: begun)
        return done, said

    async def test_what_is_not_there_yet_is_waited_for_longer_each_time(self):
        away = BrokerError("away")
        message = "waiting for the broker"
        assert await self.waited() == (True, [])
        assert await self.waited(away, away) == (True, [(message, away, 0.001), (message, away, 0.002)])

    @pytest.mark.parametrize(
        ("error", "options"),
        [
            pytest.param(LoginError("no"), {}, id="no wait mends it"),
            pytest.param(BrokerError("away"), {"wait_ms": 0}, id="time is over"),
            pytest.param(BrokerError("away"), {"begun": True}, id="begun"),
        ],
    )
    async def test_what_is_not_waited_for(self, error, options):
        with pytest.raises(type(error)):
            await self.waited(error, **options)

    async def test_a_stop_ends_the_wait(self):
        done, _ = await self.waited(BrokerError("away"), stop=True)
        assert not done
