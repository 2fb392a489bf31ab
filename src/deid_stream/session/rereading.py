"""After a restart: which of the records that are read again still count.

The checkpoint saw every record below its positions. Of those only what was pending then counts again, and until all of
it has come, nothing may be decided: a turn without one of its segments would be another turn.
"""

from collections.abc import Iterable

from deid_stream.model.events import AudioChunk, Segment
from deid_stream.session.placing import Unlocated
from deid_stream.session.ports import Positions
from deid_stream.session.state import Part, UnlocatedTurn
from deid_stream.session.turns import Turn


def part_of(segment: Segment) -> Part:
    """How the checkpoint names a segment."""
    return (segment.offset, segment.segment_id)


class Rereading:
    """Empty for a session that was not restored."""

    def __init__(
        self, positions: Positions, pending: Iterable[Part] = (), unlocated: Iterable[UnlocatedTurn] = ()
    ) -> None:
        self._positions = positions
        self.pending = set(pending)
        self.unlocated = list(unlocated)
        self._parts: dict[Part, Segment] = {}

    @property
    def open(self) -> bool:
        """Some pending record has not come again."""
        return bool(self.pending or self.unlocated)

    def offsets(self) -> list[int]:
        """Source offsets of what has not come again."""
        return [offset for offset, _ in self.pending] + [o for turn in self.unlocated for o, _ in turn.parts]

    def knows(self, event: Segment | AudioChunk) -> bool:
        """The checkpoint saw this record."""
        positions = self._positions
        limit = positions.audio if isinstance(event, AudioChunk) else positions.transcripts
        return 0 <= event.offset < limit

    def take(self, segment: Segment) -> Segment | Unlocated | None:
        """What a known record is good for: to be heard again, to be placed on the audio, or nothing."""
        part = part_of(segment)
        if part in self.pending:
            self.pending.remove(part)
            return segment
        waiting = next((turn for turn in self.unlocated if part in turn.parts), None)
        if waiting is None:
            return None
        self._parts[part] = segment
        if not all(known in self._parts for known in waiting.parts):
            return None
        self.unlocated.remove(waiting)
        segments = tuple(self._parts.pop(known) for known in waiting.parts)
        return Unlocated(Turn(waiting.end_ms, waiting.channel, segments), waiting.spans, waiting.muted)

    def give_up(self) -> list[UnlocatedTurn]:
        """What has not come by now is gone from the topic; the turns among it must be muted whole."""
        lost, self.unlocated = self.unlocated, []
        self.pending.clear()
        self._parts.clear()
        return lost
