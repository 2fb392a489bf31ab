"""How far a recogniser's word times may be off, by provider.

``error_ms`` is the 95th percentile of the error of a word edge. The reach is how far outward the quietest frame is
looked for: late recognisers need more of it before a word than after. Whisper's times run 80 to 120 ms late with a
95th percentile of 300 to 394 ms (measured on synthetic calls), which no reach mends: its text is aligned again where
the forced aligner is installed.
"""

from typing import Final

import msgspec

from deid_stream.units import Ms


class TimingProfile(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    error_ms: Ms
    reach_before_ms: Ms
    reach_after_ms: Ms
    realign: bool = False
    """Prefer forced alignment over the recogniser's own times."""


MAX_REACH_MS: Final = 500
"""No profile reaches further, and nothing else looks further than this around a segment."""


def _symmetric(name: str, error_ms: Ms, reach_ms: Ms) -> TimingProfile:
    return TimingProfile(name=name, error_ms=error_ms, reach_before_ms=reach_ms, reach_after_ms=reach_ms)


EXACT: Final = _symmetric("exact", 25, 60)
FORCED: Final = _symmetric("forced", 50, 200)
"""Times from the forced aligner."""
WIDEST: Final = _symmetric("300ms", 300, 400)
_LATE: Final = TimingProfile(name="late", error_ms=300, reach_before_ms=450, reach_after_ms=300, realign=True)

PROFILES: Final = {
    "exact": EXACT,
    "50ms": _symmetric("50ms", 50, 120),
    "100ms": _symmetric("100ms", 100, 200),
    "300ms": WIDEST,
    "late": _LATE,
    "deepgram": _symmetric("deepgram", 100, 200),
    "assemblyai": _symmetric("assemblyai", 100, 200),
    "aws": _symmetric("aws", 100, 200),
    "azure": _symmetric("azure", 100, 200),
    "google": _symmetric("google", 100, 200),
    "twilio": _symmetric("twilio", 100, 200),
    "whisper": _LATE,
}


def profile(name: str) -> TimingProfile:
    """The profile of a provider, or one of the plain ones by name; unknown names get the widest."""
    return PROFILES.get(name, WIDEST)
