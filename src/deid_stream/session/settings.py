"""How long a call may wait, and how much of it may be held."""

from typing import Final

import msgspec

from deid_stream.units import Ms


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times ending in ``_ms`` that say "record time" count in Kafka timestamps, the others in media time."""

    context_window_ms: Ms = 1_500
    """Media time: a pause shorter than this does not end a turn; text waits so long for what may follow."""
    max_turn_ms: Ms = 12_000
    """Media time: a turn is closed at a segment border when it would grow beyond this."""
    piece_window_ms: Ms = 5_000
    """Media time: the same after a turn of nothing but one to three digits, for the next digits. A longer one finds
    more numbers that are read out a digit at a time; answers of a digit leave so much later."""
    settled_ms: Ms = 1_500
    """Media time: in place of ``context_window_ms``, where it is shorter, after a turn whose last words begin no value
    and are no part of one."""
    holdback_ms: Ms = 30_000
    """Record time: the longest wait for a transcript; then what is not covered counts as unheard."""
    end_grace_ms: Ms = 10_000
    """Record time: the wait for stragglers after a call ended that did not say how long it was: brokers need 5 to 10 s
    until another leads a partition, and what is written to it waits so long."""
    idle_ms: Ms = 120_000
    """Record time: a call without records for so long is closed, incomplete; also one that has ended, and whose audio
    has not all come."""
    max_held_bytes: int = 4_000_000
    """Audio held for one call; above it the older half counts as unheard."""
    default_profile: str = "100ms"
    """Timing profile of segments that name none."""
    crosstalk: bool = True
    """Silence a span also on the other channels that carry its sound."""


SETTLED_MS: Final[dict[str, Ms]] = {"live": 200, "balanced": 700, "safe": 1_500}
"""``SessionSettings.settled_ms`` by the setting ``delay``."""
