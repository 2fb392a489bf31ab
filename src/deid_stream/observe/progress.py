"""Finds the partitions that have a backlog and make no progress. Pure: times are arguments."""

from typing import Final

STUCK_S: Final = 60.0
"""A partition with a backlog of which nothing has been worked on for this long is stuck. Smaller: partitions count as
stuck during a recovery or a rebalance; larger: the alert comes later."""


class Progress:
    """Look at each partition now and then; ``stuck`` says how many have stood still."""

    def __init__(self, stuck_s: float = STUCK_S) -> None:
        self._stuck_s = stuck_s
        self._moved: dict[int, tuple[object, float, bool]] = {}
        """By partition: where it stood, since when it has had something to do there, and whether it had any."""

    def look(self, partition: int, place: object, unread: int, now_s: float) -> None:
        """Note where a partition stands. ``place``: any value that changes when a record is worked on; ``unread``: the
        size of its backlog."""
        before = self._moved.get(partition)
        moved = before is None or before[0] != place or not (unread and before[2])
        since_s = now_s if before is None or moved else before[1]
        self._moved[partition] = (place, since_s, unread > 0)

    def forget(self, partition: int) -> None:
        """This process does not have the partition any more."""
        self._moved.pop(partition, None)

    def stuck(self, now_s: float) -> int:
        """The number of partitions that have had a backlog for ``stuck_s`` and have not moved."""
        return sum(unread and now_s - since_s >= self._stuck_s for _, since_s, unread in self._moved.values())
