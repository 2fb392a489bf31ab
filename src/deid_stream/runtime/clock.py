"""The wall clock. What decides takes the time as an argument; only the outermost code asks this."""

import time

from deid_stream.units import Ms


def wall_clock_ms() -> Ms:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
