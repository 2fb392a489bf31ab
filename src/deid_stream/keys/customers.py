"""Customers' own keys: a secret per customer, wrapped, whose destruction makes what it keyed unreadable.

A customer's *secret* (32 random bytes) keys its pseudonyms, and the *payload key* derived from it encrypts its
outputs. Neither can be derived from the master key, so destroying the wrapped secret destroys both, whoever has the
master key and whatever copies of the outputs there are. A record of ``deid.keys`` holds the secret wrapped for workers,
and the payload key wrapped once more for readers: a reader's key opens payloads, and neither pseudonyms nor secrets.

Pure: what is random is an argument.
"""

from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from deid_stream.errors import DigestKeyError
from deid_stream.keys.ring import KeyRing, Purpose, derived, key_id
from deid_stream.model.json import UNDECODABLE

RANDOM_BYTES: Final = 64
"""Random bytes that ``new_key`` and ``rewrapped`` need: 32 for the secret, 8 for the id, 12 for each of two nonces."""
_NONCE: Final = 12
_READ_CONTEXT: Final = "payload"


class StoredKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key of a customer, wrapped (base64 of nonce and AES-256-GCM)."""

    id: str
    """Random; the header ``ce_keyid`` of every record that the key encrypts."""
    secret: str
    """The customer's secret, wrapped for workers."""
    payloads: str
    """The payload key, wrapped for readers."""
    by: str
    """Id of the master key from which the keys that wrap ``secret`` and ``payloads`` are derived."""
    reader: str
    """Id of the reader's key that opens ``payloads``."""
    created_ms: int = 0

    def __repr__(self) -> str:
        return f"<StoredKey {self.id}>"


class CustomerRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a record of ``deid.keys``; its key is the customer. It stays when the keys are gone, so that a
    reader can tell a destroyed key from one it does not know."""

    keys: tuple[StoredKey, ...] = ()
    """From the oldest to the current one, with which everything new is made."""
    destroyed: tuple[str, ...] = ()
    """Ids of the keys that were destroyed."""
    destroyed_ms: int = 0
    """When the last of them was destroyed, epoch ms; 0: none was."""

    @property
    def current(self) -> StoredKey | None:
        return self.keys[-1] if self.keys else None

    def with_key(self, key: StoredKey) -> "CustomerRecord":
        return msgspec.structs.replace(self, keys=(*self.keys, key))

    def without(self, ids: Collection[str], now_ms: int) -> "CustomerRecord":
        """The record after the keys ``ids`` have been destroyed at ``now_ms``."""
        stay = tuple(key for key in self.keys if key.id not in ids)
        gone = (*self.destroyed, *(key.id for key in self.keys if key.id in ids))
        return CustomerRecord(stay, tuple(dict.fromkeys(gone)), now_ms)


NOBODY: Final = CustomerRecord()
_decoder: Final = msgspec.json.Decoder(CustomerRecord)


def read_record(value: bytes | None) -> CustomerRecord | None:
    """A value of ``deid.keys`` as a record; None where it is no such value."""
    try:
        return _decoder.decode(value or b"")
    except UNDECODABLE:
        return None


def write_record(record: CustomerRecord) -> bytes:
    """The value for ``deid.keys``."""
    return msgspec.json.encode(record)


def new_key(ring: KeyRing, customer_id: str, random: bytes, now_ms: int) -> StoredKey:
    """A key with the secret ``random[:32]``, wrapped under the ring's current master key."""
    return _wrapped(ring, customer_id, random[32:40].hex(), random[:32], random[40:], now_ms)


def rewrapped(ring: KeyRing, customer_id: str, stored: StoredKey, random: bytes) -> StoredKey:
    """The same key under the ring's current master key. Raises DigestKeyError where the one before is not there."""
    secret = secret_of(ring, customer_id, stored)
    return _wrapped(ring, customer_id, stored.id, secret, random[40:], stored.created_ms)


def secret_of(ring: KeyRing, customer_id: str, stored: StoredKey) -> bytes:
    """Raises DigestKeyError where the master key that wrapped it is not in the ring, or the record was changed."""
    key = ring.derive_with(stored.by, Purpose.CUSTOMER_SECRETS)
    if key is None:
        raise DigestKeyError(
            f"a customer's key is wrapped by the master key {stored.by}, which is not in the key ring: put it back "
            "behind the current one and run `deid-stream keys rotate`"
        )
    return _open(key, stored.secret, _bound(customer_id, stored.id, "secret"))


def payload_key(secret: bytes) -> bytes:
    """The 32 bytes that encrypt a customer's outputs, derived from the customer's secret."""
    return derived(secret, Purpose.PAYLOADS, ())


def pseudonym_key(secret: bytes) -> bytes:
    """The 32 bytes from which a customer's pseudonyms are made, derived from the customer's secret."""
    return derived(secret, Purpose.PSEUDONYMS, ())


class ReadKeys:
    """The keys with which a reader of encrypted outputs opens payload keys. They open nothing else."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys: Mapping[str, bytes] = {key_id(key): key for key in keys}

    def __repr__(self) -> str:
        return "<ReadKeys>"

    @classmethod
    def of(cls, ring: KeyRing) -> "ReadKeys":
        """The reader's keys of every master key of the ring."""
        return cls(reader_keys(ring))

    def payload_key(self, customer_id: str, stored: StoredKey) -> bytes | None:
        """None where no key here opens it. Raises DigestKeyError where the record was changed."""
        key = self._keys.get(stored.reader)
        return None if key is None else _open(key, stored.payloads, _bound(customer_id, stored.id, "payloads"))


def reader_keys(ring: KeyRing) -> list[bytes]:
    """32 bytes for each master key, the current one's first: what a reader is given."""
    return [key for name in ring.ids if (key := ring.derive_with(name, Purpose.READERS, _READ_CONTEXT)) is not None]


def _wrapped(ring: KeyRing, customer_id: str, name: str, secret: bytes, nonces: bytes, created_ms: int) -> StoredKey:
    master = ring.ids[0]
    reader = reader_keys(ring)[0]
    for_workers = ring.derive(Purpose.CUSTOMER_SECRETS)
    return StoredKey(
        id=name,
        secret=_seal(for_workers, nonces[:_NONCE], secret, _bound(customer_id, name, "secret")),
        payloads=_seal(reader, nonces[_NONCE : 2 * _NONCE], payload_key(secret), _bound(customer_id, name, "payloads")),
        by=master,
        reader=key_id(reader),
        created_ms=created_ms,
    )


def _bound(customer_id: str, name: str, what: str) -> bytes:
    """The data to which a wrapped key is bound, so that it does not open under another customer or in another field."""
    parts = [part.encode("utf-8", "surrogatepass") for part in ("deid-stream/1", customer_id, name, what)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _seal(key: bytes, nonce: bytes, secret: bytes, bound: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return b64encode(nonce + AESGCM(key).encrypt(nonce, secret, bound)).decode()


def _open(key: bytes, sealed: str, bound: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise DigestKeyError(
            "a customer's wrapped key was changed or is damaged: restore the topic deid.keys"
        ) from None
