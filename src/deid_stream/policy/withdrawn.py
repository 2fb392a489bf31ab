"""Which calls the audit says were taken back whole, so that a record that is left of one is a missing tombstone."""

from typing import Final

import msgspec

from deid_stream.model.outputs import AuditAction

_SANITIZED: Final = frozenset({"analytics_transcripts", "analytics_audio", "training_transcripts", "training_audio"})
_SUMMARY: Final = frozenset({"calls"})

GONE: Final[dict[tuple[str, str], frozenset[str]]] = {
    (AuditAction.RETRACTED, "minor"): _SANITIZED,
    (AuditAction.QUARANTINED, "spot_check"): _SANITIZED | _SUMMARY,
}
"""By action and reason of an entry: the kinds of topics in which nothing of its call may be left. An opt-out is not
here: what was permitted after it may stay, and each record's permit says which that is."""
KINDS: Final = _SANITIZED | _SUMMARY


class AuditLine(msgspec.Struct, frozen=True):
    """What is needed of an audit entry."""

    call_id: str
    customer_id: str
    action: str
    reason: str
    time_ms: int = 0


class Withdrawn:
    """``take`` every entry of the audit; then ask."""

    def __init__(self) -> None:
        self._gone: dict[str, frozenset[str]] = {}

    def take(self, line: AuditLine) -> None:
        gone = GONE.get((line.action, line.reason))
        if gone:
            self._gone[line.call_id] = self._gone.get(line.call_id, frozenset()) | gone

    def __len__(self) -> int:
        """Calls that were taken back."""
        return len(self._gone)

    def must_be_gone(self, kind: str, call_id: str) -> bool:
        """Whether a record of the call in a topic of that kind lacks its tombstone."""
        return kind in self._gone.get(call_id, ())
