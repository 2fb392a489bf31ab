"""The embedded Kafka-compatible broker and the guard that ends it with its parent."""

from typing import Final

SESSION_MS: Final = 2_000
"""Session timeout of a group's members: the embedded broker lets half of it pass before it shares partitions out."""
FETCH_WAIT_MS: Final = 100
"""Longest wait of a fetch. The embedded broker looks for records a few times in that wait, not when they come. Larger:
what has come is read later (13 ms at 100, 37 at most; 100 and 220 at 500); smaller: a program with nothing to do asks
more often (10 times per second at 100, 46 times at 20), and the broker takes as much of a processor for it."""
