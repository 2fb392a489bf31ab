"""Sends a worker process's signs of life over a pipe to the process that supervises it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

EVERY_S: Final = 1.0
"""Between two signs."""


class Life(NamedTuple):
    """What a supervisor gives a process on its way."""

    pulse: Connection
    """The process writes here that it is healthy."""
    restarts: Mapping[str, int]
    """How often processes of its place were started again, by why; its own start is counted."""
    number: int = 0
    """Number of this process among the supervisor's, from 0; its metrics port is the first port plus this number."""


@contextlib.contextmanager
def beating(life: Life | None, healthy: Callable[[], bool], orphaned: Callable[[], object]) -> Iterator[None]:
    """Say once per second that all is well, while ``healthy`` says so, from a thread of its own: one that cannot run
    because another holds the interpreter says nothing, which is right. ``orphaned`` is called, from that thread, when
    nobody listens any more. None: nobody supervises."""
    if life is None:
        yield
        return
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(EVERY_S):
            if healthy():
                try:
                    life.pulse.send_bytes(b".")
                except OSError:
                    orphaned()
                    return

    thread = threading.Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
