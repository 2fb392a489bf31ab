"""What people may ask for, and what follows for a call: pure decisions, as tables.

| request | what goes | from when on | what it keeps from happening |
|---|---|---|---|
| deletion | analytics, training, the summary: of the call it names, or of all that had begun in its scope | at once | |
| objection | the same purposes but the summary, of every call of its scope, later ones too | until released | |
| withdrawal | training, of every call of its scope, later ones too | until released | |
| restriction | training, as withdrawal | until released | retention deletes nothing of its scope |
| hold | nothing | until released | deletion, objection and retention delete nothing of its scope |
| access | nothing | | |

A scope is a customer, one of the customer's calls, or a person (subject) on the customer's lines. A request that a hold
keeps waiting is done when the hold is released.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import Holding, Part, Purpose, Ranges, Taking
from deid_stream.policy.permit import Position
from deid_stream.policy.retention import Days, expiry_ms
from deid_stream.units import Ms


class State(StrEnum):
    """Where a privacy request stands."""

    REFUSED = "refused"
    """The identity check failed, or the request makes no sense; ``reason`` says which."""
    RUNNING = "running"
    HELD = "held"
    """A legal hold keeps the request waiting, or ``reason`` says what else does."""
    DONE = "done"
    GRANTED = "granted"
    """An access request whose export may be made and handed over."""
    IN_FORCE = "in_force"
    """A restriction, objection, withdrawal or hold that has not been released."""
    RELEASED = "released"


LASTING: Final = frozenset({Kind.RESTRICTION, Kind.OBJECTION, Kind.WITHDRAWAL, Kind.HOLD})
"""Kinds of requests that stay in force until they are released."""
OPEN: Final = frozenset({State.RUNNING, State.HELD, State.GRANTED})
"""States in which something still has to be done before the deadline."""
_ALL: Final = frozenset(Purpose)
_TAKES: Final = {
    Kind.DELETION: _ALL,
    Kind.OBJECTION: frozenset({Purpose.ANALYTICS, Purpose.TRAINING}),
    Kind.WITHDRAWAL: frozenset({Purpose.TRAINING}),
    Kind.RESTRICTION: frozenset({Purpose.TRAINING}),
}
_HELD_BACK: Final = frozenset({Kind.DELETION, Kind.OBJECTION})
"""Kinds of requests that a hold keeps waiting. Training records without consent are deleted all the same: what is kept
for a court is in analytics."""


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request and where it stands: a value of ``privacy.status``, under its id."""

    request_id: str
    kind: Kind
    customer_id: str
    state: State
    call_id: str = ""
    subject: str = ""
    """Pseudonym of the person; empty: the request is about everybody."""
    also: tuple[str, ...] = ()
    """Pseudonyms of the customer, the call and the subject that were made with retired keys."""
    reason: str = ""
    """Why the request was refused, or what it waits for; from a closed list."""
    target: str = ""
    """For ``release`` and ``fulfilled``: id of the request that is released or fulfilled."""
    requested_by: str = ""
    verified_by: str = ""
    asked_ms: Ms = 0
    """Record time of the request."""
    reached: dict[str, tuple[int, ...]] = {}
    """How far the raw topics had come when it was taken, by kind of topic and partition: a deletion of a person's or
    customer's calls is about those that had begun by then, whatever anybody's clock says."""
    keys: tuple[str, ...] = ()
    """Ids of the customer's keys that are destroyed once everything has been taken back."""
    due_ms: Ms = 0
    finished_ms: Ms = 0
    released_by: str = ""
    ended_by: str = ""
    """Id of the request that released or fulfilled this one."""
    calls: int = 0
    """Number of calls of which something was taken back."""
    records: int = 0
    """Number of tombstones written."""
    batches: int = 0
    """Number of batches of calls that ``calls`` and ``records`` count so far."""
    unknown: str = ""
    """What nothing was known of when the request was taken, so that the name may be mistyped: ``customer`` (no call
    in the index and no policy), ``call`` or ``subject`` (no call of it in the index). Empty: it was known."""
    near: tuple[str, ...] = ()
    """Known names that may have been meant in its place; none where ids are pseudonyms."""

    def counting(self, takings: Iterable[Taking]) -> "Status":
        """This status with those ``takings`` added that it does not count yet: those of batches after ``batches``."""
        new = [taking for taking in takings if taking.batch > self.batches]
        return msgspec.structs.replace(
            self,
            calls=self.calls + sum(taking.calls for taking in new),
            records=self.records + sum(taking.records for taking in new),
            batches=max((taking.batch for taking in new), default=self.batches),
        )

    @property
    def in_force(self) -> bool:
        """Whether the request still decides about calls, those that come later included."""
        if self.kind is Kind.DELETION:
            return self.state in (State.RUNNING, State.HELD, State.DONE)
        return self.state is State.IN_FORCE

    def names(self, own: str, there: str) -> bool:
        """Whether ``there`` is ``own``, or an older pseudonym of what the request is about."""
        return own == there or there in self.also

    def scopes(self) -> list[tuple[str, str]]:
        """The keys of an index of requests, as (what, name): by the call, the person or the customer that the request
        is about, under each of their names."""
        if self.call_id:
            return [("call", name) for name in self.call_ids]
        if self.subject:
            return [("subject", f"{customer}/{name}") for customer in self.customer_ids for name in self.subjects]
        return [("customer", name) for name in self.customer_ids]

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """All names of the customer, the current one first."""
        return self._all("customer", self.customer_id)

    @property
    def call_ids(self) -> tuple[str, ...]:
        """All names of the call; none where the request is about all calls."""
        return self._all("call", self.call_id) if self.call_id else ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """All names of the person; none where the request is about everybody."""
        return self._all("subject", self.subject) if self.subject else ()

    def may_meet(self, other: "Status") -> bool:
        """Whether a call may exist that both requests cover. Which person is on which call is not known here, so a
        request about a call and one about a person may meet."""
        if set(self.customer_ids).isdisjoint(other.customer_ids):
            return False
        return all(
            not (one and there) or not set(one).isdisjoint(there)
            for one, there in ((self.call_ids, other.call_ids), (self.subjects, other.subjects))
        )

    def _all(self, kind: str, own: str) -> tuple[str, ...]:
        return own, *(name for name in self.also if name.startswith(f"{kind}-"))

    def covers(self, holding: Holding) -> bool:
        """Whether the call is of its scope. A deletion of a person's or customer's calls is about those that had begun;
        one that names the call is about that call, whenever it began."""
        if not self.names(self.customer_id, holding.customer_id):
            return False
        if self.call_id and not self.names(self.call_id, holding.call_id):
            return False
        if self.subject and not self.names(self.subject, holding.subject):
            return False
        return self.kind is not Kind.DELETION or bool(self.call_id) or self._had_begun(holding)

    def _had_begun(self, holding: Holding) -> bool:
        """By the place of the call's first record; by the clocks only where that is not known (the worker that told of
        the call, or the control plane that took the request, was of a version that does not say)."""
        kind, _, offset = holding.began.partition("/")
        ends = self.reached.get(kind, ())
        if offset.isdecimal() and holding.partition < len(ends):
            return int(offset) < ends[holding.partition]
        return holding.started_ms <= self.asked_ms


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the control plane keeps of a customer. ``opted_out`` stays, whatever follows the opt-out in the topic."""

    customer_id: str
    opted_out: Position | None = None
    """Place of the last opt-out in ``customers.policies``; None: there was none."""
    days: Days = Days()
    held: bool = False
    """Whether the policy's ``legal_hold`` is on."""
    version: str = ""
    """Version of the policy in force."""


