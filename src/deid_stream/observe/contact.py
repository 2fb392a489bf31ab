"""Whether a process hears from its broker, as its metrics and its ``/readyz`` say it."""

from typing import Final

from deid_stream.observe.metrics import Metrics
from deid_stream.units import Ms

CONNECTED_S: Final = 10.0
"""A broker that has not answered for so long counts as gone. Smaller: a slow answer looks like an outage; larger: an
outage is reported later."""


class BrokerContact:
    """``heard_ms`` is when the broker answered last, in ms since the epoch; 0: never."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.heard_ms: Ms = 0

    def connected(self, wall_ms: Ms) -> bool:
        """Whether the broker has answered within the last ``CONNECTED_S``. ``wall_ms``: ms since the epoch."""
        return wall_ms - self.heard_ms < CONNECTED_S * 1000

    def note(self, heard_ms: float, wall_ms: Ms) -> None:
        """Note when the broker answered last (``heard_ms``), and write ``deid_last_poll_timestamp_seconds`` and
        ``deid_broker_connected``."""
        self.heard_ms = max(self.heard_ms, int(heard_ms))
        self._metrics.last_poll.set(self.heard_ms / 1000)
        self._metrics.broker_connected.set(self.connected(wall_ms))
