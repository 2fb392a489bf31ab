"""Tasks: steps that must not be cut short, and a guard under which no task dies in silence."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

GRACE_S: Final = 7.0
"""What a cancelled step may still take. Smaller: clients are cut off and leave connections open; larger: a stop takes
longer where a broker hangs."""

T = TypeVar("T")


async def uninterrupted(step: Coroutine[Any, Any, T]) -> T:
    """Run ``step``, a client's ``start`` or ``stop``, to its end although this task is cancelled meanwhile, even more
    than once; the cancellation goes on after it, after ``GRACE_S`` at the latest. A client cancelled half-way leaves
    connections open that nobody can close."""
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
            task.exception()  # looked at, or asyncio would complain
        raise
