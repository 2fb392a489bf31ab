"""The standing of every customer, made of the records of ``customers.policies``. Pure: records in, changes out.

What a record does depends on those before it: the highest version seen and the latest opt-out outlive whatever
follows them, tombstones and garbage too, for as long as the topic or this table has them.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from deid_stream.errors import PolicyError
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.policy.compile import Said, compile_policy, says
from deid_stream.policy.narrow import narrowed
from deid_stream.policy.permit import Position
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy
from deid_stream.policy.status import PolicyStatus, Refusal, Standing, next_chapter
from deid_stream.policy.versions import Order, order_of
from deid_stream.units import Ms


class ChangeKind(StrEnum):
    SET = "set"
    REMOVED = "removed"
    UNREADABLE = "unreadable"
    STALE = "stale"


class Change(NamedTuple):
    kind: ChangeKind
    customer_id: str
    opted_out: Position | None
    """Of the record, where it says ``training_opt_out`` (stale and half unreadable ones count): what was permitted
    before it must be retracted."""
    error: PolicyError | None = None


class PolicyTable:
    """Apply records in topic order, then ask by customer. ``region`` is the deployment's; empty where it names none,
    and then no customer whose policy names a region is trained on. With ``ids`` customers are known, and asked for, by
    their pseudonyms, of retired keys too. ``processor``: policies narrow what the deployment does by default, and
    never widen it (``policy.narrow``)."""

    def __init__(self, region: str = "", ids: IdPseudonyms | None = None, *, processor: bool = False) -> None:
        self._processor = processor
        self._region = region.casefold()
        self._ids = ids
        self._standings: dict[str, Standing] = {}
        self._current: dict[str, str] = {}
        """Pseudonyms of customers by those of retired keys."""
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def get(self, customer_id: str) -> CompiledPolicy:
        """The policy that applies to the customer's calls; ``UNKNOWN`` where there is none."""
        standing = self._standings.get(self.current(customer_id))
        return UNKNOWN if standing is None else standing.policy

    def standing(self, customer_id: str) -> Standing:
        """By any of the customer's pseudonyms; the answer has the current one."""
        known = self._standings.get(customer_id) or self._standings.get(self.current(customer_id))
        return known or Standing(customer_id=customer_id)

    def current(self, customer_id: str) -> str:
        """The customer's pseudonym by the current key, for one by a retired key; else the same."""
        return self._current.get(customer_id, customer_id)

    def customers(self) -> list[str]:
        """Those that have a policy, readable or not, or a hold that has outlived it."""
        unknown = PolicyStatus.UNKNOWN
        return sorted(name for name, known in self._standings.items() if known.status is not unknown or known.held)

    def apply(self, customer_id: str, value: bytes | None, position: Position, time_ms: Ms) -> Change:
        """One record of the topic, with its Kafka timestamp; None is a tombstone. Never raises: what cannot be read
        stops training."""
        said = Said() if value is None else says(value, customer_id)
        compiled = _compiled(value, customer_id)
        if self._processor and isinstance(compiled, CompiledPolicy):
            compiled = narrowed(compiled)
        if self._ids is not None:
            customer_id, *retired = self._ids.customers(customer_id)
            self._current.update(dict.fromkeys(retired, customer_id))
            if isinstance(compiled, CompiledPolicy):
                compiled = msgspec.structs.replace(compiled, customer_id=customer_id)
        before = self.standing(customer_id)
        kind, after = _next(before, customer_id, compiled)
        refusal = Refusal.OPT_OUT if said.opt_out else _refusal(kind, after.policy, self._region)
        effective_ms = after.policy.effective_from_ms if kind is ChangeKind.SET else 0
        chapters, trains_from_ms = next_chapter(before.chapters, before.trains_from_ms, time_ms, refusal, effective_ms)
        self._standings[customer_id] = msgspec.structs.replace(
            after,
            position=position,
            chapters=chapters,
            trains_from_ms=trains_from_ms,
            opted_out=position if said.opt_out else before.opted_out,
            held=_held(kind, after.policy, said, before),
        )
        unknown = PolicyStatus.UNKNOWN
        self._known += (after.status is not unknown) - (before.status is not unknown)
        return Change(kind, customer_id, position if said.opt_out else None, after.error)


def _compiled(value: bytes | None, customer_id: str) -> CompiledPolicy | PolicyError | None:
    """None: a tombstone."""
    if value is None:
        return None
    try:
        compiled = compile_policy(value)
    except PolicyError as error:
        return error
    if compiled.customer_id != customer_id:
        return PolicyError("customer_id in the policy differs from the record key")
    return compiled


def _next(
    before: Standing, customer_id: str, compiled: CompiledPolicy | PolicyError | None
) -> tuple[ChangeKind, Standing]:
    replace = msgspec.structs.replace
    if compiled is None:
        return ChangeKind.REMOVED, replace(before, status=PolicyStatus.UNKNOWN, policy=UNKNOWN, error=None)
    no_training = replace(before.policy, customer_id=customer_id, training=False)
    if isinstance(compiled, PolicyError):
        standing = replace(before, status=PolicyStatus.UNREADABLE, policy=no_training, error=compiled)
        return ChangeKind.UNREADABLE, standing
    order = order_of(compiled.version)
    if _stale(order, before):
        standing = replace(before, status=PolicyStatus.STALE, policy=no_training, needs_higher=True, error=None)
        return ChangeKind.STALE, standing
    standing = replace(
        before, status=PolicyStatus.IN_FORCE, policy=compiled, highest=order, needs_higher=False, error=None
    )
    return ChangeKind.SET, standing


def _held(kind: ChangeKind, policy: CompiledPolicy, said: Said, before: Standing) -> bool | None:
    """A hold is lifted by a policy in force that has none, and by nothing else: what was kept for a court must not go
    because somebody removed the policy, or wrote one that cannot be read."""
    if kind is ChangeKind.SET:
        return policy.legal_hold
    return True if said.hold and kind is ChangeKind.UNREADABLE else before.held


def _stale(order: Order, before: Standing) -> bool:
    return order < before.highest or (before.needs_higher and order == before.highest)


def _refusal(kind: ChangeKind, policy: CompiledPolicy, region: str) -> Refusal | None:
    if kind is ChangeKind.REMOVED:
        return Refusal.UNKNOWN_POLICY
    if kind is ChangeKind.UNREADABLE:
        return Refusal.UNREADABLE_POLICY
    if kind is ChangeKind.STALE:
        return Refusal.STALE_POLICY
    if policy.region is not None and policy.region.casefold() != region:
        return Refusal.REGION
    return None
