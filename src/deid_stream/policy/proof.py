"""Proof from the topics alone that no training record lacks a valid permit, and that no tombstone is missing.

First every record of ``customers.policies`` is taken in, then each training record that no tombstone has removed is
judged by what its customer's policies were at its permit's place in the topic, and by the opt-outs after it.
"""

from enum import StrEnum
from typing import NamedTuple

from deid_stream.keys.ids import IdPseudonyms
from deid_stream.policy.permit import Position, decode_permit, position_of
from deid_stream.policy.status import Standing
from deid_stream.policy.table import PolicyTable
from deid_stream.units import Ms


class Verdict(StrEnum):
    VALID = "valid"
    UNPROVEN = "unproven"
    """The policy that the permit names is no longer in the topic (compaction), so nobody can look it up."""
    NO_PERMIT = "no_permit"
    OTHER_CUSTOMER = "other_customer"
    """The permit is another customer's than the record."""
    NO_SUCH_POLICY = "no_such_policy"
    """At the permit's place stands another customer's policy, or another version."""
    REFUSED = "refused"
    """The policies up to the permit's did not allow a record of that time."""
    OPTED_OUT = "opted_out"
    """The customer has opted out after the permit: the tombstone is missing."""
    EXPIRED = "expired"
    """The permit has ended: the record is to be gone."""


PROVEN_WRONG = frozenset(Verdict) - {Verdict.VALID, Verdict.UNPROVEN}


class TrainingRecord(NamedTuple):
    """What is judged of a record: nothing of its content. ``time_ms`` is its Kafka timestamp, the source record's."""

    customer_id: str
    permit: bytes | None
    time_ms: Ms


class Proof:
    """``policy`` for every record of the topic of policies, partition by partition in offset order; then ``judge``.
    ``region`` is the workers', ``ids`` theirs with ``hash_ids``."""

    def __init__(self, region: str = "", ids: IdPseudonyms | None = None) -> None:
        self._table = PolicyTable(region, ids)
        self._at: dict[Position, Standing] = {}
        self._opt_outs: dict[str, list[Position]] = {}

    def policy(self, customer_id: str, value: bytes | None, position: Position, time_ms: Ms) -> None:
        change = self._table.apply(customer_id, value, position, time_ms)
        # by the name that the outputs have
        self._at[position] = self._table.standing(change.customer_id)
        if change.opted_out is not None:
            self._opt_outs.setdefault(change.customer_id, []).append(position)

    def judge(self, record: TrainingRecord, now_ms: Ms) -> Verdict:
        permit = decode_permit(record.permit)
        position = position_of(permit) if permit is not None else None
        if permit is None or position is None:
            return Verdict.NO_PERMIT
        if permit.customer_id != record.customer_id:
            return Verdict.OTHER_CUSTOMER
        customer_id = self._table.current(record.customer_id)
        if any(position.before(opted_out) for opted_out in self._opt_outs.get(customer_id, ())):
            return Verdict.OPTED_OUT
        if permit.ended(now_ms):
            return Verdict.EXPIRED
        standing = self._at.get(position)
        if standing is None:
            return Verdict.UNPROVEN
        if standing.customer_id != customer_id or standing.policy.version != permit.policy_version:
            return Verdict.NO_SUCH_POLICY
        return Verdict.VALID if standing.refusal(record.time_ms) is None else self._refused(standing, record)

    def _refused(self, standing: Standing, record: TrainingRecord) -> Verdict:
        """REFUSED for a record that the policies do not allow; UNPROVEN for one that is older than the first policy
        still in the topic: compaction may have removed a policy that allowed it."""
        first = standing.chapters[0]
        since_first = record.time_ms >= first.since_ms
        return Verdict.REFUSED if since_first or standing.trains_from_ms is None else Verdict.UNPROVEN
