"""Writes what one partition tells the control plane's index: for each call a claim, which says what of it has left."""

from typing import Final

from deid_stream.kafka.ports import Outbox
from deid_stream.units import Ms
from deid_stream.wire.index import encode_claims
from deid_stream.worker.consent import CallConsent

FLUSH_MS: Final = 1_000
"""Between two claims of a call that goes on. Larger: fewer records in the index; smaller: after a worker is killed,
less of what it let leave is unknown."""


class IndexFeed:
    """``partition`` is its number, ``topic`` the index."""

    def __init__(self, partition: int, topic: str) -> None:
        self._partition = partition
        self._topic = topic
        self._touched: dict[str, CallConsent] = {}
        self._urgent = False
        self._flushed_ms: Ms = 0

    def touch(self, consent: CallConsent) -> None:
        """Note that something of the call has left."""
        published = consent.published
        if published:
            self._touched[consent.facts.call_id] = consent
            self._urgent = self._urgent or published.urgent

    def due(self, wall_ms: Ms) -> bool:
        """There are claims to make now."""
        late = wall_ms - self._flushed_ms >= FLUSH_MS or wall_ms < self._flushed_ms
        return bool(self._touched) and (self._urgent or late)

    def flush(self, outbox: Outbox, wall_ms: Ms, time_ms: Ms) -> None:
        """Claim what is due, in the batch that is being filled. Where only something new is urgent, the rest waits."""
        everything = wall_ms - self._flushed_ms >= FLUSH_MS or wall_ms < self._flushed_ms
        chosen = [one for one in self._touched.values() if everything or one.published.urgent]
        if everything:
            self._flushed_ms, self._touched = wall_ms, {}
        else:
            for consent in chosen:
                del self._touched[consent.facts.call_id]
        self._urgent = False
        for record in encode_claims(self._partition, [consent.claim() for consent in chosen], time_ms):
            outbox.append(self._topic, record.key, record.value, record.headers, time_ms)
