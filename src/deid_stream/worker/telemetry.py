"""What one worker's metrics say of its partitions and its dead letters, measured once per second."""

from collections.abc import Mapping
from typing import Final

from deid_stream.observe.logs import get_log
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.progress import Progress
from deid_stream.units import Ms

TELL_EVERY_S: Final = 30.0
"""Between two log lines about dead letters of one code. Smaller: a broken producer fills the log."""

log = get_log("worker")


class Telemetry:
    """Writes the gauges."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._progress = Progress()
        self._known: dict[int, tuple[str, ...]] = {}
        self._told: dict[str, tuple[float, float]] = {}
        """By code of a dead letter: when it was logged last, and how many there were then."""

    def partition(
        self, number: int, unread: Mapping[str, int], places: Mapping[str, int], clock_ms: Ms, wall_ms: Ms
    ) -> None:
        """``unread`` records and the next offset to work on, both by kind; ``clock_ms`` is its stream time, 0 when it
        has none yet."""
        metrics, label = self._metrics, str(number)
        for kind, count in unread.items():
            metrics.lag_records.set(count, kind, label)
        metrics.stream_delay_ms.set(max(0, wall_ms - clock_ms) if clock_ms else 0, label)
        self._known[number] = tuple(unread)
        self._progress.look(number, tuple(places.items()), sum(unread.values()), wall_ms / 1000)

    def waiting(self, number: int, wall_ms: Ms) -> None:
        """The partition is assigned here and nobody has taken it over yet: that alone is work to do."""
        self._known.setdefault(number, ())
        self._progress.look(number, None, 1, wall_ms / 1000)

    def only(self, numbers: set[int], wall_ms: Ms) -> None:
        """Every other partition is somebody else's; then say how many of these stand still."""
        for number in self._known.keys() - numbers:
            for kind in self._known.pop(number):
                self._metrics.lag_records.forget(kind, str(number))
            self._metrics.stream_delay_ms.forget(str(number))
            self._progress.forget(number)
        self._metrics.stuck_partitions.set(self._progress.stuck(wall_ms / 1000))

    def dead_letters(self, now_s: float) -> None:
        """Log each code of which there are new dead letters: the first at once, then once in ``TELL_EVERY_S``. The
        line's ``count`` is how many there have been since this process began."""
        for code, count in self._metrics.dead_letters.values.items():
            said_s, said = self._told.get(code, (-TELL_EVERY_S, 0.0))
            if count > said and now_s - said_s >= TELL_EVERY_S:
                self._told[code] = now_s, count
                log.warning("records became dead letters", code=code, count=int(count))
