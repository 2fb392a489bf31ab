"""The control plane's state: Faust tables, each with a compacted topic that holds nothing but JSON of ours.

Values are kept as bytes: a hundred thousand calls then take tens of megabytes, and a restart reads them as they are.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

import msgspec

from deid_stream.model.json import UNDECODABLE

T = TypeVar("T")


class BytesTable(Protocol):
    """What is asked of a Faust table."""

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
        """None where there is none, and where another version wrote what this one cannot read."""
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
        """A tombstone in the table's topic."""
        if key.encode() in self._stored:
            self._stored.pop(key.encode())

    def items(self) -> Iterator[tuple[str, T]]:
        """Of all there is now."""
        for raw in list(self._stored.keys()):
            value = self.get(raw.decode())
            if value is not None:
                yield raw.decode(), value
