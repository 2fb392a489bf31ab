"""Counts closed calls by window of time, and publishes each window once it is over, with small numbers hidden."""

import asyncio
import random
from collections.abc import Callable
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


class Windows:
    """``tallies`` is keyed by ``start/customer``. ``length_ms`` is a window's length; numbers of fewer calls than
    ``threshold`` are hidden; ``epsilon`` is the strength of the Laplace noise (0: none). The noise is drawn from
    ``seed`` and the window, so that a window that is published twice has the same numbers."""

    def __init__(
        self, tallies: Table[Tally], topic: str, *, length_ms: Ms, threshold: int, epsilon: float, seed: bytes
    ) -> None:
        self._tallies = tallies
        self._topic = topic
        self._length_ms = length_ms
        self._threshold = threshold
        self._epsilon = epsilon
        self._seed = seed

    def add(self, customer_id: str, closing: Closing, now_ms: Ms) -> None:
        """Count a call that has closed."""
        oldest_ms = window_start(now_ms - GRACE_MS, self._length_ms)
        start_ms = max(window_start(min(closing.time_ms, now_ms), self._length_ms), oldest_ms)
        key = f"{start_ms}/{customer_id}"
        facts = CallFacts(
            customer_id=customer_id,
            duration_ms=closing.duration_ms,
            values=closing.values,
            withheld=closing.withheld,
            opted_out=closing.opted_out,
        )
        self._tallies.set(key, (self._tallies.get(key) or Tally()).plus(facts))

    def over(self, now_ms: Ms) -> dict[Ms, dict[str, Tally]]:
        """The windows that are over and not yet published, by their start in ms since the epoch, each with its counts
        by customer."""
        found: dict[Ms, dict[str, Tally]] = {}
        for key, tally in self._tallies.items():
            start, _, customer_id = key.partition("/")
            if now_ms >= int(start) + self._length_ms + GRACE_MS:
                found.setdefault(int(start), {})[customer_id] = tally
        return found

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

    def forget(self, start_ms: Ms, customers: list[str]) -> None:
        """Drop a window that has been published."""
        for customer_id in customers:
            self._tallies.drop(f"{start_ms}/{customer_id}")


async def publish_windows(windows: Windows, sender: Sender, wall_ms: Callable[[], Ms]) -> None:
    """Publish each window that is over, until cancelled. It waits for a broker that is away; raises BrokerError where
    waiting would not help."""
    backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
    while True:
        try:
            for start_ms, tallies in sorted(windows.over(wall_ms()).items()):
                await sender.send(windows.records(start_ms, tallies))
                windows.forget(start_ms, list(tallies))
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
