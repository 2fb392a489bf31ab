"""Takes the records of a partition number's three topics together, in the order of record time (law 9)."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from deid_stream.kafka.record import InRecord
from deid_stream.model.topics import INPUT_KINDS
from deid_stream.units import FOREVER_MS, Ms

_LEAP_MS: Final = 5_000
"""A larger step of record time within one topic counts only where the records behind it confirm it. Smaller: ordinary
pauses are checked, too."""
_WITNESSES: Final = 8
"""Number of records behind a leap that are checked. More: a longer run of records with a wrong clock is recognised, and
each leap costs more."""


class Merge:
    """Records by kind, taken in record time. A kind with nothing to read holds the others back, unless it has been
    read to its end: only then is it known that nothing earlier is coming.

    The order goes by the running maximum of each topic's timestamps, at most ``ceiling_ms``. A timestamp that leaps
    ahead counts there only if records behind it bear it out: all of them, or several and not of the same call alone.
    So one producer with a wrong clock cannot push the time of a topic into the future, also where a backlog is read.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[InRecord]] = {kind: deque() for kind in INPUT_KINDS}
        self._time_ms: dict[str, Ms] = dict.fromkeys(INPUT_KINDS, 0)
        self._at_end: frozenset[str] = frozenset()
        self.records = 0
        """Number of records that wait, of all kinds."""
        self.bytes: dict[str, int] = dict.fromkeys(INPUT_KINDS, 0)

    def feed(self, kind: str, records: Sequence[InRecord]) -> None:
        self._queues[kind].extend(records)
        self.records += len(records)
        self.bytes[kind] += sum([len(record.value) for record in records if record.value])

    def at_end(self, kinds: frozenset[str]) -> None:
        """The kinds whose records have all been fed."""
        self._at_end = kinds

    @property
    def idle(self) -> bool:
        """Whether every record that there is, of every kind, has been taken."""
        return not self.records and len(self._at_end) == len(INPUT_KINDS)

    @property
    def exhausted(self) -> set[str]:
        """Kinds of which everything that there is has been taken."""
        return {kind for kind in self._at_end if not self._queues[kind]}

    def waiting(self, kind: str) -> int:
        return len(self._queues[kind])

    @property
    def latest_ms(self) -> Ms:
        """The latest timestamp among the next records of each kind; 0 where there are none."""
        return max([queue[0].timestamp for queue in self._queues.values() if queue], default=0)

    def coming(self) -> list[InRecord]:
        """The next few records of each kind."""
        return [record for queue in self._queues.values() for record in islice(queue, _WITNESSES)]

    def take(self, limit: int, ceiling_ms: Ms, *, skip: str | None = None) -> Iterator[tuple[Ms, str, InRecord]]:
        """Up to ``limit`` records as (the topics' time, kind, record), each taken when it is asked for; none of the
        kind ``skip``, which then holds nothing back either."""
        queues, times = self._queues, self._time_ms
        heads: dict[str, Ms] = {}
        for kind in INPUT_KINDS:
            if queues[kind] and kind != skip:
                heads[kind] = _step(times[kind], queues[kind], ceiling_ms)
            elif kind not in self._at_end and kind != skip:
                return
        while heads and limit > 0:
            kind, *others = sorted(heads, key=heads.__getitem__)
            queue, time_ms = queues[kind], heads[kind]
            until_ms = heads[others[0]] if others else FOREVER_MS
            while True:
                record = queue.popleft()
                self.records -= 1
                if record.value:
                    self.bytes[kind] -= len(record.value)
                times[kind] = time_ms
                yield time_ms, kind, record
                limit -= 1
                if not queue:
                    if kind not in self._at_end:
                        return
                    del heads[kind]
                    break
                if queue[0].timestamp > time_ms:
                    time_ms = _step(time_ms, queue, ceiling_ms)
                if limit <= 0 or time_ms >= until_ms:
                    heads[kind] = time_ms
                    break

    def put_back(self, kind: str, record: InRecord) -> None:
        """Give back the record that was taken last: the next ``take`` gives it again, at the same time."""
        self._queues[kind].appendleft(record)
        self.records += 1
        self.bytes[kind] += len(record.value) if record.value else 0


def _step(time_ms: Ms, queue: deque[InRecord], ceiling_ms: Ms) -> Ms:
    """The topic's time at the first record in ``queue``, where it had come to ``time_ms``."""
    stamp_ms: Ms = queue[0].timestamp
    if stamp_ms > ceiling_ms:
        stamp_ms = ceiling_ms
    if stamp_ms <= time_ms:
        return time_ms
    return stamp_ms if stamp_ms - time_ms <= _LEAP_MS else _leap(time_ms, stamp_ms, queue)


def _leap(time_ms: Ms, stamp_ms: Ms, queue: deque[InRecord]) -> Ms:
    first, *witnesses = islice(queue, _WITNESSES + 1)
    agreeing = [record for record in witnesses if record.timestamp >= stamp_ms - _LEAP_MS]
    if len(agreeing) == len(witnesses) or (len(agreeing) > 1 and any(record.key != first.key for record in agreeing)):
        return stamp_ms
    # the topic goes on as far as all records behind the leap do
    borne_out_ms: Ms = min(record.timestamp for record in witnesses)
    return max(time_ms, borne_out_ms)
