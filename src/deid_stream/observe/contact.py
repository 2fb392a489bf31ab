"""Whether a process hears from its broker, as its metrics and its ``/readyz`` say it."""

from typing import Final

from deid_stream.observe.metrics import Metrics
from deid_stream.units import Ms

CONNECTED_S: Final = 10.0
"""A broker that has not answered for so long counts as gone. Smaller, and a slow answer looks like an outage."""


class BrokerContact:
    """``heard_ms`` is when the broker answered last, in ms since the epoch; 0: never."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.heard_ms: Ms = 0

    def connected(self, wall_ms: Ms) -> bool:
        """The broker has answered lately."""
        return wall_ms - self.heard_ms < CONNECTED_S * 1000

    def note(self, heard_ms: float, wall_ms: Ms) -> None:
        """Write the gauges: when it answered last, and whether that is lately."""
        self.heard_ms = max(self.heard_ms, int(heard_ms))
        self._metrics.last_poll.set(self.heard_ms / 1000)
        self._metrics.broker_connected.set(self.connected(wall_ms))
