"""Processes of the service that begin as copies of one that has imported it: a second of a processor less for each.

Where it matters what a process was started with (its command line, its environment, its clock), tests start it anew.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

_PRELOADED = ["deid_stream.cli", "deid_stream.control.run", "deid_stream.worker.run"]


class Child:
    """``deid-stream`` with ``arguments``; what it writes is added to the file ``log``."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._process: ForkServerProcess = _context().Process(target=_run, args=(arguments, dict(environment), log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """As Popen's."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit status; None where it runs on."""
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _run(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    from deid_stream.cli import main

    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["deid-stream", *arguments]
    with contextlib.suppress(BrokenPipeError):
        main()
