"""``worker --processes N``: N members of the group, one core each; a crashed one is started again."""

import asyncio
import multiprocessing
import signal
from multiprocessing.context import SpawnProcess
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.observe import hooks, logs
from deid_stream.observe.logs import get_log

log = get_log("worker")

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
STEADY_S: Final = 60.0
"""A process that ran for so long starts again at once when it crashes."""
STOP_S: Final = 30.0
_LOOK_S: Final = 0.1


class _Member:
    def __init__(self, settings: Settings, number: int) -> None:
        port = settings.metrics_port and settings.metrics_port + number
        self._settings = msgspec.structs.replace(settings, processes=1, metrics_port=port)
        self._number = number
        self._backoff_s = FIRST_BACKOFF_S
        self._due_s = 0.0
        self._started_s = 0.0
        self.process: SpawnProcess | None = None

    def look_after(self, now_s: float) -> None:
        """Start it when it is due, and find out when it has ended."""
        if self.process is None:
            if now_s >= self._due_s:
                context = multiprocessing.get_context("spawn")
                self.process = context.Process(target=_work, args=(msgspec.json.encode(self._settings),))
                self.process.start()
                self._started_s = now_s
            return
        if self.process.is_alive():
            return
        self.process.join()
        if now_s - self._started_s > STEADY_S:
            self._backoff_s = FIRST_BACKOFF_S
        log.error("worker process ended", count=self._number, code=self.process.exitcode, seconds=self._backoff_s)
        self.process = None
        self._due_s = now_s + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, MAX_BACKOFF_S)


async def supervise(settings: Settings) -> int:
    """Run ``settings.processes`` workers until SIGTERM or SIGINT, which they are handed on. The exit status is the
    worst of theirs at the end. Their metrics ports follow on ``settings.metrics_port``."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    members = [_Member(settings, number) for number in range(settings.processes)]
    while not stop.is_set():
        for member in members:
            member.look_after(loop.time())
        await _wait(stop, _LOOK_S)
    processes = [member.process for member in members if member.process is not None]
    for process in processes:
        process.terminate()
    deadline_s = loop.time() + STOP_S
    while any(process.is_alive() for process in processes) and loop.time() < deadline_s:  # noqa: ASYNC110 - processes
        await asyncio.sleep(_LOOK_S)
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
    return max((abs(process.exitcode or 0) for process in processes), default=0)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _work(settings: bytes) -> None:
    from deid_stream.worker.run import run_worker

    decoded = msgspec.json.decode(settings, type=Settings)
    logs.configure(decoded.log_level)
    hooks.install()
    raise SystemExit(hooks.contained(lambda: asyncio.run(run_worker(decoded))))
