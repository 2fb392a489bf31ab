"""Runs steps that must not be interrupted, and tasks whose failure is always reported."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from deid_stream.errors import DeidError, TaskError

GRACE_S: Final = 7.0
"""How long a step may go on after it was cancelled. Smaller: clients are cut off and leave connections open; larger: a
stop takes longer where a broker hangs."""

AGAIN_S: Final = GRACE_S + 1.0
"""A task that still runs so long after it was cancelled is cancelled again. Smaller: its clean-up is cut short; larger:
a process whose task has lost its cancellation ends later."""

T = TypeVar("T")


async def uninterrupted(step: Coroutine[object, None, T]) -> T:
    """Run ``step`` (a client's ``start`` or ``stop``) to its end, even when this task is cancelled meanwhile. The
    cancellation is raised afterwards, ``GRACE_S`` later at most. A client that is cancelled half-way leaves connections
    open that nobody can close."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        timer = asyncio.get_running_loop().call_later(GRACE_S, task.cancel)
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        timer.cancel()
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would report it as never retrieved
        raise


async def cancelled(*tasks: "asyncio.Task[object]") -> None:
    """Cancel these tasks and wait until each has ended, whatever it ends with. One that goes on is cancelled again:
    libraries lose a cancellation (``asyncio.wait_for`` of Python 3.11 does, where what it waits for ends at the same
    moment), and a task that works for ever would then never end."""
    pending = set(tasks)
    while pending := {task for task in pending if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


class TaskGuard:
    """Reports every task that fails. An exception that no code expects is given to ``on_failure``, with the
    task's name, and raised as TaskError, whose message holds its type only. DeidErrors and cancellations pass
    unchanged."""

    def __init__(self, on_failure: Callable[[str, Exception], None]) -> None:
        self._on_failure = on_failure

    async def contain(self, name: str, work: Coroutine[object, None, T]) -> T:
        """Await ``work`` and return its result. ``name``: how metrics and logs call it. Raises TaskError."""
        try:
            return await work
        except DeidError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody must be told
            self._on_failure(name, error)
            raise TaskError(f"the task {name!r} failed with {type(error).__name__}") from None

    def start(self, name: str, work: Coroutine[object, None, T]) -> "asyncio.Task[T]":
        """``contain`` as a new asyncio task."""
        return asyncio.create_task(self.contain(name, work), name=name)
