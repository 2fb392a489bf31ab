"""Topics, with aiokafka."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin import NewTopic as AioNewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.structs import TopicPartition

from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka.clients.aio.errors import start, translate, translated
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import NewTopic
from deid_stream.kafka.record import Place
from deid_stream.runtime.tasks import uninterrupted


class AioAdmin:
    """The port ``Admin``."""

    def __init__(self, client: AIOKafkaAdminClient) -> None:
        self._client = client

    async def brokers(self) -> int:
        async with translated("asking for the brokers"):
            return len((await self._client.describe_cluster())["brokers"])

    async def topics(self) -> set[str]:
        async with translated("looking at the topics"):
            return set(await self._client.list_topics())

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        async with translated("looking at the topics"):
            described = await self._client.describe_topics(sorted(topics))
        for topic in described:
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
                raise translate(TopicAuthorizationFailedError(topic["topic"]), "looking at the topics")
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def configs(self, topics: Collection[str]) -> dict[str, dict[str, str]]:
        """All settings are asked for: a request that filters them by name makes the embedded broker end."""
        found: dict[str, dict[str, str]] = {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(topics)]
        async with translated("looking at the topics' settings"):
            responses = await self._client.describe_configs(wanted)
        for response in responses:
            for code, _, _, name, entries in response.resources:
                if code == 0:
                    found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
        return found

    async def create(self, topics: Sequence[NewTopic]) -> None:
        async with translated("creating topics"):
            response = await self._client.create_topics(
                [AioNewTopic(t.name, t.partitions, t.replication_factor, topic_configs=dict(t.configs)) for t in topics]
            )
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise TopicError(f"the broker refused to create {name}: {error.__name__}")

    async def delete_records(self, before: Mapping[Place, int]) -> None:
        wanted = {
            TopicPartition(place.topic, place.partition): RecordsToDelete(before_offset=offset)
            for place, offset in before.items()
        }
        async with translated("deleting records"):
            try:
                await self._client.delete_records(wanted)
            except IncompatibleBrokerVersion:
                raise TopicError(
                    "this broker cannot delete records; they are removed when the topic's retention ends"
                ) from None
            except KafkaConnectionError:
                raise BrokerError(
                    "the broker closed the connection instead of deleting records: the embedded one cannot delete any; "
                    "of another broker, check that it is up, and try again"
                ) from None


@asynccontextmanager
async def admin(connection: Connection) -> AsyncIterator[AioAdmin]:
    """Connects on entering, closes whatever happens."""
    client = AIOKafkaAdminClient(**client_options(connection))
    try:
        await start(client, connection)
        yield AioAdmin(client)
    finally:
        await uninterrupted(client.close())
