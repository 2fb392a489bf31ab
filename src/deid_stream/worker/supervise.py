"""``worker --processes N``: N members of the group, one core each; one that crashed or hangs is started again."""

import asyncio
import contextlib
import math
import multiprocessing
from collections.abc import AsyncIterator, Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final, NamedTuple

import msgspec

from deid_stream.config import Settings
from deid_stream.observe.labels import ENDED, HUNG
from deid_stream.observe.logs import get_log
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.deadline import Deadline
from deid_stream.runtime.signals import stopped_by_signals, wait_for
from deid_stream.worker.pulse import Life

log = get_log("worker")

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
STEADY_S: Final = 60.0
"""A process that ran for so long starts again at once when it crashes."""
STOP_S: Final = 30.0
_LOOK_S: Final = 0.1

Work = Callable[[bytes, Life], None]


class Patience(NamedTuple):
    """How long a process may be without a sign of life before it is killed."""

    start_s: float = 120.0
    """Before its first sign. Smaller: on a busy machine a process that is still starting is killed, for ever; larger:
    one that hangs in its start stays."""
    silent_s: float = 30.0
    """Afterwards. Comes on top of the time after which a stuck event loop counts as unhealthy (``LOOP_STUCK_S``)."""


class Member:
    """One process that is started again when it ends."""

    def __init__(self, settings: Settings, number: int, work: Work, patience: Patience) -> None:
        port = settings.metrics_port and settings.metrics_port + number
        self._settings = msgspec.structs.replace(settings, processes=1, metrics_port=port)
        self._number = number
        self._work = work
        self._patience = patience
        self._backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
        self._due_s = 0.0
        self._started_s = 0.0
        self._dead_s = 0.0
        self._pulse: Connection | None = None
        self._restarts = {ENDED: 0, HUNG: 0}
        self.process: SpawnProcess | None = None

    def look_after(self, now_s: float) -> None:
        """Start it when it is due, and find out when it has ended or hangs."""
        if self.process is None:
            if now_s >= self._due_s:
                self.process = self._start(now_s)
            return
        self._listen(now_s)
        if not self.process.is_alive():
            self._ended(self.process, ENDED, now_s)
        elif now_s > self._dead_s:
            log.error("worker process hangs and is killed", process=self._number, seconds=self._patience.silent_s)
            self.process.kill()
            self._ended(self.process, HUNG, now_s)

    def _start(self, now_s: float) -> SpawnProcess:
        context = multiprocessing.get_context("spawn")
        self._pulse, theirs = context.Pipe(duplex=False)
        life = Life(theirs, dict(self._restarts), self._number)
        process = context.Process(target=self._work, args=(msgspec.json.encode(self._settings), life))
        process.start()
        theirs.close()
        self._started_s = now_s
        self._dead_s = now_s + self._patience.start_s
        return process

    def _listen(self, now_s: float) -> None:
        """Take in what signs have come."""
        assert self._pulse is not None  # noqa: S101 - there is one for every process
        with contextlib.suppress(EOFError, OSError):
            while self._pulse.poll():
                self._pulse.recv_bytes()
                self._dead_s = now_s + self._patience.silent_s

    def _ended(self, process: SpawnProcess, why: str, now_s: float) -> None:
        process.join()
        if self._pulse is not None:
            self._pulse.close()
        if now_s - self._started_s > STEADY_S:
            self._backoff.reset()
        wait_s = self._backoff.take()
        self._restarts[why] += 1
        log.error("worker process ended", process=self._number, code=process.exitcode, seconds=wait_s)
        self.process = None
        self._due_s = now_s + wait_s


async def supervise(settings: Settings, work: Work, patience: Patience | None = None) -> int:
    """Run ``settings.processes`` workers until SIGTERM or SIGINT, which they are handed on. The exit status is the
    worst of theirs at the end. Their metrics ports follow on ``settings.metrics_port``. ``work``, a function of a
    module, is a process's whole life; it is given the settings as JSON, and what it needs to show signs of life."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    members = [Member(settings, number, work, patience or Patience()) for number in range(settings.processes)]
    with stopped_by_signals(stop.set):
        while not await wait_for(stop, _LOOK_S):
            for member in members:
                member.look_after(loop.time())
    return await _ended(members)


@contextlib.asynccontextmanager
async def beside(settings: Settings, work: Work) -> AsyncIterator[None]:
    """Keep one process running meanwhile. It may be silent for as long as it likes."""
    member = Member(settings, 0, work, Patience(math.inf, math.inf))

    async def look_after() -> None:
        while True:
            member.look_after(asyncio.get_running_loop().time())
            await asyncio.sleep(_LOOK_S)

    looking = asyncio.create_task(look_after(), name="beside")
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await _ended([member])


async def _ended(members: Sequence[Member]) -> int:
    """Ask them all to stop, and kill what does not; the worst exit status."""
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
