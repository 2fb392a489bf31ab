"""Customers' policies as the control plane needs them: opt-outs, days and holds, and how to write one."""

import msgspec

from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_to_end
from deid_stream.kafka.record import OutRecord
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.json import JsonObject
from deid_stream.policy.permit import Position
from deid_stream.policy.retention import Days
from deid_stream.policy.rights import Customer
from deid_stream.policy.status import Standing
from deid_stream.policy.table import ChangeKind, PolicyTable


class Policies:
    """Call ``read`` first, then ``apply`` for each new record. With ``ids`` customers are known by their pseudonyms,
    those of retired keys too, because a policy also counts for calls that were published before a rotation of the key.
    """

    def __init__(
        self, kafka: Kafka, topic: str, region: str, ids: IdPseudonyms | None, *, processor: bool = False
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._ids = ids
        self._table = PolicyTable(region, ids, processor=processor)
        self._next: dict[int, int] = {}
        self._written: dict[str, tuple[str, JsonObject]] = {}
        """By customer: the key in the topic, and the JSON that the calls go by."""

    async def read(self) -> list[str]:
        """Read the topic to its end; returns the names of all customers in it. Raises BrokerError."""
        found = {
            customer
            for record in await read_to_end(self._kafka, self._topic, "read_uncommitted")
            for customer in self.apply(record.partition, record.offset, record.timestamp, record.key, record.value)
        }
        return sorted(found)

    def apply(
        self, partition: int, offset: int, time_ms: int, key: bytes | None, value: bytes | None
    ) -> tuple[str, ...]:
        """Apply one record; a record that was applied before changes nothing. Returns all names of the customer, the
        current one first; none where the record has no key."""
        if not key:
            return ()
        written_as = key.decode(errors="replace")
        names = self._ids.customers(written_as) if self._ids is not None else (written_as,)
        customer_id = names[0]
        if offset < self._next.get(partition, 0):
            return names
        self._next[partition] = offset + 1
        change = self._table.apply(written_as, value, Position(partition, offset), time_ms)
        if change.kind is ChangeKind.SET and value is not None:
            self._written[customer_id] = (written_as, msgspec.json.decode(value))
        elif change.kind is ChangeKind.REMOVED:
            self._written.pop(customer_id, None)
        return names

    def knows(self, customer_id: str) -> bool:
        """Whether the topic has had a record of the customer."""
        return self._table.standing(customer_id).position is not None

    def customer(self, customer_id: str, known: Customer | None) -> Customer:
        """The customer as the control plane's table keeps it. An opt-out that was seen once (``known``) stays, also
        where compaction has removed it from the topic. A hold stays until a policy without one is in force."""
        standing = self._table.standing(customer_id)
        opted_out = standing.opted_out
        if known is not None and known.opted_out is not None and (opted_out is None or opted_out < known.opted_out):
            opted_out = known.opted_out
        policy = standing.policy
        held = standing.held if standing.held is not None else known is not None and known.held
        days = Days(policy.retention_days.analytics, policy.retention_days.training)
        return Customer(customer_id=customer_id, opted_out=opted_out, days=days, held=held, version=policy.version)

    def narrowed(self, customer_id: str, written_as: str, *, analytics: bool) -> OutRecord | None:
        """The record that changes the customer's policy to allow no training and, unless ``analytics`` is True, no
        analytics. None where the policy in force allows no more than that already. ``written_as`` becomes the record's
        key where the customer has no policy yet."""
        standing = self._table.standing(customer_id)
        key, base = self._written.get(customer_id, (written_as, {"customer_id": written_as}))
        policy = standing.policy
        in_force = customer_id in self._written and not policy.training and standing.opted_out is not None
        if in_force and (analytics or not policy.analytics):
            return None
        changed = base | {"training_opt_out": True, "version": next_version(standing)}
        if not analytics:
            changed["analytics"] = False
        return OutRecord(self._topic, key.encode(), msgspec.json.encode(changed))


def next_version(standing: Standing) -> int | str:
    """A version above every one that the customer's policies have had."""
    highest = standing.highest
    if len(highest) < 2:
        return highest[0] + 1 if highest else 1
    return ".".join(str(part) for part in (*highest[:-1], highest[-1] + 1))
