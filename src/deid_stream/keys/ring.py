"""Master keys and what is derived from them (HKDF-SHA-256, RFC 5869).

No data is keyed with a master key itself. Each purpose has keys of its own, so that a key which becomes known opens
nothing of another purpose. Each customer and call has keys of its own, so that equal values have different digests in
different calls.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from deid_stream.errors import DigestKeyError

MIN_KEY_BYTES: Final = 16
MAX_KEY_BYTES: Final = 64
"""Checkpoints of 0.1.0 used the key itself with BLAKE2b, which takes no more."""
_DERIVED_BYTES: Final = 32
_LEGACY: Final = ""
"""The key id of a call whose digests are keyed with the current master key itself: a checkpoint of 0.1.0."""


class Purpose(StrEnum):
    """What a derived key is for. Keys of different purposes tell nothing about each other."""

    VALUE_DIGESTS = "value-digests"
    """Digests of the values found in a call, which checkpoints hold. One key per customer and call."""
    PSEUDONYMS = "pseudonyms"
    """The operators ``pseudonym``, ``hash`` and ``surrogate``. One key per customer."""
    KEY_ID = "key-id"
    """The ids of keys."""
    IDS = "ids"
    """Pseudonyms of call, customer and segment ids (``hash_ids``). One key for the deployment."""
    CUSTOMER_SECRETS = "customer-secrets"
    """Wraps customers' own secrets in ``deid.keys``."""
    READERS = "readers"
    """Wraps customers' payload keys in ``deid.keys``, for readers."""
    PAYLOADS = "payloads"
    """Encrypts a customer's outputs; derived from the customer's own secret."""


class CallKeys(msgspec.Struct, frozen=True):
    """The keys of one call."""

    key_id: str
    """Id of the master key from which ``digests`` is derived, for the checkpoint. Empty: a call from a checkpoint of
    0.1.0."""
    digests: bytes
    """Keys the digests of values found."""
    pseudonyms: bytes
    """Keys the customer's pseudonyms."""

    def __repr__(self) -> str:
        return "<CallKeys>"


class KeyRing:
    """``current`` makes everything new; calls that began with one of the ``retired`` keys go on with it.

    A key's id is derived from the key, so nobody has to keep a list of names. Raises DigestKeyError for a key of the
    wrong length.
    """

    def __init__(self, current: bytes, retired: Sequence[bytes] = ()) -> None:
        for secret in (current, *retired):
            check_length(secret)
        self._current = current
        self._keys = {key_id(secret): secret for secret in (*retired, current)}

    def __repr__(self) -> str:
        return "<KeyRing>"

    def of_call(self, customer_id: str, call_id: str, known: str | None = None) -> CallKeys:
        """The keys of a call. ``known`` is the key id in its checkpoint, None for a new call. If that key is not in the
        ring any more, the current one is used: the call then does not recognise the values that it found before."""
        pseudonyms = self.derive(Purpose.PSEUDONYMS, customer_id)
        if known == _LEGACY:
            return CallKeys(_LEGACY, self._current, pseudonyms)
        master = self._keys.get(known or "", self._current)
        return CallKeys(key_id(master), derived(master, Purpose.VALUE_DIGESTS, (customer_id, call_id)), pseudonyms)

    @property
    def ids(self) -> list[str]:
        """Ids of the master keys, the current one first."""
        return [key_id(self._current), *(name for name in self._keys if name != key_id(self._current))]

    def derive_with(self, master: str, purpose: Purpose, *context: str) -> bytes | None:
        """As ``derive``, from the master key of that id; None where it is not in the ring."""
        secret = self._keys.get(master)
        return None if secret is None else derived(secret, purpose, context)

    def derive(self, purpose: Purpose, *context: str) -> bytes:
        """32 bytes from the current key, for a purpose and for what ``context`` names (a customer, a call)."""
        return derived(self._current, purpose, context)


def key_id(secret: bytes) -> str:
    """64 bits that name a master key and tell nothing of it."""
    return derived(secret, Purpose.KEY_ID, ())[:8].hex()


def check_length(secret: bytes) -> None:
    """Raises DigestKeyError, with the mend, where a key is too short or too long."""
    mend = "make one with `openssl rand -hex 32`"
    if len(secret) < MIN_KEY_BYTES:
        raise DigestKeyError(f"a key has {len(secret)} bytes; at least {MIN_KEY_BYTES} are needed: {mend}")
    if len(secret) > MAX_KEY_BYTES:
        raise DigestKeyError(f"a key has {len(secret)} bytes; at most {MAX_KEY_BYTES} can be used: {mend}")


@lru_cache(maxsize=4_096)
def derived(secret: bytes, purpose: Purpose, context: tuple[str, ...]) -> bytes:
    """32 bytes from any secret, for a purpose and for what ``context`` names."""
    # imported here: commands that need no key start faster without it
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    # each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ
    parts = [part.encode("utf-8", "surrogatepass") for part in (purpose, *context)]
    info = b"deid-stream/1" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return HKDF(algorithm=SHA256(), length=_DERIVED_BYTES, salt=None, info=info).derive(secret)
