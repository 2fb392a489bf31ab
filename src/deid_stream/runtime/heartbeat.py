"""Who has shown signs of life: the event loop and everything long-lived on it."""

import time
from collections.abc import Callable


class Heartbeat:
    """Beats come from the loop's thread; ``late`` may be asked from any other (a probe's)."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._due_s: dict[str, float] = {}

    def beat(self, name: str, within_s: float) -> None:
        """``name`` is alive, and will say so again within ``within_s`` seconds, or else it is stuck."""
        self._due_s[name] = self._clock_s() + within_s

    def forget(self, name: str) -> None:
        """It has ended, and should have."""
        self._due_s.pop(name, None)

    def late(self) -> list[str]:
        """Names that should have beaten by now."""
        now_s = self._clock_s()
        return sorted(name for name, due_s in self._due_s.copy().items() if due_s < now_s)
