"""How readily the model's guesses count: three points on one curve, which ``benchmarks/sensitivity.py`` measures.

The rules do not change with it: what has a form goes at every point.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Sensitivity(StrEnum):
    """``strict`` lets the least through and takes more that is harmless; ``light`` the other way round."""

    STRICT = "strict"
    BALANCED = "balanced"
    LIGHT = "light"


LOG_ODDS: Final[Mapping[Sensitivity, float]] = {
    Sensitivity.STRICT: 1.0,
    Sensitivity.BALANCED: 0.0,
    Sensitivity.LIGHT: -1.0,
}
"""What is added to the log-odds of every guess before it meets its label's threshold; 1.0 is 2.7 times the odds."""


def shifted(threshold: float, log_odds: float) -> float:
    """The threshold (a probability, 0 to 1, exclusive) that acts as ``log_odds`` added to every guess would."""
    if not log_odds:
        return threshold
    return 1.0 / (1.0 + (1.0 - threshold) / threshold * math.exp(log_odds))
