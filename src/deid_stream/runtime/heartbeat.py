"""Which parts of a process (the event loop, each partition) have shown a sign of life in time; ``/healthz`` asks."""

import time
from collections.abc import Callable


class Heartbeat:
    """Beats come from the loop's thread; ``late`` may be asked from any other (a probe's)."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._due_s: dict[str, float] = {}

    def beat(self, name: str, within_s: float) -> None:
        """The part ``name`` is alive. If it does not beat again within ``within_s`` seconds, it counts as stuck."""
        self._due_s[name] = self._clock_s() + within_s

    def forget(self, name: str) -> None:
        """The part ``name`` has ended as it should, so it beats no more."""
        self._due_s.pop(name, None)

    def late(self) -> list[str]:
        """The names of the parts that are stuck, sorted."""
        now_s = self._clock_s()
        return sorted(name for name, due_s in self._due_s.copy().items() if due_s < now_s)
