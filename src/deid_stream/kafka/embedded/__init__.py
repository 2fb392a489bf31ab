"""The embedded Kafka-compatible broker and the guard that ends it with its parent."""

from typing import Final

SESSION_MS: Final = 2_000
"""Session timeout of a group's members: the embedded broker lets half of it pass before it shares partitions out."""
FETCH_WAIT_MS: Final = 20
"""The embedded broker lets a waiting fetch wait to its end, partition by partition, whatever arrives meanwhile. Faust's
own 1.5 s made a round over all topics of the control plane last longer than 20 s."""
