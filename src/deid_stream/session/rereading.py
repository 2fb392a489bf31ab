"""Decides, after a restart, which of the records that are read again still count.

The checkpoint saw every record below its positions. Of those only what was pending then counts again, and until all of
it has come, nothing may be decided: a turn without one of its segments would be another turn.
"""

from collections.abc import Iterable

import msgspec

from deid_stream.model.events import AudioChunk, Segment
from deid_stream.model.spans import Span
from deid_stream.session.placing import Unlocated
from deid_stream.session.ports import Positions
from deid_stream.session.turns import Turn
from deid_stream.units import Ms

ANY_CHANNEL = -1


class Part(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A segment among the records: its source offset, its id and its channel (one record may hold several segments).
    Version 0.1.0 wrote no channel."""

    offset: int
    segment_id: str
    channel: int = ANY_CHANNEL


class UnlocatedTurn(msgspec.Struct, frozen=True, array_like=True):
    """A turn whose text has left while its audio had not arrived; its records are read again."""

    parts: tuple[Part, ...]
    channel: int
    start_ms: Ms
    end_ms: Ms
    spans: tuple[Span, ...]
    """In characters of the turn's text."""
    muted: bool


class RereadingState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be read again: segments of open turns, and turns that wait for their audio."""

    pending: tuple[Part, ...] = ()
    unlocated: tuple[UnlocatedTurn, ...] = ()


def part_of(segment: Segment) -> Part:
    """How the checkpoint names a segment."""
    return Part(segment.offset, segment.segment_id, segment.channel)


class Rereading:
    """Which records that a checkpoint names have still to come again after a restart; none for a new session."""

    def __init__(self, positions: Positions, state: RereadingState | None = None) -> None:
        self._positions = positions
        state = state or RereadingState()
        self._pending = set(state.pending)
        self._unlocated = list(state.unlocated)
        self._parts: dict[Part, Segment] = {}

    def state(self, held: Iterable[Segment], waiting: Iterable[UnlocatedTurn]) -> RereadingState:
        """What another restart has to read again: what has not come again yet, the segments that are held and the turns
        that wait for their audio."""
        return RereadingState(
            pending=tuple(sorted({*map(part_of, held), *self._pending})),
            unlocated=(*waiting, *self._unlocated),
        )

    @property
    def open(self) -> bool:
        """Whether a record that the checkpoint names has not come again."""
        return bool(self._pending or self._unlocated)

    def offsets(self) -> list[int]:
        """Source offsets of the records that have not come again."""
        return [part.offset for part in self._pending] + [o.offset for turn in self._unlocated for o in turn.parts]

    def knows(self, event: Segment | AudioChunk) -> bool:
        """Whether the record lies before the positions of the checkpoint, so that it was taken in before the
        restart."""
        positions = self._positions
        limit = positions.audio if isinstance(event, AudioChunk) else positions.transcripts
        return 0 <= event.offset < limit

    def take(self, segment: Segment) -> Segment | Unlocated | None:
        """Take in a segment that the checkpoint knows. Returns the segment, if its turn had not been released and so
        has to be detected; the whole turn, if its text has left and this was the last of its segments to come, so that
        it can be placed on the audio; else None."""
        names = (part_of(segment), Part(segment.offset, segment.segment_id))
        for part in names:
            if part in self._pending:
                self._pending.remove(part)
                return segment
        found = next(((turn, part) for turn in self._unlocated for part in names if part in turn.parts), None)
        if found is None:
            return None
        waiting, part = found
        self._parts[part] = segment
        if not all(known in self._parts for known in waiting.parts):
            return None
        self._unlocated.remove(waiting)
        segments = tuple(self._parts.pop(known) for known in waiting.parts)
        return Unlocated(Turn(waiting.end_ms, waiting.channel, segments), waiting.spans, waiting.muted)

    def give_up(self) -> tuple[list[UnlocatedTurn], bool]:
        """Stop waiting: what has not come by now is gone from the topic. Returns the turns to be muted as a whole, and
        whether anything is missing."""
        lost, self._unlocated = self._unlocated, []
        missing = bool(lost or self._pending)
        self._pending.clear()
        self._parts.clear()
        return lost, missing
