"""An outbox whose audit lines are put into the partition's chain as they are written."""

from collections.abc import Mapping

from deid_stream.kafka.ports import Outbox
from deid_stream.wire.chain import Chain


class ChainedOutbox:
    """``inner`` is the publisher's own; ``audit`` the name of the audit topic."""

    def __init__(self, inner: Outbox, audit: str, chain: Chain) -> None:
        self.inner = inner
        self._audit = audit
        self._chain = chain

    @property
    def records(self) -> int:
        return self.inner.records

    @property
    def counts(self) -> Mapping[str, int]:
        return self.inner.counts

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        if topic == self._audit:
            headers = [*headers, *self._chain.headers(key, value or b"")]
        self.inner.append(topic, key, value, headers, time_ms)
