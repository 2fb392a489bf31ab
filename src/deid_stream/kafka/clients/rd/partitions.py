"""The state and position of each partition that this member of the group has, and what the reading client must do next.

    state       is read   position                     leaves by
    unassigned  no        none                         give
    unplaced    yes       the group's offset, looked   found, seek, pause, take
                          up before reading starts
    paused      no        kept (or none yet)           resume, seek, take
    reading     yes       behind the last record       pause, seek, take
                          that was given

Only the event loop changes the table. Every change gives the partition a new *epoch*; ``plan`` says which partitions
are read now, from where, and in which epoch. The reading thread makes its client do that before it reads, and what it
brings back counts only where the epoch is still the same: records that were on their way when somebody paused, sought
or lost the partition are dropped, and the position has not moved over them.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from deid_stream.errors import BrokerError
from deid_stream.kafka.record import InRecord, Place


class Start(NamedTuple):
    """Read from ``offset`` on; None: from where the group stands."""

    epoch: int
    offset: int | None


Plan = Mapping[Place, Start]

NOTHING: Final[Plan] = {}


class Turn(msgspec.Struct):
    """The result of one reading by the reading thread."""

    epochs: Mapping[Place, int] = {}
    """Epoch of each partition that was read."""
    found: dict[Place, int] = {}
    """Offset at which reading began, of partitions that had no position."""
    records: dict[Place, list[InRecord]] = {}
    ends: dict[Place, int] = {}
    """End offset of the partitions that were read to their end; it lies behind all ``records``."""
    damaged: dict[Place, InRecord] = {}
    """Of a partition whose next batch cannot be read, a record without content at that batch's offset; it comes after
    all ``records``."""
    failed: BrokerError | None = None
    """An error that came up during the reading; ``records`` count all the same."""


class _Partition(msgspec.Struct):
    epoch: int
    position: int | None = None
    paused: bool = False
    at_end: bool = False


class PartitionTable:
    """The states and positions of the partitions of one member (the table at the top of the module)."""

    def __init__(self) -> None:
        self._partitions: dict[Place, _Partition] = {}
        self._epoch = 0
        self._plan: Plan | None = NOTHING

    def __contains__(self, place: Place) -> bool:
        return place in self._partitions

    def places(self) -> set[Place]:
        return set(self._partitions)

    def paused(self) -> set[Place]:
        return {place for place, partition in self._partitions.items() if partition.paused}

    def position(self, place: Place) -> int | None:
        """The next offset to be given; None where this member does not have the partition, or its position is not known
        yet."""
        partition = self._partitions.get(place)
        return None if partition is None else partition.position

    def at_end(self, place: Place) -> bool:
        """Whether everything that there was when the broker last answered has been given."""
        partition = self._partitions.get(place)
        return partition is not None and partition.at_end

    def give(self, places: Iterable[Place]) -> None:
        """The group has given this member these partitions, and no others."""
        self._partitions = {place: _Partition(self._next_epoch()) for place in places}

    def take(self, places: Iterable[Place]) -> None:
        for place in places:
            self._partitions.pop(place, None)
        self._next_epoch()

    def seek(self, place: Place, offset: int) -> bool:
        """Set a partition's position; a paused one stays paused. Returns False where this member does not have it."""
        partition = self._partitions.get(place)
        if partition is None:
            return False
        partition.position = offset
        self._changed(partition)
        return True

    def pause(self, places: Collection[Place]) -> None:
        self._turn(places, paused=True)

    def resume(self, places: Collection[Place]) -> None:
        self._turn(places, paused=False)

    def again(self) -> None:
        """Read every partition again from its position: a reading was lost."""
        for partition in self._partitions.values():
            self._changed(partition)

    def plan(self) -> Plan:
        """The partitions to read now, and from where. Returns the same object until something changes."""
        if self._plan is None:
            self._plan = {
                place: Start(partition.epoch, partition.position)
                for place, partition in self._partitions.items()
                if not partition.paused
            }
        return self._plan

    def took(self, turn: Turn) -> dict[Place, list[InRecord]]:
        """Move the positions by what a reading brought, and return the records that count: those of partitions whose
        epoch has not changed since."""
        for place, offset in turn.found.items():
            if (partition := self._current(place, turn)) is not None and partition.position is None:
                partition.position = offset
        batches: dict[Place, list[InRecord]] = {}
        for place, records in turn.records.items():
            if (partition := self._current(place, turn)) is not None:
                batches[place] = records
                partition.position = records[-1].offset + 1
                partition.at_end = False
        for place, offset in turn.ends.items():
            if (partition := self._current(place, turn)) is not None:
                # behind the marks of transactions, which are never given
                partition.position = max(offset, partition.position or 0)
                partition.at_end = True
        for place, record in turn.damaged.items():
            if (partition := self._current(place, turn)) is not None:
                batches[place] = [*batches.get(place, ()), self._damaged(partition, record)]
        return batches

    def _damaged(self, partition: _Partition, record: InRecord) -> InRecord:
        """The next record, lost with its batch. librdkafka would fetch that batch again and again, and names its first
        record each time: reading starts again behind this one."""
        offset = max(record.offset, partition.position or 0)
        partition.position = offset + 1
        self._changed(partition)
        return msgspec.structs.replace(record, offset=offset)

    def _current(self, place: Place, turn: Turn) -> _Partition | None:
        partition = self._partitions.get(place)
        return partition if partition is not None and partition.epoch == turn.epochs.get(place) else None

    def _turn(self, places: Collection[Place], *, paused: bool) -> None:
        for place in places:
            partition = self._partitions.get(place)
            if partition is not None and partition.paused is not paused:
                partition.paused = paused
                self._changed(partition)

    def _changed(self, partition: _Partition) -> None:
        partition.at_end = False
        partition.epoch = self._next_epoch()

    def _next_epoch(self) -> int:
        self._plan = None
        self._epoch += 1
        return self._epoch
