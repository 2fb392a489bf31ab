"""What keeps master keys: a provider gives a new one wrapped, and unwraps it again."""

from typing import NamedTuple, Protocol


class NewKey(NamedTuple):
    token: str
    """The key as it may stand in a file: wrapped, or for local keys itself in hex."""
    secret: bytes

    def __repr__(self) -> str:
        return "<NewKey>"


class KeyProvider(Protocol):
    """Blocking: call it before work begins, in a thread where a loop runs. Every failure is a KeyProviderError, whose
    message says what to do and holds neither key nor token."""

    def generate(self) -> NewKey:
        """32 random bytes."""
        ...

    def unwrap(self, token: str) -> bytes: ...
