"""``worker --processes N``: N members of the group, one core each; a crashed one is started again."""

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.observe.logs import get_log
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.deadline import Deadline
from deid_stream.runtime.signals import stopped_by_signals, wait_for

log = get_log("worker")

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
STEADY_S: Final = 60.0
"""A process that ran for so long starts again at once when it crashes."""
STOP_S: Final = 30.0
_LOOK_S: Final = 0.1

Work = Callable[[bytes], None]


class _Member:
    def __init__(self, settings: Settings, number: int, work: Work) -> None:
        port = settings.metrics_port and settings.metrics_port + number
        self._settings = msgspec.structs.replace(settings, processes=1, metrics_port=port)
        self._number = number
        self._work = work
        self._backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
        self._due_s = 0.0
        self._started_s = 0.0
        self.process: SpawnProcess | None = None

    def look_after(self, now_s: float) -> None:
        """Start it when it is due, and find out when it has ended."""
        if self.process is None:
            if now_s >= self._due_s:
                context = multiprocessing.get_context("spawn")
                self.process = context.Process(target=self._work, args=(msgspec.json.encode(self._settings),))
                self.process.start()
                self._started_s = now_s
            return
        if self.process.is_alive():
            return
        self.process.join()
        if now_s - self._started_s > STEADY_S:
            self._backoff.reset()
        wait_s = self._backoff.take()
        log.error("worker process ended", count=self._number, code=self.process.exitcode, seconds=wait_s)
        self.process = None
        self._due_s = now_s + wait_s


async def supervise(settings: Settings, work: Work) -> int:
    """Run ``settings.processes`` workers until SIGTERM or SIGINT, which they are handed on. The exit status is the
    worst of theirs at the end. Their metrics ports follow on ``settings.metrics_port``. ``work``, a function of a
    module, is a process's whole life; it is given the settings as JSON."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    members = [_Member(settings, number, work) for number in range(settings.processes)]
    with stopped_by_signals(stop.set):
        while not await wait_for(stop, _LOOK_S):
            for member in members:
                member.look_after(loop.time())
    processes = [member.process for member in members if member.process is not None]
    for process in processes:
        process.terminate()
    deadline = Deadline(STOP_S)
    while any(process.is_alive() for process in processes) and deadline.left_s():  # noqa: ASYNC110 - processes
        await asyncio.sleep(_LOOK_S)
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
    return max((abs(process.exitcode or 0) for process in processes), default=0)
