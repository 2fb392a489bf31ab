"""What the gate remembers of one call: whether training was refused any of it, and what the audit has said about
that."""

from typing import Protocol

import msgspec

from deid_stream.model.published import Claim
from deid_stream.policy.permit import Permit, encode_permit
from deid_stream.policy.status import Standing
from deid_stream.units import DAY_MS, Ms
from deid_stream.worker.published import Published


class Consents(Protocol):
    """Customers' policies, as the gate asks them."""

    def standing(self, customer_id: str) -> Standing: ...

    def fresh(self) -> bool:
        """The topic of policies has answered lately: it hides no opt-out."""
        ...


class CallFacts(msgspec.Struct, array_like=True):
    """The checkpoint's share: content-free."""

    call_id: str
    started_ms: Ms
    """Record time of the call's first record."""
    customer_id: str = ""
    """Whose call it is, once something of it leaves."""
    withheld: bool = False
    """Training has been refused a record of the call, so what it has is a part."""
    said: str = ""
    """The refusal that the audit has last; empty where training is permitted, or nothing was asked yet."""
    permitted_at: str = ""
    """Position of the policy under which the audit says that training goes on."""
    analytics_off: bool = False
    """The audit says that analytics gets nothing."""
    subject: str = ""
    """Pseudonym of the person on the line, where the producer named one."""
    began: str = ""
    """The call's first source record: kind of topic and offset, as ``events/17``."""


class CallConsent:
    """``facts`` with the permit that was made of them last (most records of a call have the same one), and which of the
    call's records have been published."""

    __slots__ = ("_made", "_refused_before", "_standing", "facts", "permit", "permit_header", "published")

    def __init__(self, facts: CallFacts) -> None:
        self.facts = facts
        self.permit: Permit | None = None
        self.permit_header = b""
        self._standing: Standing | None = None
        self._made = (False, -1)
        self._refused_before = False
        """Whether ``_standing`` refuses any record since the call began; its permits then say ``partial``."""
        self.published = Published()

    def claim(self) -> Claim:
        """For the control plane's index."""
        facts, standing = self.facts, self._standing
        region = standing.policy.region if standing is not None else None
        return self.published.claim(
            facts.call_id, facts.customer_id, facts.subject, region or "", facts.began, facts.started_ms
        )

    def permit_for(self, standing: Standing, time_ms: Ms) -> Permit | None:
        """The permit of a record that ``standing`` does not refuse; ``permit_header`` is its header."""
        facts = self.facts
        if standing is not self._standing:
            self._standing, self.permit = standing, None
            self._refused_before = standing.refuses_anything_since(facts.started_ms)
        made = (facts.withheld or self._refused_before, time_ms // DAY_MS)
        if made != self._made or self.permit is None:
            self.permit = standing.permit(time_ms, partial=made[0])
            self.permit_header = encode_permit(self.permit) if self.permit else b""
            self._made = made
        return self.permit
