"""The life of a call as a table: in which phase it is, what may happen in each phase, and what is refused there.

    AWAITED   records have come, but not the call's start
    LIVE      the start has been seen
    ENDED     the end has been seen; what belongs before it may still arrive
    CLOSED    everything has been released or withheld

What is refused has a code, which goes into the audit; it changes nothing, with one exception: that the call is a
minor's counts whenever it is said.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.json import JsonObject
from deid_stream.units import Ms

_KEPT_METADATA: Final = frozenset({"direction", "region", "language", "queue", "disposition"})
_REF: Final = re.compile(r"subject-[0-9a-f]{24}")
_COUNTRY: Final = re.compile(r"\+\d{1,3}", re.ASCII)
REFERENCES: Final = {"from_ref": _REF, "to_ref": _REF, "from_country": _COUNTRY, "to_country": _COUNTRY}
"""Made from telephone numbers where a key is at hand; nothing that looks otherwise passes under these names."""
_MAX_METADATA_CHARS: Final = 32
"""A longer value of a call's metadata is left out. Declared values are short; a larger number admits longer ones."""


class Phase(StrEnum):
    """Where a call is in its life. Awaited: records have come, and no ``call.started`` yet."""

    AWAITED = "awaited"
    LIVE = "live"
    ENDED = "ended"
    CLOSED = "closed"


class Happening(StrEnum):
    """What moves a call from phase to phase."""

    STARTED = "started"
    MEDIA = "media"
    """A segment or an audio chunk."""
    ENDING = "ending"
    FINISHED = "finished"
    """Everything has been released, or the call has waited long enough."""


class Step(NamedTuple):
    """What a happening leads to: the phase ``to``; ``refused`` is the audit's reason where the happening is not allowed
    in the phase before, else empty."""

    to: Phase
    refused: str = ""


TABLE: Final[dict[tuple[Phase, Happening], Step]] = {
    (Phase.AWAITED, Happening.STARTED): Step(Phase.LIVE),
    (Phase.AWAITED, Happening.MEDIA): Step(Phase.AWAITED),
    (Phase.AWAITED, Happening.ENDING): Step(Phase.ENDED),
    (Phase.AWAITED, Happening.FINISHED): Step(Phase.CLOSED),
    # a start may be sent again with more metadata
    (Phase.LIVE, Happening.STARTED): Step(Phase.LIVE),
    (Phase.LIVE, Happening.MEDIA): Step(Phase.LIVE),
    (Phase.LIVE, Happening.ENDING): Step(Phase.ENDED),
    (Phase.LIVE, Happening.FINISHED): Step(Phase.CLOSED),
    (Phase.ENDED, Happening.STARTED): Step(Phase.ENDED, "started_after_end"),
    (Phase.ENDED, Happening.MEDIA): Step(Phase.ENDED),
    (Phase.ENDED, Happening.ENDING): Step(Phase.ENDED, "ended_again"),
    (Phase.ENDED, Happening.FINISHED): Step(Phase.CLOSED),
    (Phase.CLOSED, Happening.STARTED): Step(Phase.CLOSED, "closed_call"),
    (Phase.CLOSED, Happening.MEDIA): Step(Phase.CLOSED, "closed_call"),
    (Phase.CLOSED, Happening.ENDING): Step(Phase.CLOSED, "closed_call"),
    (Phase.CLOSED, Happening.FINISHED): Step(Phase.CLOSED, "closed_call"),
}


class LifecycleState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of the call as a whole."""

    phase: Phase = Phase.AWAITED
    started_ms: Ms = 0
    """Record time of the first start; 0: none was seen."""
    declared_channels: int = 0
    minor: bool = False
    metadata: JsonObject = {}
    """The fields that may leave, free text already redacted."""
    ended_ms: Ms | None = None
    """Record time of ``call.ended``; None: it has not come."""
    duration_ms: Ms | None = None
    """Length of the call (media time) by ``call.ended``; None: not stated."""
    last_record_ms: Ms = 0
    """The latest record time of the call's own records."""


def _no_free_text(_event: CallStarted) -> dict[str, str]:
    return {}


class Lifecycle:
    """Where one call is in its life. ``started`` and ``ended`` answer with the code of what is refused, else ""."""

    def __init__(self) -> None:
        self._phase = Phase.AWAITED
        self._known = LifecycleState()
        self.closed = False
        self.ended_ms: Ms | None = None
        """Record time of ``call.ended``; None: it has not come."""
        self.last_record_ms: Ms = 0

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def started_ms(self) -> Ms:
        """Record time of the first start; 0: none was seen."""
        return self._known.started_ms

    @property
    def started(self) -> bool:
        """Whether ``call.started`` has come."""
        return self._known.started_ms > 0

    @property
    def minor(self) -> bool:
        return self._known.minor

    @property
    def declared_channels(self) -> int:
        return self._known.declared_channels

    @property
    def duration_ms(self) -> Ms | None:
        return self._known.duration_ms

    @property
    def metadata(self) -> JsonObject:
        return self._known.metadata

    def start(self, event: CallStarted, redacted: Callable[[CallStarted], dict[str, str]] = _no_free_text) -> str:
        """``call.started``; sent again, it may add metadata and channels. ``redacted`` gives what may leave of the
        event's free text, and is asked only where the event counts and the call is no minor's."""
        if event.minor:
            self._known = msgspec.structs.replace(self._known, minor=True)
        refused = self._step(Happening.STARTED)
        if not refused:
            known = self._known
            self._known = msgspec.structs.replace(
                known,
                started_ms=known.started_ms or event.time_ms,
                declared_channels=max(known.declared_channels, event.channels),
                metadata={
                    name: value
                    for name, value in event.metadata.items()
                    if isinstance(value, str) and len(value) <= _MAX_METADATA_CHARS and _may_leave(name, value)
                }
                | ({} if known.minor else redacted(event)),
            )
        return refused

    def end(self, event: CallEnded) -> str:
        """``call.ended``; only the first counts."""
        refused = self._step(Happening.ENDING)
        if not refused:
            self.ended_ms = event.time_ms
            self._known = msgspec.structs.replace(self._known, ended_ms=event.time_ms, duration_ms=event.duration_ms)
        return refused

    def media(self) -> str:
        """A segment or an audio chunk."""
        return self._step(Happening.MEDIA)

    def finish(self) -> str:
        """Nothing more will leave."""
        return self._step(Happening.FINISHED)

    def _step(self, happening: Happening) -> str:
        step = TABLE[self._phase, happening]
        self._phase = step.to
        self.closed = step.to is Phase.CLOSED
        return step.refused

    def state(self) -> LifecycleState:
        return msgspec.structs.replace(self._known, phase=self._phase, last_record_ms=self.last_record_ms)

    def restore(self, state: LifecycleState) -> None:
        self._known = state
        self._phase = state.phase
        self.closed, self.ended_ms = state.phase is Phase.CLOSED, state.ended_ms
        self.last_record_ms = state.last_record_ms


def _may_leave(name: str, value: str) -> bool:
    form = REFERENCES.get(name)
    return name in _KEPT_METADATA if form is None else form.fullmatch(value) is not None
