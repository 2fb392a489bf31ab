"""Waiting longer after each failure in a row."""


class Backoff:
    """Seconds to wait: doubled each time from ``first_s`` up to ``most_s``."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self.next_s = first_s

    @property
    def failed_before(self) -> bool:
        """There was a failure since the start or the last ``reset``."""
        return self.next_s > self._first_s

    def take(self) -> float:
        """How long to wait now; longer the next time."""
        taken_s, self.next_s = self.next_s, min(self.next_s * 2, self._most_s)
        return taken_s

    def reset(self) -> None:
        """It went well."""
        self.next_s = self._first_s
