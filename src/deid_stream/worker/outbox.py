"""The outbox into which a partition writes: it puts audit lines into the partition's chain, and encrypts outputs where
the deployment asks for it."""

from collections.abc import Mapping
from typing import Protocol

from deid_stream.errors import DigestKeyError
from deid_stream.kafka.ports import Outbox
from deid_stream.model.topics import SEALED, TopicNames
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.chain import Chain
from deid_stream.wire.sealing import seal


class PayloadKeys(Protocol):
    """Customers' keys, as they stand now."""

    def has(self, customer_id: str) -> bool: ...

    def payload_key(self, customer_id: str) -> tuple[str, bytes] | None:
        """Its id and itself; None where the customer has none."""
        ...


class Sealer:
    """Encrypts the values of ``SEALED`` topics with the key of the customer that the record names."""

    def __init__(self, names: TopicNames, keys: PayloadKeys) -> None:
        self._keys = keys
        self.topics = {getattr(names, topic.kind): topic.name for topic in SEALED}
        """Full name to the contract's."""

    def seal(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> tuple[bytes, list[tuple[str, bytes]]]:
        """Raises DigestKeyError where the customer has no key (it has just been destroyed): the record must not
        leave."""
        customer_id = next((value.decode() for name, value in headers if name == ce.CUSTOMER_ID), "")
        found = self._keys.payload_key(customer_id)
        if found is None:
            raise DigestKeyError("a customer's key is gone, so nothing of its calls may leave")
        sealed, more = seal(found[1], found[0], self.topics[topic], key, value)
        return sealed, [*headers, *more]


class PartitionOutbox:
    """``inner`` is the publisher's own; ``audit`` the name of the audit topic."""

    def __init__(self, inner: Outbox, audit: str, chain: Chain, sealer: Sealer | None = None) -> None:
        self.inner = inner
        self._audit = audit
        self._chain = chain
        self._sealer = sealer

    @property
    def records(self) -> int:
        return self.inner.records

    @property
    def counts(self) -> Mapping[str, int]:
        return self.inner.counts

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        """Raises DigestKeyError, see ``Sealer``."""
        if topic == self._audit:
            headers = [*headers, *self._chain.headers(key, value or b"")]
        elif self._sealer is not None and value is not None and topic in self._sealer.topics:
            value, headers = self._sealer.seal(topic, key or b"", value, headers)
        self.inner.append(topic, key, value, headers, time_ms)
