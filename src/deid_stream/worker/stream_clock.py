"""How time passes for the calls of one partition (law 9).

A call's own deadlines count in its own records' time: a producer that is an hour behind the others of its partition
loses nothing by it. Only a call that sends nothing more has to be told how much time has passed, and that is what this
clock measures: by the records of the other calls, and by the wall clock while there is nothing left to read.

``reached_ms`` is the latest record time, for the checkpoint and for the delay that is shown. ``elapsed_ms`` only ever
grows, and by ``MAX_STEP_MS`` at most with any one record or look at the wall clock: one wrong timestamp, or a process
that was stopped for an hour, cannot make a call look silent.
"""

from typing import Final

from deid_stream.units import Ms
from deid_stream.worker.ceiling import MAX_AHEAD_MS

MAX_STEP_MS: Final[Ms] = 5_000
"""What one record may add to the elapsed time. Larger, and one wrong timestamp in a backlog brings calls closer to
their end; smaller, and calls that have broken off are closed later when a backlog with few records is read."""


class StreamClock:
    """``restored_ms`` is a checkpoint's ``reached_ms``, 0 for none."""

    def __init__(self, restored_ms: Ms = 0) -> None:
        self.reached_ms = restored_ms
        self.elapsed_ms: Ms = 0
        self._idle_wall_ms: Ms | None = None

    def reach(self, time_ms: Ms) -> None:
        """A record of this record time has been accepted."""
        self._idle_wall_ms = None
        step_ms = time_ms - self.reached_ms
        if step_ms <= 0:
            return
        if self.reached_ms:
            self.elapsed_ms += min(step_ms, MAX_STEP_MS)
        self.reached_ms = time_ms

    def pass_idle(self, wall_ms: Ms) -> None:
        """There is nothing left to read: time passes as on the wall clock. Only the time between two looks counts, not
        the date, so that recorded calls can be replayed with the timestamps they had."""
        since_ms, self._idle_wall_ms = self._idle_wall_ms, wall_ms
        if since_ms is None or not self.reached_ms:
            return
        step_ms = min(max(0, wall_ms - since_ms), MAX_STEP_MS)
        self.elapsed_ms += step_ms
        self.reached_ms = max(self.reached_ms, min(self.reached_ms + step_ms, wall_ms + MAX_AHEAD_MS))

    def heal(self, latest_ms: Ms) -> None:
        """A checkpoint whose clock is ahead of the latest time that any record counts for, which never goes down, is
        put right. Elapsed time is not touched."""
        self.reached_ms = min(self.reached_ms, latest_ms)
