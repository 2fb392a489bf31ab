"""Decrypts encrypted outputs with a reader's keys and the topic ``deid.keys``."""

from collections.abc import Iterable
from typing import Final, Self

import msgspec

from deid_stream.errors import BrokerError, SealedError
from deid_stream.kafka.customer_keys import read_keys_topic
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import InRecord
from deid_stream.keys.customers import ReadKeys
from deid_stream.keys.table import KeyTable
from deid_stream.model.topics import KEYS
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.sealing import ENCRYPTION, key_id_of, unseal

NO_RIGHT: Final = (
    "the records are encrypted with customers' keys: set DEID_READ_KEY (or DEID_READ_KEY_FILE) to what "
    "`deid-stream keys reader-key` prints, and allow this user to read deid.keys"
)
UNKNOWN: Final = (
    "the records are encrypted with keys that these read keys do not open: the master key was rotated; set "
    "DEID_READ_KEY to what `deid-stream keys reader-key` prints now"
)


class Opener:
    """Decrypts records of one deployment with the keys that ``deid.keys`` held when the Opener was made. ``table``
    None: that topic could not be read."""

    def __init__(self, table: KeyTable | None, keys: ReadKeys | None, prefix: str) -> None:
        self._table = table
        self._keys = keys
        self._prefix = prefix
        self._payload_keys: dict[str, bytes] = {}

    @classmethod
    async def load(cls, kafka: Kafka, prefix: str, keys: ReadKeys | None) -> Self:
        """Read the topic of keys. If it is missing, or this user may not read it, the Opener has no keys. Raises
        BrokerError where the broker does not answer."""
        try:
            table = await read_keys_topic(kafka, prefix + KEYS.name)
        except BrokerError as error:
            if error.retryable:
                raise
            table = None
        return cls(table, keys, prefix)

    def destroyed(self, record: InRecord) -> bool:
        """Whether the customer's key is destroyed, so that nobody can read the record any more. Raises SealedError for
        an unknown encryption."""
        key_id = key_id_of(record.headers) if is_sealed(record) else None
        return key_id is not None and self._table is not None and self._table.destroyed(_customer(record), key_id)

    def open(self, record: InRecord) -> InRecord:
        """The record in clear; itself where it is not encrypted. Raises SealedError: no right, a destroyed key, or a
        value that was changed."""
        if not is_sealed(record) or record.value is None:
            return record
        key_id = key_id_of(record.headers) or ""
        payload_key = self._payload_keys.get(key_id)
        if payload_key is None:
            payload_key = self._payload_keys[key_id] = self._payload_key(_customer(record), key_id)
        topic = record.topic.removeprefix(self._prefix)
        value = unseal(payload_key, key_id, topic, record.key or b"", record.value)
        return msgspec.structs.replace(record, value=value)

    def _payload_key(self, customer_id: str, key_id: str) -> bytes:
        if self._table is None or self._keys is None:
            raise SealedError(NO_RIGHT)
        stored = self._table.key(customer_id, key_id)
        if stored is None:
            if self._table.destroyed(customer_id, key_id):
                raise SealedError("the customer's key was destroyed: what it encrypted can be read by nobody")
            raise SealedError("a record is encrypted with a key that deid.keys does not have: restore that topic")
        payload_key = self._keys.payload_key(customer_id, stored)
        if payload_key is None:
            raise SealedError(UNKNOWN)
        return payload_key


def is_sealed(record: InRecord) -> bool:
    """Whether its value is encrypted."""
    return any(name == ENCRYPTION for name, _ in record.headers)


async def opened(kafka: Kafka, prefix: str, keys: ReadKeys | None, records: Iterable[InRecord]) -> list[InRecord]:
    """Records in clear, without those whose key is destroyed. Asks the broker only where one is encrypted. Raises
    SealedError, BrokerError."""
    records = list(records)
    if not any(map(is_sealed, records)):
        return records
    opener = await Opener.load(kafka, prefix, keys)
    return [opener.open(record) for record in records if not opener.destroyed(record)]


def _customer(record: InRecord) -> str:
    return (dict(record.headers).get(ce.CUSTOMER_ID) or b"").decode(errors="replace")
