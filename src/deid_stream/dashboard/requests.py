"""Privacy requests and where they stand, from ``privacy.status``. Without the token no name is shown."""

import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec

from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import AuditAction
from deid_stream.model.requests import Kind
from deid_stream.policy.rights import OPEN, State, Status
from deid_stream.units import Ms

MAX_ENDED: Final = 2_000
"""Requests that are kept after they have ended. Those that are open or in force are all kept: a deadline depends on
each of them."""
MAX_SHOWN: Final = 500
"""Rows of one answer. More, and the table is slow in a browser; fewer, and open ones may be missing from it."""
LOOKED_AT: Final = "privacy_request"
"""The audit line's reason when somebody has looked at the names in a request."""
_GOES_ON: Final = OPEN | {State.IN_FORCE}


class Requests:
    """Call ``take`` for every record of the topic, then ask. A page asks for a request by a reference, which is made
    with ``secret``: it does not tell the request's id, and means nothing to another process."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(16)
        self._live: dict[str, Status] = {}
        self._ended: OrderedDict[str, Status] = OrderedDict()

    def take(self, request_id: str, value: bytes | None) -> None:
        """One record; None is a tombstone. Raises MsgspecError."""
        status = None if value is None else msgspec.json.decode(value, type=Status)
        reference = self.reference(request_id)
        self._live.pop(reference, None)
        self._ended.pop(reference, None)
        if status is None:
            return
        if status.state in _GOES_ON:
            self._live[reference] = status
            return
        self._ended[reference] = status
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def reference(self, request_id: str) -> str:
        """How a page names a request."""
        return hashlib.blake2b(request_id.encode("utf-8", "replace"), digest_size=8, key=self._secret).hexdigest()

    def status(self, reference: str) -> Status | None:
        return self._live.get(reference) or self._ended.get(reference)

    def totals(self, now_ms: Ms) -> dict[str, int]:
        """How many requests are open, overdue and kept waiting by a hold, and how many holds are in force."""
        live = list(self._live.values())
        return {
            "open": sum(status.state in OPEN for status in live),
            "overdue": sum(_overdue(status, now_ms) for status in live),
            "held": sum(status.state is State.HELD for status in live),
            "holds": sum(status.kind is Kind.HOLD and status.state is State.IN_FORCE for status in live),
        }

    def shown(self, now_ms: Ms) -> JsonObject:
        """Counts, and rows without names: open requests first, the nearest deadline on top; then those in force; then
        those that have ended, the latest first."""
        going = sorted(self._live.items(), key=lambda item: (item[1].state not in OPEN, item[1].due_ms))
        ended = sorted(self._ended.items(), key=lambda item: item[1].finished_ms or item[1].asked_ms, reverse=True)
        rows = [*going, *ended]
        states = Counter(f"{status.kind} {status.state}" for _, status in rows)
        return {
            "totals": self.totals(now_ms),
            "states": dict(states.most_common()),
            "known": len(rows),
            "requests": [_row(reference, status, now_ms) for reference, status in rows[:MAX_SHOWN]],
        }

    def details(self, reference: str, now_ms: Ms, policy_hold: bool, history: Iterable[JsonObject]) -> JsonObject:
        """One request with its names. ``policy_hold``: the customer's policy has a legal hold; ``history``: the audit
        lines under this request or its call. Raises KeyError where the request is not known."""
        status = self.status(reference)
        if status is None:
            raise KeyError
        return {
            "request": _row(reference, status, now_ms),
            "names": {name: getattr(status, name) for name in _NAMES if getattr(status, name)},
            "policy_hold": policy_hold,
            "holds": [
                {"request_id": hold.request_id, "requested_by": hold.requested_by, "asked_ms": hold.asked_ms}
                for hold in self._live.values()
                if hold.kind is Kind.HOLD and hold.request_id != status.request_id and hold.may_meet(status)
            ],
            "history": [line for line in history if _is_about(line, status)],
        }


_NAMES: Final = (
    "request_id",
    "customer_id",
    "call_id",
    "subject",
    "target",
    "requested_by",
    "verified_by",
    "released_by",
)


def _row(reference: str, status: Status, now_ms: Ms) -> JsonObject:
    return {
        "reference": reference,
        "kind": status.kind,
        "state": status.state,
        "reason": status.reason,
        "unknown": status.unknown,
        "scope": "one call" if status.call_id else "one person" if status.subject else "all calls",
        "asked_ms": status.asked_ms,
        "due_ms": status.due_ms if status.state in OPEN else 0,
        "overdue": _overdue(status, now_ms),
        "finished_ms": status.finished_ms,
        "calls": status.calls,
        "records": status.records,
    }


def _overdue(status: Status, now_ms: Ms) -> bool:
    return status.state in OPEN and now_ms > status.due_ms


def _is_about(line: JsonObject, status: Status) -> bool:
    """Whether an audit line says where this request stands, or that somebody has looked at it. Lines of a request about
    one call stand under that call, beside other lines of it."""
    if line.get("customer_id") != status.customer_id:
        return False
    action, reason = line.get("action"), str(line.get("reason", ""))
    if action == AuditAction.ACCESSED:
        return reason == LOOKED_AT
    return action == AuditAction.REQUESTED and reason.startswith(f"{status.kind}_")
