"""How far a recogniser's word times may be off, by provider, and what follows for the edges of a cut.

The numbers of the plain profiles are the ones that, on synthetic callers with word times disturbed by so much, left
little of the PII and took least of the rest (``benchmarks/audio.py``). Whisper's times run 80 to 120 ms late with a
95th percentile of 300 to 394 ms, which no reach mends: its text is aligned again where the forced aligner is installed.
"""

from typing import Final

import msgspec

from deid_stream.units import Ms


class TimingProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What to expect of word times."""

    name: str
    error_ms: Ms
    """Bound of the error of a word edge, passed by one edge in twenty at most."""
    least_ms: Ms
    """No cut is nearer to the likeliest border than this."""
    late_ms: Ms = 0
    """How much later than the sound the words are stated on average."""
    realign: bool = False
    """Prefer forced alignment over the recogniser's own times."""

    @property
    def pause_reach_ms(self) -> Ms:
        """How far beyond its error an edge is looked for where the sound goes on and no other word meets it."""
        return min(100, self.error_ms)

    @property
    def widest_ms(self) -> Ms:
        """No edge moves further."""
        return self.error_ms + self.late_ms + max(self.least_ms, self.pause_reach_ms)


MAX_REACH_MS: Final = 550
"""No profile moves an edge further than this, and no check looks further than this about a segment. A larger value
needs more of the sound about each segment."""


def _named(name: str, error_ms: Ms, least_ms: Ms) -> TimingProfile:
    return TimingProfile(name=name, error_ms=error_ms, least_ms=least_ms)


FORCED: Final = TimingProfile(name="forced", error_ms=90, least_ms=0, late_ms=-20)
"""Times from the forced aligner: it lets words begin too early rather than too late."""
WIDEST: Final = TimingProfile(name="300ms", error_ms=300, least_ms=180, realign=True)
_LATE: Final = TimingProfile(name="late", error_ms=250, least_ms=60, late_ms=100, realign=True)

PROFILES: Final = {
    "exact": _named("exact", 25, 15),
    "50ms": _named("50ms", 60, 40),
    "300ms": WIDEST,
    "late": _LATE,
    "100ms": _named("100ms", 100, 10),
}


def profile(name: str) -> TimingProfile:
    """A profile by name (``wire.providers`` says which a provider has); unknown names get the widest."""
    return PROFILES.get(name, WIDEST)
