"""From final segments to turns: the unit of detection, however the recogniser cut the speech.

A turn is a run of final segments of one channel whose pauses are shorter than the context window. Its close time is
the watermark at which it can no longer grow; turns are detected in the order of their close times, so the order in
which the records of different topics arrive cannot matter (law 1).
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from deid_stream.model.events import Segment
from deid_stream.units import CharIndex, Ms


class Turn(NamedTuple):
    """Segments of one channel in media order, all of them final."""

    close_ms: Ms
    channel: int
    segments: tuple[Segment, ...]

    @property
    def start_ms(self) -> Ms:
        return self.segments[0].start_ms

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @property
    def end_ms(self) -> Ms:
        return max(segment.end_ms for segment in self.segments)

    def joined(self) -> "Turn":
        """The turn with its segments made one, so that its cut cannot matter to alignment; as it is where word times
        are missing or come from several providers."""
        first = self.segments[0]
        if len(self.segments) == 1 or not all(s.words and s.provider == first.provider for s in self.segments):
            return self
        words = tuple(word for segment in self.segments for word in segment.words)
        whole = msgspec.structs.replace(first, text=self.text, end_ms=self.end_ms, words=words)
        return self._replace(segments=(whole,))

    def starts(self) -> list[CharIndex]:
        """Where each segment's text begins in ``text``."""
        starts = []
        at = 0
        for segment in self.segments:
            starts.append(at)
            at += len(segment.text) + 1
        return starts


def following(turn: Turn, pending: Iterable[Segment], turns: Iterable[Turn]) -> Ms:
    """Media time at which what is known to come after ``turn`` on its channel begins; far off where nothing is."""
    starts = [segment.start_ms for segment in pending if segment.channel == turn.channel]
    starts += [other.start_ms for other in turns if other.channel == turn.channel]
    return min((start_ms for start_ms in starts if start_ms > turn.start_ms), default=1 << 60)


def _media_order(segment: Segment) -> tuple[Ms, Ms, str]:
    return (segment.start_ms, segment.end_ms, segment.segment_id)


class PendingTurns:
    """Final segments that have not been detected yet, by channel, in media order."""

    def __init__(self, context_window_ms: Ms, max_turn_ms: Ms) -> None:
        self._context_ms = context_window_ms
        self._max_turn_ms = max_turn_ms
        self._channels: dict[int, list[Segment]] = {}

    def __iter__(self) -> Iterator[Segment]:
        for segments in self._channels.values():
            yield from segments

    def get(self, channel: int, segment_id: str) -> Segment | None:
        """The pending segment of that id."""
        return next((s for s in self._channels.get(channel, ()) if s.segment_id == segment_id), None)

    def put(self, segment: Segment) -> None:
        """Hold a segment; it takes the place of an earlier revision."""
        segments = self._channels.setdefault(segment.channel, [])
        segments[:] = [held for held in segments if held.segment_id != segment.segment_id]
        insort(segments, segment, key=_media_order)

    def offsets(self) -> list[int]:
        """Source offsets of what is pending."""
        return [segment.offset for segment in self]

    def earliest_start_ms(self) -> Ms | None:
        """Media time before which nothing waits for detection."""
        starts = [segments[0].start_ms for segments in self._channels.values() if segments]
        return min(starts) if starts else None

    def pop_closed(self, watermark_ms: Ms) -> Turn | None:
        """The turn that closes first, if the watermark has reached its close time."""
        turns = [turn for channel, segments in self._channels.items() if (turn := self._first(channel, segments))]
        if not turns:
            return None
        turn = min(turns, key=lambda candidate: (candidate.close_ms, candidate.channel))
        if turn.close_ms > watermark_ms:
            return None
        del self._channels[turn.channel][: len(turn.segments)]
        return turn

    def _first(self, channel: int, segments: list[Segment]) -> Turn | None:
        if not segments:
            return None
        start_ms = segments[0].start_ms
        end_ms = segments[0].end_ms
        for index in range(1, len(segments)):
            following = segments[index]
            if following.start_ms - end_ms >= self._context_ms:
                return Turn(end_ms + self._context_ms, channel, tuple(segments[:index]))
            if max(end_ms, following.end_ms) - start_ms > self._max_turn_ms:
                return Turn(max(end_ms, following.start_ms), channel, tuple(segments[:index]))
            end_ms = max(end_ms, following.end_ms)
        return Turn(end_ms + self._context_ms, channel, tuple(segments))
