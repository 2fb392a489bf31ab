"""How far a call is known: the watermark (law 5).

A channel is covered up to the end of its last final segment or what the recogniser says it has finished, and on
through held audio that is silent. The watermark is the least covered channel's, unless record time forces it on.
"""

from collections import deque

import msgspec

from deid_stream.units import FOREVER_MS, Ms

_MARK_EVERY_MS = 500
"""Record time between two remembered marks, so that a long hold-back needs few of them."""

QUIET_MARGIN_MS = 200
"""Silence covers up to this before its end: speech fades in below the level at which it counts."""


class HoldbackState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Media times of one call. What waits is marked again by the records that are read again."""

    watermark_ms: Ms = 0
    forced_ms: Ms = 0
    covered_ms: dict[int, Ms] = {}
    """By channel."""


class Holdback:
    """The watermark of a call, which never goes back. All times are media time unless they say record time."""

    def __init__(self, holdback_ms: Ms) -> None:
        self._holdback_ms = holdback_ms
        self._marks: deque[list[Ms]] = deque()
        """Pairs of a record time and the media time that is passed ``holdback_ms`` after it, whatever is missing
        (ms)."""
        self.covered: dict[int, Ms] = {}
        """How far the recogniser has finished with each channel."""
        self.forced_ms: Ms = 0
        """Media time up to which nothing is waited for any more, whatever is missing."""
        self.watermark_ms: Ms = 0
        """Detection is complete before this; nothing may leave that lies behind it."""

    def state(self) -> HoldbackState:
        return HoldbackState(watermark_ms=self.watermark_ms, forced_ms=self.forced_ms, covered_ms=self.covered.copy())

    def restore(self, state: HoldbackState) -> None:
        self.watermark_ms, self.forced_ms = state.watermark_ms, state.forced_ms
        self.covered = dict(state.covered_ms)

    def cover(self, channel: int, until_ms: Ms) -> None:
        """The recogniser has finished with a channel up to ``until_ms``."""
        if until_ms > self.covered.get(channel, 0):
            self.covered[channel] = until_ms

    def mark(self, record_ms: Ms, media_ms: Ms) -> None:
        """A record of record time ``record_ms`` waits. From ``record_ms`` plus the hold-back on, audio up to
        ``media_ms`` is passed whatever is missing."""
        if self._marks and record_ms < (last := self._marks[-1])[0] + _MARK_EVERY_MS:
            if media_ms > last[1]:
                last[1] = media_ms
        else:
            self._marks.append([record_ms, media_ms])

    @property
    def next_deadline_ms(self) -> Ms:
        """Record time at which the next mark falls due; ``FOREVER_MS`` where nothing waits."""
        return self._marks[0][0] + self._holdback_ms if self._marks else FOREVER_MS

    def expire(self, now_ms: Ms) -> bool:
        """Force what is due at record time ``now_ms``; True when that moved anything."""
        moved = False
        while self._marks and self._marks[0][0] + self._holdback_ms <= now_ms:
            media_ms = self._marks.popleft()[1]
            if media_ms > self.forced_ms:
                self.forced_ms = media_ms
                moved = True
        return moved

    def force(self, media_ms: Ms) -> None:
        """Pass ``media_ms`` at once: a buffer is full or the call is over."""
        self.forced_ms = max(self.forced_ms, media_ms)

    def settle(self) -> None:
        """Forget the marks of what has been passed already."""
        while self._marks and self._marks[0][1] <= self.watermark_ms:
            self._marks.popleft()

    def advance(self, covered: Ms) -> bool:
        """Move to the least covered channel or to what is forced; True when it moved."""
        reached = max(covered, self.forced_ms)
        if reached <= self.watermark_ms:
            return False
        self.watermark_ms = reached
        return True
