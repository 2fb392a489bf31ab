"""Waiting longer after each failure in a row."""


class Backoff:
    """How long to wait after failures in a row: ``first_s`` seconds, then twice as long each time, ``most_s`` at
    most."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self.next_s = first_s

    @property
    def failed_before(self) -> bool:
        """Whether ``take`` was called since the start or the last ``reset``."""
        return self.next_s > self._first_s

    def take(self) -> float:
        """Call it after a failure: the seconds to wait now."""
        taken_s, self.next_s = self.next_s, min(self.next_s * 2, self._most_s)
        return taken_s

    def reset(self) -> None:
        """Call it after a success: the next wait is ``first_s`` again."""
        self.next_s = self._first_s
