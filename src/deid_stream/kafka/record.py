"""A Kafka record on its way in and on its way out, the same for every client."""

from typing import Final, NamedTuple

import msgspec

Header = tuple[str, bytes]
"""A header without a value (null) has None here: whoever reads it takes it for missing. Not in the type, since to look
at each header of each record for it would cost more than decoding them."""


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class InRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it was read. Its content never shows in ``repr``."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Epoch ms, as the producer or the broker set it."""
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    unreadable: str = ""
    """Why the client could not read it: ``header_name``, ``codec``, ``damaged``, ``too_large``; then key, value and
    headers are missing. Empty for every other record."""

    def __repr__(self) -> str:
        return f"<InRecord {self.topic}/{self.partition}@{self.offset}>"


class OutRecord(NamedTuple):
    """A record to be sent. A value of None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] | list[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None
    """None: the time of sending."""
    partition: int | None = None
    """None: the key decides (murmur2)."""

    def __repr__(self) -> str:
        return f"<OutRecord {self.topic}/{self.partition}>"


MAX_BATCH_BYTES: Final = 950_000
"""Below the broker's usual ``message.max.bytes`` (1,048,588), which counts a whole batch."""
