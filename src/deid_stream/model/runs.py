"""The sequence numbers of a call's published records by channel, kept as runs: a few numbers, however long the call
is."""

from collections.abc import Iterable
from typing import Final

from deid_stream.model.outputs import SeqRange

_MAX_RANGES: Final = 32
"""Runs of sequence numbers remembered per channel. A producer whose numbers have more gaps than this is remembered with
its smallest gaps closed, so a retraction names records that never were; that does no harm."""


class Runs:
    """The runs of a call's audio records, or of its transcripts. ``channel`` None stands for interleaved audio."""

    __slots__ = ("_by_channel",)

    def __init__(self, ranges: Iterable[SeqRange] = ()) -> None:
        self._by_channel: dict[int | None, list[list[int]]] = {}
        for known in ranges:
            self.add(known)

    def __bool__(self) -> bool:
        return bool(self._by_channel)

    def note(self, channel: int | None, seq: int) -> None:
        """Add a sequence number; the next one in order only extends the last run."""
        runs = self._by_channel.get(channel)
        if runs is None:
            self._by_channel[channel] = [[seq, seq]]
            return
        last = runs[-1]
        if last[1] + 1 == seq:
            last[1] = seq
        elif not any(first <= seq <= end for first, end in runs):
            self._insert(runs, seq, seq)

    def add(self, known: SeqRange) -> None:
        """Add a whole run, which may touch or cover others."""
        runs = self._by_channel.setdefault(known.channel, [])
        first, last = known.first, known.last
        for run in [run for run in runs if run[0] <= last + 1 and first <= run[1] + 1]:
            first, last = min(first, run[0]), max(last, run[1])
            runs.remove(run)
        self._insert(runs, first, last)

    def ranges(self) -> tuple[SeqRange, ...]:
        """By channel, in the order in which the channels came."""
        return tuple(SeqRange(channel, *run) for channel, runs in self._by_channel.items() for run in runs)

    @staticmethod
    def _insert(runs: list[list[int]], first: int, last: int) -> None:
        runs.append([first, last])
        runs.sort()
        if len(runs) > _MAX_RANGES:
            at = min(range(1, len(runs)), key=lambda index: runs[index][0] - runs[index - 1][1])
            runs[at - 1][1] = max(runs[at - 1][1], runs.pop(at)[1])
