"""Calls' records on the raw topics. Those are not compacted: all that can be deleted of a partition is everything up to
an offset, other calls' records too, so what it would take is told first."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord, Place
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
    """What deleting the raw records of these calls, or without any of all of the customer's calls, would take. Raises
    BrokerError."""
    cuts = []
    for topic in INPUTS:
        async with reading(kafka, prefix + topic.name, "read_uncommitted") as (reader, places):
            for place in places:
                begin, end = await reader.begin(place), await reader.end(place)
                found: list[tuple[int, str, bool]] = []
                async for records in read_range(reader, place, begin, end):
                    found += ((r.offset, _call(r), _asked(r, customer_id, calls)) for r in records)
                last = max((offset for offset, _, asked in found if asked), default=-1)
                going = [entry for entry in found if entry[0] <= last]
                if going:
                    own = sum(asked for _, _, asked in going)
                    others = tuple(sorted({call for _, call, asked in going if not asked}))
                    cuts.append(Cut(place, last + 1, len(going), own, others))
    return Plan(cuts)


async def carry_out(kafka: Kafka, planned: Plan) -> int:
    """Delete; how many records. Raises BrokerError."""
    async with kafka.admin() as admin:
        await admin.delete_records({cut.place: cut.before for cut in planned.cuts})
    return sum(cut.records for cut in planned.cuts)


def _call(record: InRecord) -> str:
    return (record.key or b"").decode(errors="replace")


def _asked(record: InRecord, customer_id: str, calls: Collection[str]) -> bool:
    if calls:
        return _call(record) in calls
    said = next((value for name, value in record.headers if name == ce.CUSTOMER_ID), None)
    if said is None and record.topic.endswith(EVENTS.name) and record.value:
        try:
            return _Named.of(record.value) == customer_id
        except msgspec.MsgspecError:
            return False
    return said == customer_id.encode()


class _Named(msgspec.Struct):
    customer_id: str = ""

    @classmethod
    def of(cls, value: bytes) -> str:
        return msgspec.json.decode(value, type=cls).customer_id
