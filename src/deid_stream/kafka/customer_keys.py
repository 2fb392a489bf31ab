"""Reads, follows and writes the topic ``deid.keys``."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Final, Self

from deid_stream.errors import BrokerError
from deid_stream.kafka.follow import TopicTable
from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.reading import read_to_end
from deid_stream.kafka.record import InRecord, OutRecord
from deid_stream.keys.customers import (
    RANDOM_BYTES,
    CustomerRecord,
    new_key,
    payload_key,
    rewrapped,
    secret_of,
    write_record,
)
from deid_stream.keys.ring import KeyRing
from deid_stream.keys.table import KeyTable

_SEEN_S: Final = 10.0
"""Longest wait until a key that was written is read back. After it the topic counts as unreadable, and work stops."""
_LOOK_S: Final = 0.02


async def read_keys_topic(kafka: Kafka, topic: str) -> KeyTable:
    """Read the topic to its end. Raises TopicError where it is missing, BrokerError."""
    table = KeyTable()
    for record in await read_to_end(kafka, topic):
        if record.key:
            table.apply(record.key.decode(errors="replace"), record.value)
    return table


class CustomerKeys:
    """Customers' keys for whoever has the key ring: workers, the control plane, ``deid-stream keys``.

    ``async with`` reads the topic to its end; ``follow`` goes on. ``random`` gives so many bytes, ``now_ms`` is the
    wall clock."""

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        isolation: Isolation,
        ring: KeyRing,
        *,
        random: Callable[[int], bytes],
        now_ms: Callable[[], int],
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._ring = ring
        self._random = random
        self._now_ms = now_ms
        self._following = TopicTable(kafka, topic, isolation, self._apply)
        self._secrets: dict[str, bytes] = {}
        self._payload_keys: dict[str, bytes] = {}
        self._turn = asyncio.Lock()
        self._awaited: set[tuple[str, bytes]] = set()
        self._followed = False
        self._stack = contextlib.AsyncExitStack()
        self.table = KeyTable()

    async def __aenter__(self) -> Self:
        """Raises TopicError, BrokerError; DigestKeyError where a key was wrapped by a master key that is gone."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._following)
            for customer_id in self.table.customers():
                self.secret(customer_id)
            await self._mend()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def follow(self) -> None:
        """Apply what comes, until cancelled. Raises BrokerError when the topic may no longer be read."""
        self._followed = True
        following = asyncio.ensure_future(self._following.follow())
        try:
            while not following.done():
                await asyncio.wait({following}, timeout=1.0)
                await self._mend()
            following.result()
        finally:
            self._followed = False
            following.cancel()

    # -- what is asked

    def secret(self, customer_id: str) -> bytes | None:
        """The customer's current secret; None where it has no key. Raises DigestKeyError where it does not open."""
        stored = self.table.current(customer_id)
        if stored is None:
            return None
        secret = self._secrets.get(stored.id)
        if secret is None:
            secret = self._secrets[stored.id] = secret_of(self._ring, customer_id, stored)
        return secret

    def has(self, customer_id: str) -> bool:
        return self.table.current(customer_id) is not None

    def key_ids(self) -> dict[str, str]:
        """The id of each customer's current key, by customer."""
        found = {customer_id: self.table.current(customer_id) for customer_id in self.table.customers()}
        return {customer_id: stored.id for customer_id, stored in found.items() if stored is not None}

    def payload_key(self, customer_id: str) -> tuple[str, bytes] | None:
        """Id and 32 bytes of the key that encrypts the customer's outputs now; None where the customer has no key."""
        stored = self.table.current(customer_id)
        if stored is None:
            return None
        found = self._payload_keys.get(stored.id)
        if found is None and (secret := self.secret(customer_id)) is not None:
            found = self._payload_keys[stored.id] = payload_key(secret)
        return None if found is None else (stored.id, found)

    # -- what is done

    async def ensure(self, customer_id: str) -> None:
        """Make a key where the customer has none; returns once it is in force here. Raises BrokerError."""
        async with self._turn:
            if self.table.current(customer_id) is None:
                key = new_key(self._ring, customer_id, self._random(RANDOM_BYTES), self._now_ms())
                await self._write(customer_id, self.table.record(customer_id).with_key(key))
        await self._mend()

    async def rotate(self, customer_id: str) -> str:
        """Make a new key for what comes, and return its id. Earlier keys still open what they have encrypted."""
        async with self._turn:
            key = new_key(self._ring, customer_id, self._random(RANDOM_BYTES), self._now_ms())
            await self._write(customer_id, self.table.record(customer_id).with_key(key))
        return key.id

    async def rewrap(self) -> int:
        """Wrap every key under the current master key; retired master keys may then be removed. Returns for how many
        customers something was to do."""
        count = 0
        async with self._turn:
            for customer_id in self.table.customers():
                record = self.table.record(customer_id)
                if all(key.by == self._ring.ids[0] for key in record.keys):
                    continue
                keys = tuple(rewrapped(self._ring, customer_id, key, self._random(RANDOM_BYTES)) for key in record.keys)
                await self._write(customer_id, CustomerRecord(keys, record.destroyed, record.destroyed_ms))
                count += 1
        await self._mend()
        return count

    async def destroy(self, customer_id: str, only: Collection[str] | None = None) -> int:
        """Destroy all keys of a customer, or those whose ids ``only`` names. Afterwards nobody can link the pseudonyms
        made with them or read what they have encrypted; the wrapped keys leave the topic with its next compaction, an
        hour later at most. Returns how many keys were destroyed; 0: there was none any more. Raises BrokerError."""
        async with self._turn:
            record = self.table.record(customer_id)
            ids = [key.id for key in record.keys if only is None or key.id in only]
            if not ids:
                return 0
            await self._write(customer_id, record.without(ids, self._now_ms()))
            for name in ids:
                self._secrets.pop(name, None)
                self._payload_keys.pop(name, None)
            return len(ids)

    # -- the topic

    def _apply(self, record: InRecord) -> None:
        if record.key:
            customer_id = record.key.decode(errors="replace")
            self.table.apply(customer_id, record.value)
            self._awaited.discard((customer_id, record.value or b""))

    async def _write(self, customer_id: str, record: CustomerRecord) -> None:
        """Write a customer's record and wait until this process has read it back. Raises BrokerError."""
        value = write_record(record)
        self._awaited.add((customer_id, value))
        async with self._kafka.sender() as sender:
            await sender.send([OutRecord(self._topic, customer_id.encode(), value)])
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _SEEN_S
        while (customer_id, value) in self._awaited:
            if loop.time() > until_s:
                raise BrokerError(
                    f"a key was written to {self._topic} and could not be read back within {_SEEN_S:.0f} s: check the "
                    "broker with `deid-stream doctor`, and try again"
                )
            if self._followed:
                await asyncio.sleep(_LOOK_S)
            else:
                await self._following.once()

    async def _mend(self) -> None:
        """Write the records again that a later, wrong record hides (``KeyTable.mends``)."""
        mends = self.table.mends()
        if mends:
            async with self._kafka.sender() as sender:
                await sender.send(
                    [OutRecord(self._topic, name.encode(), write_record(record)) for name, record in mends.items()]
                )
