"""What is known of one customer, and the decision whether a record of that customer may go to training (the permit
rule).

A source record with record time t may go to training when every policy that was in force at t, or has come since,
allows it. A policy is in force from the timestamp of its record in ``customers.policies`` until that of the next one;
before the first none was known, which allows nothing.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from deid_stream.errors import PolicyError
from deid_stream.policy.permit import Permit, Position
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy
from deid_stream.policy.versions import Order
from deid_stream.units import Ms

MAX_CHAPTERS: Final = 64
"""Policies remembered of a customer, to name the reason why a record that waited is refused. With more than these
while one record waits, the reason named may be that of a later one; what is refused stays the same."""


class PolicyStatus(StrEnum):
    """What is known of a customer's policy."""

    UNKNOWN = "unknown"
    """The customer has no policy, or a tombstone removed it."""
    IN_FORCE = "in_force"
    UNREADABLE = "unreadable"
    """The customer's last record cannot be compiled. The last readable policy stays in force, without training."""
    STALE = "stale"
    """The customer's last record has a lower version than an earlier one. The policy in force stays, without
    training."""


class Refusal(StrEnum):
    """Why a record may not go to training."""

    UNKNOWN_POLICY = "unknown_policy"
    UNREADABLE_POLICY = "unreadable_policy"
    STALE_POLICY = "stale_policy"
    OPT_OUT = "opt_out"
    NOT_IN_EFFECT = "not_in_effect"
    REGION = "region"
    MINOR = "minor"
    STALE_POLICIES = "stale_policies"
    """The topic of policies does not answer, and an opt-out may be waiting in it."""


class Chapter(NamedTuple):
    """One policy of a customer's history, as far as training goes."""

    since_ms: Ms
    """Record time from which the policy is in force; never before that of the chapter before it."""
    refusal: Refusal | None
    """Why the policy refuses every record; None: it allows the records from ``effective_from_ms`` on."""
    effective_from_ms: Ms

    def refuses(self, time_ms: Ms) -> Refusal | None:
        if self.refusal is None and time_ms < self.effective_from_ms:
            return Refusal.NOT_IN_EFFECT
        return self.refusal


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the records of ``customers.policies`` so far say of one customer. Each record makes a new standing."""

    customer_id: str
    status: PolicyStatus = PolicyStatus.UNKNOWN
    policy: CompiledPolicy = UNKNOWN
    """The policy that the customer's calls go by; its ``training`` is False unless the status is IN_FORCE."""
    position: Position | None = None
    """Place of the customer's latest record in the topic."""
    chapters: tuple[Chapter, ...] = ()
    trains_from_ms: Ms | None = None
    """Records from here on may be trained on as far as policies go; None: no record may."""
    opted_out: Position | None = None
    """The latest opt-out ever seen, whatever came after it: what was permitted before it is to be retracted."""
    held: bool | None = None
    """A legal hold is on the customer's calls: by the last policy that was in force, whatever came after it, or by an
    unreadable one since. None: no record so far says."""
    highest: Order = ()
    needs_higher: bool = False
    """Whether a stale policy came: only a version above the highest one permits training again."""
    error: PolicyError | None = None
    """What is wrong with the last record, where it is unreadable."""

    def refusal(self, time_ms: Ms) -> Refusal | None:
        """Why a source record of that record time may not go to training; None: it may, by the policies.

        Of several policies that refuse it, the latest one is named.
        """
        if self.trains_from_ms is not None and time_ms >= self.trains_from_ms:
            return None
        for chapter in reversed(self.chapters):
            if (refused := chapter.refuses(time_ms)) is not None:
                return refused
            if chapter.since_ms <= time_ms:
                break
        return Refusal.UNKNOWN_POLICY

    @property
    def ever_allowed(self) -> bool:
        """Whether some policy of the customer (of those remembered) allowed training."""
        return any(chapter.refusal is None for chapter in self.chapters)

    def permit(self, time_ms: Ms, *, partial: bool) -> Permit | None:
        """Leave to train on a source record of record time ``time_ms``, to be kept for the
        policy's days from the beginning of that time's day (UTC). ``partial``: training has been refused another
        record of the call."""
        if self.refusal(time_ms) is not None or self.position is None:
            return None
        return Permit.of(self.policy, self.position, self.chapters[-1].since_ms, time_ms, partial=partial)

    def refuses_anything_since(self, time_ms: Ms) -> bool:
        """Whether a record from ``time_ms`` on has been refused, or will be as things stand."""
        return self.trains_from_ms is None or self.trains_from_ms > time_ms


def next_chapter(
    chapters: tuple[Chapter, ...], trains_from_ms: Ms | None, came_ms: Ms, refusal: Refusal | None, effective_ms: Ms
) -> tuple[tuple[Chapter, ...], Ms | None]:
    """The history and ``Standing.trains_from_ms`` after one more policy. Timestamps that go back (another writer's
    clock) are taken as those of the record before, so that no policy reaches further back than its place in the topic.
    """
    since_ms = max(came_ms, chapters[-1].since_ms) if chapters else came_ms
    chapter = Chapter(since_ms, refusal, effective_ms)
    kept = (*chapters, chapter)[-MAX_CHAPTERS:]
    if refusal is not None:
        return kept, None
    before_ms = trains_from_ms if trains_from_ms is not None and trains_from_ms < since_ms else since_ms
    return kept, max(before_ms, effective_ms)
