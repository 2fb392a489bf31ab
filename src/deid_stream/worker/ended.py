"""Remembers closed calls for hours, so that a late record neither opens a call again nor uses its record ids again."""

from collections.abc import Iterable
from typing import Final

import msgspec

from deid_stream.model.outputs import Retraction, SeqRange
from deid_stream.units import Ms

MEMORY_MS: Final[Ms] = 6 * 3_600_000
"""Record time for which a closed call is known. A record that comes later opens the call again and overwrites what was
released. Longer: every base of the checkpoint grows (some 100 bytes per call)."""
MEMORY_CALLS: Final = 10_000
"""Calls remembered per partition at most, the latest."""


class EndedCall(msgspec.Struct, array_like=True):
    """A closed call, and which records of it have left, should they have to be taken back. Version 0.1.0 wrote the
    first two fields only."""

    call_id: str
    time_ms: Ms
    """Record time of the partition when it closed."""
    customer_id: str = ""
    transcripts: tuple[SeqRange, ...] = ()
    audio: tuple[SeqRange, ...] = ()
    told: bool = False
    """Its first straggler has been audited."""

    def retraction(self, time_ms: Ms, reason: str) -> Retraction | None:
        """Takes back everything that has left; None where nothing has, or it is not known."""
        if not (self.transcripts or self.audio):
            return None
        return Retraction(
            call_id=self.call_id,
            customer_id=self.customer_id,
            time_ms=time_ms,
            reason=reason,
            transcripts=self.transcripts,
            audio=self.audio,
        )


class EndedCalls:
    """By call id, oldest first, forgotten in time."""

    def __init__(self, known: Iterable[EndedCall] = ()) -> None:
        self._known = {call.call_id: call for call in known}
        self._new: dict[str, EndedCall] = {}

    def __len__(self) -> int:
        return len(self._known) + len(self._new)

    def get(self, call_id: str) -> EndedCall | None:
        return self._new.get(call_id) or self._known.get(call_id)

    def add(self, call: EndedCall) -> None:
        """A call has closed, or what is remembered of it has changed."""
        self._known.pop(call.call_id, None)
        self._new[call.call_id] = call

    def take(self, now_ms: Ms, *, everything: bool) -> list[EndedCall]:
        """For the checkpoint: those that it has not got yet, or all of them. What is too old is forgotten."""
        taken = [*self._known.values(), *self._new.values()] if everything else [*self._new.values()]
        self._known |= self._new
        self._new = {}
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= MEMORY_CALLS and oldest.time_ms > now_ms - MEMORY_MS:
                break
            del self._known[oldest.call_id]
        return taken
