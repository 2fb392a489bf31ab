"""How far a recogniser's word times may be off, by provider, and what follows for the edges of a cut.

The numbers of the plain profiles are the ones that, on synthetic callers with word times disturbed by so much, left
least of the PII and took least of the rest (``benchmarks/audio.py``). Whisper's times run 80 to 120 ms late with a 95th
percentile of 300 to 394 ms, which no reach mends: its text is aligned again where the forced aligner is installed.
"""

from typing import Final

import msgspec

from deid_stream.units import Ms


class TimingProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The quietest frame is looked for from ``least_ms`` to ``error_ms + beyond_ms`` outward of a likely border."""

    name: str
    error_ms: Ms
    """Bound of the error of a word edge, passed by one edge in twenty at most."""
    least_ms: Ms
    beyond_ms: Ms
    slope_db: float
    """A frame 10 ms further out must be quieter by so much to be preferred."""
    late_ms: Ms = 0
    """How much later than the sound the words are stated on average."""
    claims_ms: Ms = 0
    """Sound next to a word that no other word claims is taken for its own, as far as this."""
    realign: bool = False
    """Prefer forced alignment over the recogniser's own times."""

    @property
    def widest_ms(self) -> Ms:
        """No edge moves further."""
        return self.error_ms + self.late_ms + self.claims_ms + max(self.least_ms, self.beyond_ms)


MAX_REACH_MS: Final = 550
"""No profile moves an edge further, and nothing else looks further than this around a segment."""


def _named(name: str, error_ms: Ms, least_ms: Ms, beyond_ms: Ms, slope_db: float) -> TimingProfile:
    return TimingProfile(name=name, error_ms=error_ms, least_ms=least_ms, beyond_ms=beyond_ms, slope_db=slope_db)


FORCED: Final = msgspec.structs.replace(_named("forced", 70, 10, 30, 1.0), claims_ms=150)
"""Times from the forced aligner."""
WIDEST: Final = _named("300ms", 300, 100, 100, 0.5)
_LATE: Final = TimingProfile(
    name="late", error_ms=250, least_ms=60, beyond_ms=50, slope_db=0.5, late_ms=100, realign=True
)

PROFILES: Final = {
    "exact": _named("exact", 25, 20, 20, 1.0),
    "50ms": _named("50ms", 50, 40, 20, 0.5),
    "300ms": WIDEST,
    "late": _LATE,
    **{
        provider: _named(provider, 100, 40, 20, 0.5)
        for provider in ("100ms", "deepgram", "assemblyai", "aws", "azure", "google", "twilio")
    },
    "whisper": _LATE,
}


def profile(name: str) -> TimingProfile:
    """The profile of a provider, or one of the plain ones by name; unknown names get the widest."""
    return PROFILES.get(name, WIDEST)
