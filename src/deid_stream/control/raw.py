"""Calls' records on the raw topics. Those are not compacted: all that can be deleted of a partition is everything up to
an offset, other calls' records too, so what it would take is told first."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model.json import UNDECODABLE
from deid_stream.model.topics import EVENTS, INPUTS
from deid_stream.wire import cloudevents as ce


class Cut(NamedTuple):
    """Deleting all records of a partition below ``before``."""

    place: Place
    before: int
    records: int
    """That are there and would go."""
    own: int
    """Of them those that were asked for."""
    calls: tuple[str, ...]
    """The others' calls that would lose records."""


class Plan(msgspec.Struct, frozen=True):
    cuts: list[Cut]

    @property
    def others(self) -> list[str]:
        """Calls that were not asked for and would lose records."""
        return sorted({call for cut in self.cuts for call in cut.calls})


async def plan(kafka: Kafka, prefix: str, customer_id: str, calls: Collection[str]) -> Plan:
    """What deleting the raw records of these calls of the customer, or without any of all of its calls, would take.
    Raises BrokerError."""
    asked = _Asked(customer_id, calls or await _calls_of(kafka, prefix, customer_id), every=not calls)
    cuts = []
    for topic in INPUTS:
        async with reading(kafka, prefix + topic.name, "read_uncommitted") as (reader, places):
            for place in places:
                count = _Count()
                begin, end = await reader.begin(place), await reader.end(place)
                async for records in read_range(reader, place, begin, end):
                    for record in records:
                        count.take(record, asked=asked.holds(record))
                if count.own:
                    cuts.append(Cut(place, count.before, count.records, count.own, tuple(sorted(count.calls))))
    return Plan(cuts)


async def carry_out(kafka: Kafka, planned: Plan) -> int:
    """Delete; how many records. Raises BrokerError."""
    async with kafka.admin() as admin:
        await admin.delete_records({cut.place: cut.before for cut in planned.cuts})
    return sum(cut.records for cut in planned.cuts)


def _call(record: InRecord) -> str:
    return (record.key or b"").decode(errors="replace")


async def _calls_of(kafka: Kafka, prefix: str, customer_id: str) -> set[str]:
    """Calls whose events name the customer: their transcripts need not."""
    found: set[str] = set()
    async with reading(kafka, prefix + EVENTS.name, "read_uncommitted") as (reader, places):
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                found |= {_call(record) for record in records if _customer(record) == customer_id}
    return found


class _Count:
    """Of one partition, read from its first record on. What lies behind the last record asked for stays."""

    def __init__(self) -> None:
        self.before = self.records = self.own = 0
        self.calls: set[str] = set()
        self._behind = 0
        self._behind_calls: set[str] = set()

    def take(self, record: InRecord, *, asked: bool) -> None:
        self._behind += 1
        if not asked:
            self._behind_calls.add(_call(record))
            return
        self.before = record.offset + 1
        self.own += 1
        self.records += self._behind
        self.calls |= self._behind_calls
        self._behind = 0
        self._behind_calls.clear()


class _Asked(NamedTuple):
    customer_id: str
    calls: Collection[str]
    every: bool
    """All of the customer's calls, also those of which only sound or text is there."""

    def holds(self, record: InRecord) -> bool:
        """A record that names another customer is not this one's, whatever its call is called."""
        named = _customer(record)
        if named is not None and named != self.customer_id:
            return False
        return _call(record) in self.calls or (self.every and named is not None)


def _customer(record: InRecord) -> str | None:
    """Whom the record names; None: nobody."""
    said = next((value for name, value in record.headers if name == ce.CUSTOMER_ID), None)
    if said is not None:
        return said.decode(errors="replace")
    if record.topic.endswith(EVENTS.name) and record.value:
        try:
            return msgspec.json.decode(record.value, type=_Named).customer_id
        except UNDECODABLE:
            return None
    return None


class _Named(msgspec.Struct):
    customer_id: str | None = None