class Owed(NamedTuple):
    """Records of a part that must be taken back now, why, and by which requests."""

    part: Part
    transcripts: Ranges
    audio: Ranges
    reason: str
    request_ids: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """What must be done about a call now."""

    owed: list[Owed]
    held: list[str]
    """Ids of the requests that a hold keeps waiting for this call."""
    look_ms: Ms | None
    """When to judge the call again although nothing has changed (epoch ms); None: never."""
    kept: tuple[Part, ...] = ()
    """Parts that have expired and stay because of a hold or a restriction."""


def is_held(holding: Holding, customer: Customer, rules: Iterable[Status]) -> bool:
    """Whether a legal hold is on the call, by the customer's policy or by a request."""
    return customer.held or any(rule.kind is Kind.HOLD and rule.covers(holding) for rule in rules if rule.in_force)


def judge(holding: Holding, customer: Customer, rules: Iterable[Status], now_ms: Ms) -> Verdict:
    """Decide what must be taken back of a call at ``now_ms`` (epoch). ``rules``: the requests of the customer, whether
    they are in force and cover the call or not."""
    applying = [rule for rule in rules if rule.in_force and rule.covers(holding)]
    hold = is_held(holding, customer, applying)
    kept = hold or any(rule.kind is Kind.RESTRICTION for rule in applying)
    owed: list[Owed] = []
    staying: list[Part] = []
    looks: list[Ms] = []
    for part in holding.parts:
        reason, requests = _reason(part, holding, customer, applying, hold=hold)
        expires_ms = expiry_ms(part, holding, customer.days)
        if not reason and kept:
            if now_ms >= expires_ms and not part.gone:
                staying.append(part)
        elif not reason:
            if now_ms >= expires_ms:
                reason = "retention"
            else:
                looks.append(expires_ms)
        if not reason:
            continue
        ranges = part.owed(now_ms)
        if ranges is not None:
            owed.append(Owed(part, *ranges, reason, requests))
        elif part.again_ms is not None:
            looks.append(part.again_ms)
    waiting = [rule.request_id for rule in applying if hold and rule.kind in _HELD_BACK]
    return Verdict(owed, waiting, min(looks, default=None), tuple(staying))


def _reason(
    part: Part, holding: Holding, customer: Customer, applying: Iterable[Status], *, hold: bool
) -> tuple[str, tuple[str, ...]]:
    """Why a part must go whatever its age, and the ids of the requests that say so; an empty reason: it may stay."""
    asking = [
        rule
        for rule in applying
        if part.purpose in _TAKES.get(rule.kind, ()) and not (hold and rule.kind in _HELD_BACK)
    ]
    requests = tuple(rule.request_id for rule in asking)
    if holding.minor:
        return "minor", requests
    if asking:
        return str(asking[0].kind), requests
    if part.purpose is Purpose.TRAINING and customer.opted_out is not None and part.before(customer.opted_out):
        return "opt_out", ()
    return "", ()
