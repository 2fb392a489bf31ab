"""Deletes calls' records from the raw topics. These are not compacted, so a broker can only delete everything below an
offset, other calls' records among it. ``plan`` says first what would go."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model.json import UNDECODABLE
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.model.topics import AUDIT, EVENTS, INPUTS
from deid_stream.policy.rights import Status
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.chain import RIGHTS_COMMANDS
from deid_stream.wire.output import encode_audit


class Cut(NamedTuple):
    """Deletes all records of one partition below the offset ``before``."""

    place: Place
    before: int
    records: int
    """How many records are there and would be deleted."""
    own: int
    """How many of them belong to the calls that were asked for."""
    calls: tuple[str, ...]
    """Ids of other calls that would lose records."""


class Plan(msgspec.Struct, frozen=True):
    cuts: list[Cut]

    @property
    def others(self) -> list[str]:
        """Ids of the calls that were not asked for and would lose records, over all partitions."""
        return sorted({call for cut in self.cuts for call in cut.calls})


async def plan(kafka: Kafka, prefix: str, customer_id: str, calls: Collection[str]) -> Plan:
    """What would have to be deleted for the raw records of these calls of the customer to go; of all its calls where
    ``calls`` is empty. Raises BrokerError."""
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


async def carry_out(kafka: Kafka, prefix: str, planned: Plan, status: Status, now_ms: Ms) -> int:
    """Delete what was planned for the request ``status``, and write a line of ``deid.audit`` under its ids (``now_ms``:
    epoch); returns the number of records. Raises BrokerError; one about ``deid.audit`` comes after the deletion."""
    if not planned.cuts:
        return 0
    async with kafka.admin() as admin:
        await admin.delete_records({cut.place: cut.before for cut in planned.cuts})
    records = sum(cut.records for cut in planned.cuts)
    asked_for = sum(cut.own for cut in planned.cuts)
    entry = AuditEntry(
        call_id=status.call_id or status.request_id,
        customer_id=status.customer_id,
        action=AuditAction.DELETED,
        reason="raw",
        time_ms=now_ms,
        counts={"records": records, "asked_for": asked_for, "other_calls": len(planned.others)},
    )
    await AuditLog(kafka, prefix + AUDIT.name, RIGHTS_COMMANDS).send([encode_audit(entry, policy_version="")])
    return records


def _call(record: InRecord) -> str:
    return (record.key or b"").decode(errors="replace")


async def _calls_of(kafka: Kafka, prefix: str, customer_id: str) -> set[str]:
    """The customer's calls, by their events: a transcript record need not name its customer."""
    found: set[str] = set()
    async with reading(kafka, prefix + EVENTS.name, "read_uncommitted") as (reader, places):
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                found |= {_call(record) for record in records if _customer(record) == customer_id}
    return found


class _Count:
    """Counts the records of one partition from its first on. Records behind the last one asked for would stay."""

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
    """True: all of the customer's calls are meant, also those of which no event is there any more."""

    def holds(self, record: InRecord) -> bool:
        """A record that names another customer is not this one's, whatever its call is called."""
        named = _customer(record)
        if named is not None and named != self.customer_id:
            return False
        return _call(record) in self.calls or (self.every and named is not None)


def _customer(record: InRecord) -> str | None:
    """The customer that the record names; None where it names none."""
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
