"""The latest policy of every customer, as the topic ``customers.policies`` tells it. Pure: records in, changes out."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from deid_stream.errors import PolicyError
from deid_stream.policy.compile import compile_policy
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy


class ChangeKind(StrEnum):
    SET = "set"
    REMOVED = "removed"
    UNREADABLE = "unreadable"
    """Cannot be compiled; the customer is treated as unknown until a readable policy comes."""
    STALE = "stale"
    """A lower version than the one in force came later; training stops until a higher one comes."""


class Change(NamedTuple):
    kind: ChangeKind
    customer_id: str
    opted_out: bool
    """The policy now in force says ``training_opt_out``: what was published before must be retracted."""
    error: PolicyError | None = None


class PolicyTable:
    """Apply records in topic order, then ask by customer. An unknown customer has ``UNKNOWN``."""

    def __init__(self) -> None:
        self._policies: dict[str, CompiledPolicy] = {}

    def __len__(self) -> int:
        return len(self._policies)

    def get(self, customer_id: str) -> CompiledPolicy:
        return self._policies.get(customer_id, UNKNOWN)

    def customers(self) -> list[str]:
        return sorted(self._policies)

    def apply(self, customer_id: str, value: bytes | None) -> Change:
        """One record of the topic; None is a tombstone. Never raises: what cannot be read stops training."""
        before = self.get(customer_id)
        kind, after, error = _next(before, customer_id, value)
        if kind is ChangeKind.REMOVED:
            self._policies.pop(customer_id, None)
        else:
            self._policies[customer_id] = after
        return Change(kind, customer_id, kind is ChangeKind.SET and not after.training, error)


def _next(
    before: CompiledPolicy, customer_id: str, value: bytes | None
) -> tuple[ChangeKind, CompiledPolicy, PolicyError | None]:
    if value is None:
        return ChangeKind.REMOVED, UNKNOWN, None
    try:
        compiled = compile_policy(value)
        if compiled.customer_id != customer_id:
            raise PolicyError("customer_id in the policy differs from the record key")
    except PolicyError as error:
        unreadable = msgspec.structs.replace(UNKNOWN, customer_id=customer_id, version="unreadable")
        return ChangeKind.UNREADABLE, unreadable, error
    if _older(compiled.version, before.version):
        return ChangeKind.STALE, msgspec.structs.replace(before, training=False), None
    return ChangeKind.SET, compiled, None


def _older(version: str, than: str) -> bool:
    """Whole numbers are compared; other versions have no order, and the topic's is taken."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
