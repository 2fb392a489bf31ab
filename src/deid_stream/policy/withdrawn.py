"""The calls that, by the audit, were taken back as a whole. A record that is left of such a call lacks its
tombstone."""

from typing import Final

import msgspec

from deid_stream.model.outputs import AuditAction
from deid_stream.units import Ms

_ANALYTICS: Final = frozenset({"analytics_transcripts", "analytics_audio"})
_TRAINING: Final = frozenset({"training_transcripts", "training_audio"})
_SANITIZED: Final = _ANALYTICS | _TRAINING
_SUMMARY: Final = frozenset({"calls"})

GONE: Final[dict[tuple[str, str], frozenset[str]]] = {
    (AuditAction.RETRACTED, "minor"): _SANITIZED,
    (AuditAction.QUARANTINED, "spot_check"): _SANITIZED | _SUMMARY,
}
"""By action and reason of an entry: the kinds of topics in which nothing of its call may be left. An opt-out is not
here: what was permitted after it may stay, and each record's permit says which that is."""
TAKEN_BACK: Final[dict[tuple[str, str], frozenset[str]]] = {
    (AuditAction.DELETED, "deletion"): _SANITIZED | _SUMMARY,
    (AuditAction.RETRACTED, "objection"): _SANITIZED,
    (AuditAction.RETRACTED, "withdrawal"): _TRAINING,
    (AuditAction.RETRACTED, "restriction"): _TRAINING,
    (AuditAction.EXPIRED, "retention"): _ANALYTICS | _SUMMARY,
}
"""The same for records up to the entry's time: later ones may stay, once a request was released or a hold has come.
Of retention an entry's counts say for which purpose it was; in training each record's permit says when it ends."""
KINDS: Final = _SANITIZED | _SUMMARY
_PURPOSES: Final = {"analytics": _ANALYTICS, "summary": _SUMMARY}


class AuditLine(msgspec.Struct, frozen=True):
    """What is needed of an audit entry."""

    call_id: str
    customer_id: str
    action: str
    reason: str
    time_ms: int = 0
    counts: dict[str, int] = {}


class Withdrawn:
    """``take`` every entry of the audit; then ask."""

    def __init__(self) -> None:
        self._gone: dict[str, frozenset[str]] = {}
        self._until_ms: dict[tuple[str, str], Ms] = {}
        """By call and kind of topic."""
        self._calls: set[str] = set()

    def take(self, line: AuditLine) -> None:
        gone = GONE.get((line.action, line.reason))
        if gone:
            self._gone[line.call_id] = self._gone.get(line.call_id, frozenset()) | gone
        until = TAKEN_BACK.get((line.action, line.reason), frozenset())
        if line.action == AuditAction.EXPIRED:
            until &= frozenset().union(*(_PURPOSES.get(purpose, frozenset()) for purpose in line.counts))
        for kind in until:
            place = line.call_id, kind
            self._until_ms[place] = max(line.time_ms, self._until_ms.get(place, 0))
        if gone or until:
            self._calls.add(line.call_id)

    def __len__(self) -> int:
        """Calls that were taken back."""
        return len(self._calls)

    def must_be_gone(self, kind: str, call_id: str, time_ms: Ms) -> bool:
        """Whether a record of the call, of that record time, in a topic of that kind lacks its tombstone."""
        return kind in self._gone.get(call_id, ()) or time_ms <= self._until_ms.get((call_id, kind), -1)
