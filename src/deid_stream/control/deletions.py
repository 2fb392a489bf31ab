"""What a deletion does beside taking records back: it notes which calls had begun, and destroys the customer's keys.

When the deletion of a whole customer is taken, the customer gets a new key for later calls, and the ids of the old keys
are noted. The old keys are destroyed once every record has been taken back. Copies in brokers, replicas and backups can
then be read by nobody, and the customer's pseudonyms can be linked by nobody.
"""

import msgspec

from deid_stream.control.topics import ControlTopics
from deid_stream.kafka.customer_keys import CustomerKeys, read_keys_topic
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import reading
from deid_stream.model.requests import Kind
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.policy.rights import Status


class Deletions:
    """``keys`` is None where this process has no digest key: it can then neither make nor destroy customers' keys."""

    def __init__(self, kafka: Kafka, topics: ControlTopics, keys: CustomerKeys | None) -> None:
        self._kafka = kafka
        self._topics = topics
        self._keys = keys

    async def impossible(self, status: Status) -> bool:
        """Whether the request is a deletion of a customer who has keys that this process cannot destroy. Raises
        BrokerError."""
        if not _of_a_customer(status) or self._keys is not None:
            return False
        table = await read_keys_topic(self._kafka, self._topics.keys)
        return any(table.current(name) is not None for name in status.customer_ids)

    async def begun(self, status: Status) -> Status:
        """The deletion with how far the raw topics had come when it was taken, and with the ids of the keys to destroy.
        Raises BrokerError."""
        if status.kind is not Kind.DELETION or status.call_id:
            return status
        # first the key: calls that begin after the places that are noted are not deleted, and need the new one
        keys = await self._retired(status) if _of_a_customer(status) else ()
        return msgspec.structs.replace(status, keys=keys, reached=await self._reached())

    def lacks_key(self, status: Status) -> bool:
        """Whether keys have to be destroyed, and this process has no digest key for it."""
        return bool(status.keys) and self._keys is None

    async def done(self, status: Status) -> None:
        """Destroy the customer's old keys, now that every record has been taken back; only where the process does not
        lack a key. Calling it twice has the same effect. Raises BrokerError."""
        if self._keys is not None and status.keys:
            for name in status.customer_ids:
                await self._keys.destroy(name, status.keys)

    async def _retired(self, status: Status) -> tuple[str, ...]:
        if self._keys is None:
            return ()
        found = {name: [key.id for key in self._keys.table.record(name).keys] for name in status.customer_ids}
        if found[status.customer_id]:
            await self._keys.rotate(status.customer_id)
        return tuple(key for ids in found.values() for key in ids)

    async def _reached(self) -> dict[str, tuple[int, ...]]:
        topics, found = self._topics, {}
        for kind, topic in (
            (EVENTS_KIND, topics.events),
            (TRANSCRIPTS_KIND, topics.transcripts),
            (AUDIO_KIND, topics.audio),
        ):
            async with reading(self._kafka, topic, "read_uncommitted") as (reader, places):
                found[kind] = tuple([await reader.end(place) for place in sorted(places)])
        return found


def _of_a_customer(status: Status) -> bool:
    return status.kind is Kind.DELETION and not (status.call_id or status.subject)
