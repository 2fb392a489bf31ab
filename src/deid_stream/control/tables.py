"""The control plane's state: Faust tables, each with a compacted topic that holds JSON.

Values are kept as bytes, so that a hundred thousand calls take tens of megabytes and a restart need not decode them.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

import msgspec

from deid_stream.model.json import UNDECODABLE

T = TypeVar("T")


class BytesTable(Protocol):
    """The part of a Faust table that ``Table`` uses."""

    def __getitem__(self, key: bytes, /) -> bytes: ...

    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...

    def __contains__(self, key: bytes, /) -> bool: ...

    def __len__(self) -> int: ...

    def keys(self) -> Iterator[bytes]: ...

    def pop(self, key: bytes, /) -> bytes: ...


class Table(Generic[T]):
    """Values of one type under text keys. ``stored`` is a Faust table, or a dictionary in a test."""

    def __init__(self, stored: BytesTable, kind: type[T]) -> None:
        self._stored = stored
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()

    def __len__(self) -> int:
        return len(self._stored)

    def get(self, key: str) -> T | None:
        """The value under ``key``; None where there is none, or where another version wrote a value that this one
        cannot read."""
        raw = key.encode()
        if raw not in self._stored:
            return None
        try:
            return self._decoder.decode(self._stored[raw])
        except UNDECODABLE:
            return None

    def set(self, key: str, value: T) -> None:
        self._stored[key.encode()] = self._encoder.encode(value)

    def drop(self, key: str) -> None:
        """Remove ``key``, with a tombstone in the table's topic."""
        if key.encode() in self._stored:
            self._stored.pop(key.encode())

    def keys(self) -> Iterator[str]:
        """All that the table holds at the moment of the call."""
        for raw in list(self._stored.keys()):
            yield raw.decode()

    def items(self) -> Iterator[tuple[str, T]]:
        """All that the table holds at the moment of the call."""
        for key in self.keys():
            value = self.get(key)
            if value is not None:
                yield key, value
