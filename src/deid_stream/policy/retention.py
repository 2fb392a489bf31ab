"""The moment when a call's records expire: by customer and purpose, in days (UTC) from the call's first record."""

import msgspec

from deid_stream.policy.holdings import Holding, Part, Purpose
from deid_stream.units import DAY_MS, Ms


class Days(msgspec.Struct, frozen=True, array_like=True):
    """``retention_days`` of the policy in force."""

    analytics: int = 90
    training: int = 365


def expiry_ms(part: Part, holding: Holding, days: Days) -> Ms:
    """The moment from which the part may not be held. What a permit has promised is not lengthened by a later policy;
    a summary is needed as long as any of its call is."""
    day_start_ms = holding.started_ms // DAY_MS * DAY_MS
    analytics_ms = day_start_ms + days.analytics * DAY_MS
    training_ms = day_start_ms + days.training * DAY_MS
    if part.purpose is Purpose.ANALYTICS:
        return analytics_ms
    if part.purpose is Purpose.TRAINING:
        return min(training_ms, part.retain_until_ms or training_ms)
    return max(analytics_ms, training_ms) if holding.of(Purpose.TRAINING) else analytics_ms
