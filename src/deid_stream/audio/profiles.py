"""How far a recogniser's word times may be off, by provider, and what follows for the edges of a cut.

The numbers of the plain profiles are the ones that, on synthetic callers with word times disturbed by so much, left
least of the PII and took least of the rest (``benchmarks/audio.py``). Whisper's times run 80 to 120 ms late with a 95th
percentile of 300 to 394 ms, which no reach mends: its text is aligned again where the forced aligner is installed.
"""

from typing import Final, NamedTuple

import msgspec

from deid_stream.units import Ms


class Reach(NamedTuple):
    """How far outward of a word's edge the quietest frame is looked for."""

    least_ms: Ms
    most_ms: Ms


class TimingProfile(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    error_ms: Ms
    """Bound of the error of a word edge, passed by one edge in twenty at most."""
    before: Reach
    after: Reach
    slope_db: float = 1.0
    """A frame 10 ms further out must be quieter by so much to be preferred."""
    realign: bool = False
    """Prefer forced alignment over the recogniser's own times."""

    @property
    def widest_ms(self) -> Ms:
        """No edge moves further."""
        return self.error_ms // 2 + max(self.before.most_ms, self.after.most_ms)


MAX_REACH_MS: Final = 550
"""No profile moves an edge further, and nothing else looks further than this around a segment."""


def _symmetric(name: str, error_ms: Ms, reach: Reach, slope_db: float = 1.0) -> TimingProfile:
    return TimingProfile(name=name, error_ms=error_ms, before=reach, after=reach, slope_db=slope_db)


FORCED: Final = _symmetric("forced", 60, Reach(15, 160), 2.0)
"""Times from the forced aligner."""
WIDEST: Final = _symmetric("300ms", 300, Reach(100, 400))
_HUNDRED: Final = Reach(30, 120)
_LATE: Final = TimingProfile(name="late", error_ms=300, before=Reach(100, 400), after=Reach(30, 100), realign=True)

PROFILES: Final = {
    "exact": _symmetric("exact", 25, Reach(20, 40)),
    "50ms": _symmetric("50ms", 50, Reach(30, 70)),
    "100ms": _symmetric("100ms", 100, _HUNDRED, 2.0),
    "300ms": WIDEST,
    "late": _LATE,
    **{
        provider: _symmetric(provider, 100, _HUNDRED, 2.0)
        for provider in ("deepgram", "assemblyai", "aws", "azure", "google", "twilio")
    },
    "whisper": _LATE,
}


def profile(name: str) -> TimingProfile:
    """The profile of a provider, or one of the plain ones by name; unknown names get the widest."""
    return PROFILES.get(name, WIDEST)
