"""Values found in a call, kept as keyed digests, so that later mentions are known without keeping the values."""

from hashlib import blake2b
from typing import Final

from deid_stream.detect.vocabulary import CLOSED
from deid_stream.errors import DigestKeyError
from deid_stream.model.entities import EntityType

_DIGEST_BYTES: Final = 12
"""Length of a digest. A larger value makes checkpoints larger; with a much smaller one two values of a call may count
as one."""
_MIN_KEY_BYTES: Final = 16
"""A shorter key could be found by trying."""
_MAX_KEY_BYTES: Final = 64
"""BLAKE2b takes no longer key."""
MIN_NAME_LETTERS: Final = 3
"""A word of a name is known again alone only if it has at least this many letters. A smaller value redacts more short
words for the names that they are part of."""
MAX_VALUES: Final = 1024
"""Digests kept per call; the oldest go first."""


class Digester:
    """Keyed BLAKE2b (RFC 7693) over a kind and a normalised value; useless without the key."""

    __slots__ = ("_begun", "_key")

    def __init__(self, key: bytes) -> None:
        if not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
            raise DigestKeyError(f"digest key must have {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} bytes, it has {len(key)}")
        self._key = key
        self._begun: dict[str, blake2b] = {}
        """Kind -> the hash that has taken in the key, which is half of the work."""

    def __repr__(self) -> str:
        return "<Digester>"

    def __call__(self, kind: str, value: str) -> str:
        """Hex digest of ``value``; ``kind`` keeps names, digits and turns apart."""
        begun = self._begun.get(kind)
        if begun is None:
            begun = blake2b(digest_size=_DIGEST_BYTES, key=self._key, person=kind.encode())
            self._begun[kind] = begun
        digest = begun.copy()
        digest.update(value.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def parts(entity_type: EntityType, value: str) -> list[tuple[str, str]]:
    """``(kind, normalised value)`` of a span's written text: the whole first, then what it may be recalled by.

    Names are recalled by each of their words, numbers by their last four characters.
    """
    low = value.casefold()
    if entity_type is EntityType.PERSON:
        words = [w for w in _words(low) if len(w) >= MIN_NAME_LETTERS and w not in CLOSED]
        return [("name", " ".join(_words(low))), *(("name", w) for w in words)]
    if entity_type in (EntityType.EMAIL_ADDRESS, EntityType.UPI_ID, EntityType.URL):
        return [("mail", "".join(low.split()))]
    compact = "".join(c for c in low if c.isalnum())
    digits = sum(map(str.isdecimal, compact))
    if digits >= 4:
        return [("code", compact), ("code", compact[-4:])] if len(compact) > 4 else [("code", compact)]
    return [("text", compact)]


def _words(low: str) -> list[str]:
    return "".join(c if c.isalpha() else " " for c in low.replace("'s", " ").replace("’s", " ")).split()
