"""Turns whose text has left before their audio arrived. They wait until their spans can be placed on the audio."""

from collections.abc import Iterable, Iterator
from typing import Final

from deid_stream.audio.align.profiles import MAX_REACH_MS
from deid_stream.session.placing import Unlocated
from deid_stream.session.rereading import UnlocatedTurn, part_of
from deid_stream.session.sound import Sound
from deid_stream.units import Ms

MAX_WITHOUT_AUDIO: Final = 128
"""Most turns that wait in a call of which no audio has come. A larger number finds more of a call's spans exactly where
the audio comes long after the text, and makes the checkpoint of every text-only call larger (some 330 bytes per
turn)."""


class AwaitingAudio:
    """In the order in which their text left."""

    def __init__(self) -> None:
        self._turns: list[Unlocated] = []

    def __iter__(self) -> Iterator[Unlocated]:
        return iter(self._turns)

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, turn: Unlocated) -> None:
        self._turns.append(turn)

    def extend(self, turns: Iterable[Unlocated]) -> None:
        self._turns += turns

    def take_due(self, sound: Sound, forced_ms: Ms, *, final: bool) -> list[Unlocated]:
        """Take the turns whose audio has arrived on every channel that carries them, or whose wait is over."""
        taken = [turn for turn in self._turns if final or _due(turn, sound, forced_ms)]
        if taken:
            self._turns = [turn for turn in self._turns if not any(turn is other for other in taken)]
        return taken

    def overflow(self) -> list[Unlocated]:
        """Take the oldest turns beyond ``MAX_WITHOUT_AUDIO``: no audio has come for them."""
        gone, self._turns = self._turns[:-MAX_WITHOUT_AUDIO], self._turns[-MAX_WITHOUT_AUDIO:]
        return gone

    def offsets(self) -> list[int]:
        """Source offsets of their segments."""
        return [segment.offset for entry in self._turns for segment in entry.turn.segments]

    def earliest_start_ms(self) -> Ms | None:
        """Media time before which nothing waits here."""
        return min([entry.turn.start_ms for entry in self._turns]) if self._turns else None

    def state(self) -> tuple[UnlocatedTurn, ...]:
        """Content-free: the segments are read again after a restart."""
        return tuple(
            UnlocatedTurn(
                tuple(map(part_of, entry.turn.segments)),
                entry.turn.channel,
                entry.turn.start_ms,
                entry.turn.end_ms,
                entry.spans,
                entry.muted,
            )
            for entry in self._turns
        )


def _due(entry: Unlocated, sound: Sound, forced_ms: Ms) -> bool:
    due_ms = entry.turn.end_ms + MAX_REACH_MS
    targets = sound.targets(entry.turn.channel)
    return forced_ms >= due_ms or all(sound.arrived_ms(channel) >= due_ms for channel in targets)
