"""Everything the control plane knows: its three tables, the counts that follow from them, and the queue of calls that
have to be looked at. No Kafka, no clock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from deid_stream.control.queue import LookQueue
from deid_stream.control.tables import Table
from deid_stream.control.windows import Windows
from deid_stream.model.near import near_names
from deid_stream.model.published import Claims
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import Holding, Part, Taking, call_key, claimed
from deid_stream.policy.rights import OPEN, Customer, Owed, Status, Verdict, judge
from deid_stream.units import Ms

Scope = tuple[str, str]


class Register:
    """Call ``load`` once the tables have been read, and nothing else before."""

    def __init__(
        self, calls: Table[Holding], customers: Table[Customer], requests: Table[Status], windows: Windows
    ) -> None:
        self._calls = calls
        self._customers = customers
        self._requests = requests
        self._windows = windows
        self._by_customer: dict[str, set[str]] = defaultdict(set)
        self._rules: dict[Scope, dict[str, Status]] = defaultdict(dict)
        self._open: dict[str, Status] = {}
        self.queue = LookQueue()

    def load(self) -> None:
        """Index the tables. Every call is looked at once, since something may have expired while no control plane ran.
        Numbers of a request that a crash lost are made up from its calls' ``takings``."""
        takings = []
        for _, status in self._requests.items():  # noqa: PERF102 - no dictionary
            self._note(status)
        for key, holding in self._calls.items():
            self._by_customer[holding.customer_id].add(key)
            self.queue.look(holding.customer_id, key)
            self._count(holding)
            takings.append(holding.takings)
        self.counted(takings)

    def __len__(self) -> int:
        """How many calls the index holds."""
        return len(self._calls)

    # -- what comes

    def claims(self, claims: Claims, now_ms: Ms) -> None:
        """Take in which records of calls a worker has published. A call that closes with it is counted in the
        aggregates."""
        for claim in claims.calls:
            key = call_key(claim.customer_id, claim.call_id)
            known = self._calls.get(key)
            holding = claimed(known, claim, claims.partition, now_ms)
            closes = holding.closed and not (known is not None and known.closed)
            if closes and claim.closing is not None:
                holding.counted = claim.closing
                holding.window_ms = self._windows.start_of(claim.closing, now_ms)
                self._count(holding)
            self._calls.set(key, holding)
            self._by_customer[holding.customer_id].add(key)
            self.queue.look(holding.customer_id, key)

    def customer(self, customer: Customer) -> bool:
        """Take in what is known of a customer now. Returns True where it is an opt-out that was not seen before."""
        known = self._customers.get(customer.customer_id)
        if known == customer:
            return False
        self._customers.set(customer.customer_id, customer)
        self._look(customer.customer_id)
        return customer.opted_out is not None and (known is None or known.opted_out != customer.opted_out)

    def request(self, status: Status) -> None:
        """Take in a request that is new or has changed its state; the calls that it covers are looked at."""
        before = self._requests.get(status.request_id)
        if before is None:
            # read again after a crash that lost the request's own entry and kept its calls' entries
            known = (holding.takings.get(status.request_id) for holding in self.calls_of(status))
            status = status.counting([taking for taking in known if taking is not None])
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
        """The requests for which something is still to be done."""
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

    def unknown(self, status: Status) -> tuple[str, list[str]]:
        """What of a request's scope nothing is known of (``customer``, ``call``, ``subject``; empty: all is known), and
        the known names nearest to it. A call is known from the first record that has left."""
        own = [key for customer in status.customer_ids for key in self._by_customer.get(customer, ())]
        if not own and not any(self._customers.get(customer) for customer in status.customer_ids):
            with_calls = (customer for customer, keys in self._by_customer.items() if keys)
            return "customer", near_names(status.customer_id, chain(with_calls, self._customers.keys()))
        if status.call_id and not any(key in own for key in self._keys_of(status)):
            return "call", near_names(status.call_id, (call.call_id for call in self._all(own)))
        if status.subject and not any(call.subject in status.subjects for call in self._all(own)):
            return "subject", []
        return "", []

    def _all(self, keys: Iterable[str]) -> Iterator[Holding]:
        return (call for call in map(self._calls.get, keys) if call is not None)

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
        """The requests in force that name the call, its customer or its person."""
        scopes = [("customer", holding.customer_id), ("call", holding.call_id)]
        if holding.subject:
            scopes.append(("subject", f"{holding.customer_id}/{holding.subject}"))
        return [rule for scope in scopes for rule in self._rules.get(scope, {}).values()]

    # -- what follows

    def verdict(self, key: str, now_ms: Ms) -> tuple[Holding, Verdict] | None:
        """The call (``key`` is a ``Holding.key``) with what has to be taken back of it at ``now_ms``; None where it is
        not known. Notes when the call has to be looked at again."""
        holding = self._calls.get(key)
        if holding is None:
            return None
        customer = self._customers.get(holding.customer_id) or Customer(customer_id=holding.customer_id)
        verdict = judge(holding, customer, self.rules(holding), now_ms)
        self.queue.look_at(holding.customer_id, key, verdict.look_ms)
        return holding, verdict

    def taken_back(self, holding: Holding, owed: Iterable[Owed], now_ms: Ms, takings: Mapping[str, Taking]) -> None:
        """Note that the tombstones for ``owed`` have reached the broker. ``takings``: how many, by request id. Records
        that a claim has added meanwhile are still to be taken back."""
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
        current.takings = {**current.takings, **takings}
        if current.gone and self._windows.has_published(current.window_ms):
            current.counted = None
        self._calls.set(holding.key, current)
        self.queue.look(current.customer_id, current.key)

    def counted(self, takings: Iterable[Mapping[str, Taking]]) -> None:
        """Add what was taken back, of each call by request id, to the numbers of the requests. Call it only when the
        calls' own entries have reached the broker: then a crash loses no numbers."""
        by_request: dict[str, list[Taking]] = defaultdict(list)
        for of_call in takings:
            for request_id, taking in of_call.items():
                by_request[request_id].append(taking)
        for request_id, taken in by_request.items():
            status = self._requests.get(request_id)
            if status is not None and (counting := status.counting(taken)) != status:
                self.request(counting)

    def counts(self, holding: Holding) -> bool:
        """Whether the call counts in a window of the aggregates that has not been published yet."""
        return holding.counted is not None and not self._windows.has_published(holding.window_ms)

    def forget(self, key: str) -> None:
        """Drop a call of which nothing has been held for long."""
        holding = self._calls.get(key)
        if holding is not None:
            self._by_customer[holding.customer_id].discard(key)
            self._calls.drop(key)

    def _look(self, customer_id: str) -> None:
        for key in sorted(self._by_customer.get(customer_id, ())):
            self.queue.look(customer_id, key)

    def _count(self, holding: Holding) -> None:
        if holding.counted is not None:
            self._windows.add(holding.customer_id, holding.counted, holding.window_ms)

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
    """The part as it is now, with what was taken back of it."""
    return msgspec.structs.replace(
        current,
        gone_told=gone.gone_told,
        gone_ms=gone.gone_ms,
        gone_transcripts=gone.gone_transcripts,
        gone_audio=gone.gone_audio,
        settled_told=gone.settled_told,
        reason=gone.reason,
    )
