"""Lets a process that starts wait for a broker that does not answer yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from deid_stream.errors import BrokerError
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.signals import wait_for

FIRST_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 30.0


async def patiently(
    attempt: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    wait_ms: int,
    *,
    warn: Callable[..., object],
    begun: Callable[[], bool] = lambda: False,
) -> bool:
    """Call ``attempt`` until it succeeds, with growing pauses, for ``wait_ms`` in all. Returns True when it has
    succeeded, False when ``stop`` was set before. ``warn`` (a log's method) is called at each failure.

    Raises the BrokerError of ``attempt`` where waiting does not help (``retryable`` is False), where the time is over,
    and where ``begun`` says that ``attempt`` had already started what must not be done twice.
    """
    loop = asyncio.get_running_loop()
    give_up_s = loop.time() + wait_ms / 1000
    backoff = Backoff(FIRST_WAIT_S, MAX_WAIT_S)
    while not stop.is_set():
        try:
            await attempt()
        except BrokerError as error:
            if begun() or not error.retryable or loop.time() + backoff.next_s > give_up_s:
                raise
            warn("waiting for the broker", error=error, seconds=backoff.next_s)
            await wait_for(stop, backoff.take())
        else:
            return True
    return False
