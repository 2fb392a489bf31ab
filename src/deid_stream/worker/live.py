"""A partition's calls: those that are live, and those that have closed a short while ago."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import Positions
from deid_stream.units import Ms

CLOSED_MEMORY_MS: Final = 600_000
"""Record time for which a closed call's stragglers are known as such."""
CLOSED_MEMORY: Final = 20_000
"""Calls remembered at most."""


class Sessions(Protocol):
    """Makes the sessions; the detector, the key and the settings are its business."""

    def open(self, call_id: str, customer_id: str, policy: CompiledPolicy) -> CallSession: ...

    def restore(
        self, snapshot: bytes, positions: Positions, policy_of: Callable[[str], CompiledPolicy]
    ) -> CallSession: ...


class LiveCall:
    """A session with what its partition knows of it: the deadline that is queued, the bytes it held when it was last
    asked, the snapshot that the checkpoint has."""

    __slots__ = ("deadline_ms", "held_bytes", "session", "snapshot")

    def __init__(self, session: CallSession) -> None:
        self.session = session
        self.deadline_ms: Ms = 1 << 62
        self.held_bytes = 0
        self.snapshot = b""


class ClosedCalls:
    """Call ids with the stream time of their end, oldest first, forgotten in time."""

    def __init__(self, known: Mapping[str, Ms]) -> None:
        self._known = dict(known)
        self._new: dict[str, Ms] = {}

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._known or call_id in self._new

    def __len__(self) -> int:
        return len(self._known) + len(self._new)

    def add(self, call_id: str, time_ms: Ms) -> None:
        self._new[call_id] = time_ms

    def take(self, now_ms: Ms, *, everything: bool) -> dict[str, Ms]:
        """For the checkpoint: those it has not got yet, or all of them. What is too old is forgotten."""
        taken = self._known | self._new if everything else self._new
        self._known |= self._new
        self._new = {}
        while self._known:
            call_id = next(iter(self._known))
            if len(self._known) <= CLOSED_MEMORY and self._known[call_id] > now_ms - CLOSED_MEMORY_MS:
                break
            del self._known[call_id]
        return taken
