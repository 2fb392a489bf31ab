"""Everything the control plane knows, in its tables, and which calls have to be looked at. No Kafka, no clock."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from deid_stream.control.queue import LookQueue
from deid_stream.control.tables import Table
from deid_stream.model.published import Claims, Closing
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import Holding, Part, call_key, claimed
from deid_stream.policy.rights import OPEN, Customer, Owed, Status, Verdict, judge
from deid_stream.units import Ms

Scope = tuple[str, str]


class Register:
    """``load`` once the tables have been read."""

    def __init__(self, calls: Table[Holding], customers: Table[Customer], requests: Table[Status]) -> None:
        self._calls = calls
        self._customers = customers
        self._requests = requests
        self._by_customer: dict[str, set[str]] = defaultdict(set)
        self._rules: dict[Scope, dict[str, Status]] = defaultdict(dict)
        self._open: dict[str, Status] = {}
        self.queue = LookQueue()

    def load(self) -> None:
        """Take up the tables; every call is looked at once, since time has passed."""
        for _, status in self._requests.items():  # noqa: PERF102 - no dictionary
            self._note(status)
        for key, holding in self._calls.items():
            self._by_customer[holding.customer_id].add(key)
            self.queue.look(holding.customer_id, key)

    def __len__(self) -> int:
        """Calls of the index."""
        return len(self._calls)

    # -- what comes

    def claims(self, claims: Claims, now_ms: Ms) -> list[tuple[Holding, Closing]]:
        """Calls of which a worker says what has left; those that have closed with it, and what they count for."""
        closed = []
        for claim in claims.calls:
            key = call_key(claim.customer_id, claim.call_id)
            known = self._calls.get(key)
            holding = claimed(known, claim, claims.partition, now_ms)
            self._calls.set(key, holding)
            self._by_customer[holding.customer_id].add(key)
            self.queue.look(holding.customer_id, key)
            if claim.closing is not None and not (known is not None and known.closed):
                closed.append((holding, claim.closing))
        return closed

    def customer(self, customer: Customer) -> bool:
        """What is known of a customer; True where it is an opt-out that has not been seen."""
        known = self._customers.get(customer.customer_id)
        if known == customer:
            return False
        self._customers.set(customer.customer_id, customer)
        self._look(customer.customer_id)
        return customer.opted_out is not None and (known is None or known.opted_out != customer.opted_out)

    def request(self, status: Status) -> None:
        """A request is new, or stands elsewhere than before."""
        before = self._requests.get(status.request_id)
        self._requests.set(status.request_id, status)
        self._note(status)
        if before is None or before.state is not status.state:
            for holding in self.calls_of(status):
                self.queue.look(holding.customer_id, holding.key)

    # -- what is known

    def known(self, customer_id: str) -> Customer | None:
        return self._customers.get(customer_id)

    def status(self, request_id: str) -> Status | None:
        return self._requests.get(request_id)

    def open_requests(self) -> list[Status]:
        """Those that somebody still has to do something for."""
        return list(self._open.values())

    def calls_of(self, status: Status) -> Iterable[Holding]:
        """The calls that a request covers now."""
        for key in self._keys_of(status):
            holding = self._calls.get(key)
            if holding is not None and status.covers(holding):
                yield holding

    def _keys_of(self, status: Status) -> list[str]:
        customers = status.customer_ids
        if status.call_id:
            return [call_key(customer, call) for customer in customers for call in status.call_ids]
        return [key for customer in customers for key in sorted(self._by_customer.get(customer, ()))]

    def may_be_held(self, status: Status) -> bool:
        """A hold, by the customer's policy or a request, may cover a call of the request, also one that no worker has
        told of yet."""
        known = (self._customers.get(name) for name in status.customer_ids)
        return any(customer is not None and customer.held for customer in known) or any(
            rule.kind is Kind.HOLD and rule.may_meet(status)
            for rules in self._rules.values()
            for rule in rules.values()
        )

    def holdings(self) -> Iterable[Holding]:
        return (holding for _, holding in self._calls.items())

    def rules(self, holding: Holding) -> list[Status]:
        """The requests that may have a say about a call."""
        scopes = [("customer", holding.customer_id), ("call", holding.call_id)]
        if holding.subject:
            scopes.append(("subject", f"{holding.customer_id}/{holding.subject}"))
        return [rule for scope in scopes for rule in self._rules.get(scope, {}).values()]

    # -- what follows

    def verdict(self, key: str, now_ms: Ms) -> tuple[Holding, Verdict] | None:
        """What is to be taken back of a call (``Holding.key``) now; when it has to be looked at again is noted."""
        holding = self._calls.get(key)
        if holding is None:
            return None
        customer = self._customers.get(holding.customer_id) or Customer(customer_id=holding.customer_id)
        verdict = judge(holding, customer, self.rules(holding), now_ms)
        self.queue.look_at(holding.customer_id, key, verdict.look_ms)
        return holding, verdict

    def taken_back(self, holding: Holding, owed: Iterable[Owed], now_ms: Ms) -> None:
        """The tombstones have reached the broker. A claim that has come meanwhile is still to be done."""
        current = self._calls.get(holding.key) or holding
        done = {(one.part.purpose, one.part.position): one for one in owed}
        parts = []
        for part in current.parts:
            one = done.get((part.purpose, part.position))
            if one is None:
                parts.append(part)
                continue
            gone = one.part.taken_back(one.reason, now_ms)
            parts.append(_carried(part, gone))
        current.parts = parts
        self._calls.set(holding.key, current)
        self.queue.look(current.customer_id, current.key)

    def forget(self, key: str) -> None:
        """Nothing is held of the call, and has not been for long."""
        holding = self._calls.get(key)
        if holding is not None:
            self._by_customer[holding.customer_id].discard(key)
            self._calls.drop(key)

    def _look(self, customer_id: str) -> None:
        for key in sorted(self._by_customer.get(customer_id, ())):
            self.queue.look(customer_id, key)

    def _note(self, status: Status) -> None:
        for scope in status.scopes():
            if status.in_force:
                self._rules[scope][status.request_id] = status
            else:
                self._rules[scope].pop(status.request_id, None)
        if status.state in OPEN:
            self._open[status.request_id] = status
        else:
            self._open.pop(status.request_id, None)


def _carried(current: Part, gone: Part) -> Part:
    """What was taken back of a part, in the part as it is now."""
    return msgspec.structs.replace(
        current,
        gone_told=gone.gone_told,
        gone_ms=gone.gone_ms,
        gone_transcripts=gone.gone_transcripts,
        gone_audio=gone.gone_audio,
        settled_told=gone.settled_told,
        reason=gone.reason,
    )
