"""The control plane's tables as a command reads them from their topics; it changes nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

import msgspec

from deid_stream.control.topics import ControlTopics
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_to_end
from deid_stream.model.json import UNDECODABLE
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import Holding
from deid_stream.policy.rights import Customer, Status, Verdict, judge
from deid_stream.units import Ms

T = TypeVar("T")


class _Read(Generic[T]):
    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    async def table(self, kafka: Kafka, topic: str) -> dict[str, T]:
        found: dict[str, T] = {}
        for record in await read_to_end(kafka, topic, "read_uncommitted"):
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                found.pop(key, None)
                continue
            try:
                found[key] = self._decoder.decode(record.value)
            except UNDECODABLE:
                continue
        return found


class Snapshot(msgspec.Struct, frozen=True):
    """The control plane's three tables at the moment they were read."""

    calls: dict[str, Holding]
    customers: dict[str, Customer]
    requests: dict[str, Status]

    @classmethod
    async def read(cls, kafka: Kafka, topics: ControlTopics) -> "Snapshot":
        """Raises BrokerError."""
        return cls(
            await _Read(Holding).table(kafka, topics.control_calls),
            await _Read(Customer).table(kafka, topics.control_customers),
            await read_statuses(kafka, topics),
        )

    def covered(self, status: Status) -> list[Holding]:
        """The calls that a request covers and of which something is still held."""
        return [call for call in self.calls.values() if status.covers(call) and not call.gone]

    def verdicts(self, now_ms: Ms) -> Iterable[tuple[Holding, Verdict]]:
        """For each call, what would have to be taken back at ``now_ms``."""
        rules: dict[str, list[Status]] = defaultdict(list)
        for rule in self.requests.values():
            for customer_id in rule.customer_ids:
                rules[customer_id].append(rule)
        for call in self.calls.values():
            customer = self.customers.get(call.customer_id) or Customer(customer_id=call.customer_id)
            yield call, judge(call, customer, rules.get(call.customer_id, ()), now_ms)


async def holds(kafka: Kafka, topics: ControlTopics, names: Collection[str]) -> list[str]:
    """Every legal hold on a customer or on one of its calls: the request ids, and ``policy`` for the policy's own.
    ``names`` are all names of the customer. Raises BrokerError."""
    customers = await _Read(Customer).table(kafka, topics.control_customers)
    found = [
        status.request_id
        for status in (await read_statuses(kafka, topics)).values()
        if status.kind is Kind.HOLD and status.in_force and not set(names).isdisjoint(status.customer_ids)
    ]
    return sorted(found) + ["policy"] * any(customers[name].held for name in names if name in customers)


async def read_statuses(kafka: Kafka, topics: ControlTopics) -> dict[str, Status]:
    """Requests by id. Raises BrokerError."""
    return await _Read(Status).table(kafka, topics.request_status)
