"""One time limit for all steps of something that must come to an end."""

import time
from collections.abc import Callable


class Deadline:
    """The moment ``seconds`` from now, by which all steps together must be done."""

    def __init__(self, seconds: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._end_s = clock_s() + seconds

    def left_s(self, most_s: float = float("inf")) -> float:
        """Seconds until the deadline, ``most_s`` at most, 0 once it has passed."""
        return max(0.0, min(most_s, self._end_s - self._clock_s()))
