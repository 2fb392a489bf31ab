"""The interface of whatever keeps master keys: a provider makes a new key, wrapped, and unwraps it again."""

from typing import NamedTuple, Protocol


class NewKey(NamedTuple):
    token: str
    """The key as it may stand in a file: wrapped, or in hex where no service wraps it."""
    secret: bytes

    def __repr__(self) -> str:
        return "<NewKey>"


class KeyProvider(Protocol):
    """Its methods block: call them before work begins, and in a thread where an event loop runs. Every failure is a
    KeyProviderError, whose message says what to do and holds neither key nor token."""

    def generate(self) -> NewKey:
        """Make a new key of 32 random bytes."""
        ...

    def unwrap(self, token: str) -> bytes: ...
