"""The ceiling of record time: a record's timestamp counts for at most a few seconds ahead of the wall clock, unless
that clock is wrong.

A producer whose clock is ahead must not make other records look late. A worker whose clock is behind sees the same:
records from the future. The calls tell the two apart: where the next records of several calls are all ahead, and none
has agreed with the wall clock for a while, that clock is behind. If the records' times were lowered to it, its being
put right would look like minutes of silence in every call.
"""

from collections.abc import Sequence
from typing import Final

from deid_stream.kafka.record import InRecord
from deid_stream.units import Ms

MAX_AHEAD_MS: Final[Ms] = 5_000
"""How far a timestamp may be ahead of the wall clock: as far as the clocks of two machines may differ."""
_DOUBT_MS: Final[Ms] = 10_000
"""Records above the ceiling are believed only where no record has agreed with the wall clock for so long. Longer: a
clock that is set back lowers times for longer; shorter: one machine that is ahead is believed in the others' pauses."""


class Ceiling:
    """``ms`` is the latest time (epoch ms) that any record may count for. It never goes down."""

    def __init__(self) -> None:
        self.ms: Ms = 0
        self._agreed_ms: Ms = 0

    def look(self, wall_ms: Ms) -> None:
        """Raise the ceiling to ``MAX_AHEAD_MS`` after the wall clock."""
        if wall_ms + MAX_AHEAD_MS > self.ms:
            self.ms = wall_ms + MAX_AHEAD_MS

    def agree(self, time_ms: Ms) -> None:
        """Note that a record of this time, which is not above the ceiling, has come: it agrees with the wall clock."""
        self._agreed_ms = max(self._agreed_ms, time_ms)

    def doubted(self, time_ms: Ms) -> bool:
        """Whether a record of this time, which is above the ceiling, may be right and the wall clock wrong: no record
        has agreed with that clock lately."""
        return time_ms - self._agreed_ms > _DOUBT_MS

    def judge(self, records: Sequence[InRecord]) -> None:
        """Look at the records that come next, of every topic. Where they belong to several calls, all lie above the
        ceiling, and the wall clock is in doubt, the ceiling rises to ``MAX_AHEAD_MS`` after the earliest of them."""
        earliest_ms = min(record.timestamp for record in records)
        several = any(record.key != records[0].key for record in records)
        if several and earliest_ms > self.ms and self.doubted(earliest_ms):
            self.ms = earliest_ms + MAX_AHEAD_MS
