"""Encrypted outputs: a value under its customer's key, the same bytes on every replay.

AES-256-GCM with a key of the call (HKDF from the customer's payload key), 12 bytes of nonce before the ciphertext and
its tag. The topic, the record's key and the key's id are bound to it (AAD), so that a value which is moved to another
record does not open. ``ce_encryption`` and ``ce_keyid`` say what was done; ``content-type`` is that of what is inside.

**The nonce** is HMAC-SHA-256 over what is bound and the content, cut to 96 bits (a synthetic IV): a replay has to give
the same bytes, so there can be nothing random in it. GCM breaks where one nonce serves two contents. Here equal nonces
mean equal records, or two records of one call whose HMACs agree by chance in 96 bits: with a key per call and a million
records in it, 1 in 10^17. What it tells is that two stored values of one record are equal, which is what a replay is.
"""

import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from deid_stream.errors import SealedError
from deid_stream.wire.cloudevents import Headers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCRYPTION: Final = "ce_encryption"
KEY_ID: Final = "ce_keyid"
ALGORITHM: Final = "A256GCM"
_NONCE: Final = 12
_CALLS: Final = 8_192


def call_of(key: bytes) -> str:
    """The call that a record id names."""
    return key.rsplit(b"/", 2)[0].decode(errors="replace")


def seal(
    payload_key: bytes, key_id: str, topic: str, key: bytes, value: bytes
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The encrypted value and its headers. ``topic`` is the contract's name, without a deployment's prefix."""
    cipher, nonce_key = _call_keys(payload_key, call_of(key))
    bound = _bound(topic, key, key_id)
    nonce = hmac.digest(nonce_key, bound + value, "sha256")[:_NONCE]
    return nonce + cipher.encrypt(nonce, value, bound), [(ENCRYPTION, ALGORITHM.encode()), (KEY_ID, key_id.encode())]


def key_id_of(headers: Headers) -> str | None:
    """Of the key that a value is encrypted with; None where it is not. Raises SealedError for another algorithm."""
    found: Mapping[str, bytes] = dict(headers)
    algorithm = found.get(ENCRYPTION)
    if algorithm is None:
        return None
    if algorithm != ALGORITHM.encode():
        raise SealedError(
            "a record is encrypted in a way that this version does not know; use the version that wrote it"
        )
    return (found.get(KEY_ID) or b"").decode(errors="replace")


def unseal(payload_key: bytes, key_id: str, topic: str, key: bytes, value: bytes) -> bytes:
    """Raises SealedError where the value was changed, moved or cut."""
    from cryptography.exceptions import InvalidTag

    cipher, _ = _call_keys(payload_key, call_of(key))
    try:
        return cipher.decrypt(value[:_NONCE], value[_NONCE:], _bound(topic, key, key_id))
    except (InvalidTag, ValueError):
        raise SealedError("an encrypted record does not open: it was changed, or moved from another place") from None


def _bound(topic: str, key: bytes, key_id: str) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in (topic.encode(), key, key_id.encode()))


@lru_cache(maxsize=_CALLS)
def _call_keys(payload_key: bytes, call_id: str) -> "tuple[AESGCM, bytes]":
    # imported here: most deployments encrypt nothing
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b"deid-stream/1/call" + sha256(call_id.encode("utf-8", "surrogatepass")).digest()
    made = HKDF(algorithm=SHA256(), length=64, salt=None, info=info).derive(payload_key)
    return AESGCM(made[:32]), made[32:]
