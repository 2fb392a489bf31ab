"""How far a call is known: the watermark (law 5).

A channel is covered up to the end of its last final segment or what the recogniser says it has finished, and on
through held audio that is silent. The watermark is the least covered channel's, unless record time forces it on.
"""

from collections import deque
from collections.abc import Mapping

import msgspec

from deid_stream.units import Ms

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
        self._marks: deque[tuple[Ms, Ms]] = deque()
        self._covered_ms: dict[int, Ms] = {}
        self._forced_ms: Ms = 0
        self._watermark_ms: Ms = 0

    @property
    def watermark_ms(self) -> Ms:
        """Detection is complete before this; nothing may leave that lies behind it."""
        return self._watermark_ms

    @property
    def forced_ms(self) -> Ms:
        """Media time up to which nothing is waited for any more, whatever is missing."""
        return self._forced_ms

    @property
    def covered(self) -> Mapping[int, Ms]:
        """How far the recogniser has finished with each channel."""
        return self._covered_ms

    def state(self) -> HoldbackState:
        return HoldbackState(
            watermark_ms=self._watermark_ms, forced_ms=self._forced_ms, covered_ms=dict(self._covered_ms)
        )

    def restore(self, state: HoldbackState) -> None:
        self._watermark_ms, self._forced_ms = state.watermark_ms, state.forced_ms
        self._covered_ms = dict(state.covered_ms)

    def cover(self, channel: int, until_ms: Ms) -> None:
        """The recogniser has finished with a channel up to ``until_ms``."""
        if until_ms > self._covered_ms.get(channel, 0):
            self._covered_ms[channel] = until_ms

    def mark(self, record_ms: Ms, media_ms: Ms) -> None:
        """A record of record time ``record_ms`` waits. From ``record_ms`` plus the hold-back on, audio up to
        ``media_ms`` is passed whatever is missing."""
        if self._marks and record_ms < self._marks[-1][0] + _MARK_EVERY_MS:
            last_ms, passed_ms = self._marks[-1]
            self._marks[-1] = (last_ms, max(media_ms, passed_ms))
            return
        self._marks.append((record_ms, media_ms))

    @property
    def next_deadline_ms(self) -> Ms | None:
        """Record time at which the next mark falls due."""
        return self._marks[0][0] + self._holdback_ms if self._marks else None

    def expire(self, now_ms: Ms) -> bool:
        """Force what is due at record time ``now_ms``; True when that moved anything."""
        moved = False
        while self._marks and self._marks[0][0] + self._holdback_ms <= now_ms:
            media_ms = self._marks.popleft()[1]
            if media_ms > self._forced_ms:
                self._forced_ms = media_ms
                moved = True
        return moved

    def force(self, media_ms: Ms) -> None:
        """Pass ``media_ms`` at once: a buffer is full or the call is over."""
        self._forced_ms = max(self._forced_ms, media_ms)

    def settle(self) -> None:
        """Forget the marks of what has been passed already."""
        while self._marks and self._marks[0][1] <= self._watermark_ms:
            self._marks.popleft()

    def advance(self, covered: Ms) -> bool:
        """Move to the least covered channel or to what is forced; True when it moved."""
        reached = max(covered, self._forced_ms)
        if reached <= self._watermark_ms:
            return False
        self._watermark_ms = reached
        return True
