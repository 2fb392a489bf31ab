"""Counts closed calls by window of time, and publishes each window once it is over, with small numbers hidden."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from deid_stream.control.tables import Table
from deid_stream.errors import BrokerError
from deid_stream.kafka.ports import Sender
from deid_stream.kafka.record import OutRecord
from deid_stream.model.published import Closing
from deid_stream.observe.logs import get_log
from deid_stream.policy.aggregates import CallFacts, Noise, Published, Tally, publish, window_start
from deid_stream.runtime.backoff import Backoff
from deid_stream.units import Ms

log = get_log("control")

GRACE_MS: Final[Ms] = 60_000
"""A window is published so long after its end, so that calls which closed in it are known by then. Smaller: more calls
come too late, and count in the oldest window that is still open; larger: windows are published later."""
EVERY_S: Final = 5.0
"""Between two looks for windows that are over. Larger: windows are published later."""
FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0

_LAST: Final = "published"
"""The key of the only entry of the table."""


class Windows:
    """``published`` has one entry: the start of the last window that was published (ms since the epoch). ``length_ms``
    is a window's length; numbers of fewer calls than ``threshold`` are hidden; ``epsilon`` is the strength of the
    Laplace noise (0: none). The noise is drawn from ``seed`` and the window, so that a window that is published twice
    has the same numbers.

    The counts are in memory only. Each call's entry in the index holds what it adds and to which window, so a crash can
    neither lose a call nor count it twice."""

    def __init__(
        self, published: Table[Ms], topic: str, *, length_ms: Ms, threshold: int, epsilon: float, seed: bytes
    ) -> None:
        self._published = published
        self._topic = topic
        self._length_ms = length_ms
        self._threshold = threshold
        self._epsilon = epsilon
        self._seed = seed
        self._tallies: dict[Ms, dict[str, Tally]] = {}

    def start_of(self, closing: Closing, now_ms: Ms) -> Ms:
        """The start (ms since the epoch) of the window in which a closed call counts that becomes known at ``now_ms``:
        that of its closing time, or the oldest one that is still open."""
        time_ms = max(min(closing.time_ms, now_ms), now_ms - GRACE_MS)
        start_ms = window_start(time_ms, self._length_ms)
        if not self.has_published(start_ms):
            return start_ms
        # published already: the clock was set back, or windows had another length before
        return window_start(self._last_ms, self._length_ms) + self._length_ms

    def add(self, customer_id: str, closing: Closing, start_ms: Ms) -> None:
        """Count a call in the window that begins at ``start_ms``. Does nothing where that has been published."""
        if self.has_published(start_ms):
            return
        facts = CallFacts(
            customer_id=customer_id,
            duration_ms=closing.duration_ms,
            values=closing.values,
            withheld=closing.withheld,
            opted_out=closing.opted_out,
        )
        tallies = self._tallies.setdefault(start_ms, {})
        tallies[customer_id] = tallies.get(customer_id, Tally()).plus(facts)

    def over(self, now_ms: Ms) -> dict[Ms, dict[str, Tally]]:
        """The windows that are over and not yet published, by their start in ms since the epoch and in its order, each
        with its counts by customer."""
        until_ms = now_ms - self._length_ms - GRACE_MS
        return {start_ms: self._tallies[start_ms] for start_ms in sorted(self._tallies) if start_ms <= until_ms}

    def records(self, start_ms: Ms, tallies: dict[str, Tally]) -> list[OutRecord]:
        """The records of one window: a row for each customer, and one for the whole deployment."""
        noise = None
        if self._epsilon:
            drawn = random.Random(self._seed + b"%d" % start_ms)
            noise = Noise(self._epsilon, drawn.random)
        made = publish(tallies, start_ms, threshold=self._threshold, noise=noise)
        rows = {**made.customers, "": made.deployment}
        return [
            OutRecord(self._topic, f"{name or '*'}/{start_ms}".encode(), _value(made, name, self._length_ms))
            for name in rows
        ]

    def published(self, start_ms: Ms) -> None:
        """Note that the window, and every one before it, has been published."""
        self._published.set(_LAST, start_ms)
        self._tallies.pop(start_ms, None)

    def has_published(self, start_ms: Ms) -> bool:
        """Whether the window that begins at ``start_ms`` has been published."""
        return start_ms <= self._last_ms

    @property
    def _last_ms(self) -> Ms:
        return self._published.get(_LAST) or 0


async def publish_windows(
    windows: Windows, sender: Sender, flush: Callable[[], Awaitable[None]], wall_ms: Callable[[], Ms]
) -> None:
    """Publish each window that is over, until cancelled. ``flush`` returns once the broker has the entry of every call
    that was counted; without it, a crash could lose an entry of a call in a published window, and the call would count
    again in the next one. Waits for a broker that is away; raises BrokerError where waiting would not help."""
    backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
    while True:
        try:
            for start_ms, tallies in windows.over(wall_ms()).items():
                await flush()
                await sender.send(windows.records(start_ms, tallies))
                windows.published(start_ms)
        except BrokerError as error:
            if not error.retryable:
                raise
            log.warning("publishing windows tried again", error=error, seconds=backoff.next_s)
            await asyncio.sleep(backoff.take())
        else:
            backoff.reset()
            await asyncio.sleep(EVERY_S)


def _value(made: Published, name: str, length_ms: Ms) -> bytes:
    row = made.customers[name] if name else made.deployment
    fields = {
        "customer_id": name or None,
        "window_start_ms": made.window_start_ms,
        "window_ms": length_ms,
        "threshold": made.threshold,
        "epsilon": made.epsilon,
    }
    return msgspec.json.encode(fields | msgspec.structs.asdict(row))
