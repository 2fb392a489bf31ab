"""Follows a compacted topic as a table: reads it to its end first, then applies every record that comes."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.record import InRecord, Place

_POLL_MS: Final = 100
_DEADLINE_S: Final = 60.0
"""Longest time for the first reading. Smaller: a large table cannot start; larger: a dead broker is noticed later."""


class TopicTable:
    """``apply`` is given every record, partition by partition in offset order: a value of None removes its key. What
    the client cannot read comes with ``unreadable`` set and no key.

    ``async with`` reads all there is; ``follow`` goes on with what comes.
    """

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        isolation: Isolation,
        apply: Callable[[InRecord], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._isolation = isolation
        self._apply = apply
        self._wall = wall
        self._next: dict[Place, int] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises TopicError where the topic is missing, BrokerError where it cannot be read."""
        async with contextlib.AsyncExitStack() as stack:
            self._reader = await stack.enter_async_context(self._kafka.log_reader(self._isolation, follows=True))
            places = await self._reader.partitions(self._topic)
            if not places:
                raise TopicError(f"topic {self._topic} is missing; run `deid-stream topics create`")
            ends = {place: await self._reader.end(place) for place in places}
            self._next = {place: await self._reader.begin(place) for place in places}
            self._reader.assign(self._next)
            try:
                async with asyncio.timeout(_DEADLINE_S):
                    while any([await self._reader.position(place) < ends[place] for place in places]):
                        await self._poll()
            except TimeoutError:
                raise BrokerError(
                    f"reading {self._topic}: not read to its end in {_DEADLINE_S:.0f} s; check the broker"
                ) from None
            for place in places:
                self._next[place] = max(self._next[place], ends[place])
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def follow(self) -> None:
        """Apply what comes, until cancelled. Raises BrokerError when the topic may no longer be read."""
        while True:
            await self._poll()

    async def once(self) -> None:
        """Apply the records that have come; for a caller that does not ``follow``."""
        await self._poll()

    def positions(self) -> dict[int, int]:
        """The next offset to apply, by partition number."""
        return {place.partition: offset for place, offset in self._next.items()}

    def heard_ms(self) -> int:
        """When the broker last answered for any of it, in ms since the epoch; 0: never."""
        return max((self._reader.heard_ms(place) or 0 for place in self._next), default=0)

    def silent_s(self) -> float:
        """For how long the partition that was quiet the longest has not been heard from; 0 before the first answer."""
        now_ms = self._wall() * 1000
        heard = (self._reader.heard_ms(place) for place in self._next)
        return max(((now_ms - ms) / 1000 for ms in heard if ms is not None), default=0.0)

    async def _poll(self) -> None:
        for place, records in (await self._reader.poll(_POLL_MS)).items():
            for record in records:
                self._next[place] = record.offset + 1
                self._apply(record)
