"""The topics of a deployment on a broker: create those that are missing, say what is wrong with those there are."""

from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deid_stream.errors import BrokerError, TopicError
from deid_stream.model.topics import TOPICS, Found, Problem, problems

_USUAL_REPLICAS: Final = 3


async def create(
    options: dict[str, Any], *, prefix: str = "", partitions: int = 4, replication_factor: int = -1
) -> list[str]:
    """Create the topics that are missing, with equal partition counts; the names created, in the contract's order.

    ``options`` are ``kafka_options``. Existing topics are left as they are (``check`` says what is wrong with them).
    ``replication_factor`` -1 is three, or as many as there are brokers.
    Raises TopicError where the broker refuses one, BrokerError where it cannot be reached.
    """
    async with _admin(options) as admin:
        there = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if prefix + topic.name not in there]
        if not missing:
            return []
        if replication_factor == -1:
            brokers = await admin.describe_cluster()
            replication_factor = min(_USUAL_REPLICAS, len(brokers["brokers"]))
        response = await admin.create_topics(
            [
                NewTopic(prefix + topic.name, partitions, replication_factor, topic_configs=topic.configs())
                for topic in missing
            ]
        )
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise TopicError(f"the broker refused to create {name}: {error.__name__}")
    return [prefix + topic.name for topic in missing]


async def check(options: dict[str, Any], *, prefix: str = "") -> list[Problem]:
    """What is wrong with the deployment's topics; empty when nothing is. Raises BrokerError."""
    async with _admin(options) as admin:
        names = [prefix + topic.name for topic in TOPICS]
        there = set(await admin.list_topics())
        present = [name for name in names if name in there]
        found = {}
        if present:
            partitions = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics(present)}
            configs = await _configs(admin, present)
            found = {name: Found(partitions.get(name, 0), configs.get(name, {})) for name in present}
    return problems(found, prefix=prefix)


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Every setting that the broker tells: a filter by names in the request ends the embedded broker."""
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for code, _, _, name, entries in response.resources:
            if code == 0:
                found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found


class _admin:  # noqa: N801 - used as a verb
    """An admin client for one ``async with``; client errors become ours."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._servers = ",".join(options["bootstrap_servers"])
        self._options = options

    async def __aenter__(self) -> AIOKafkaAdminClient:
        self._client = AIOKafkaAdminClient(**self._options)
        try:
            await self._client.start()
        except (KafkaError, OSError) as error:
            await self._client.close()
            raise BrokerError(f"no broker answers at {self._servers}: {type(error).__name__}") from None
        return self._client

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self._client.close()
        if isinstance(error, KafkaError):
            raise BrokerError(f"the broker at {self._servers} refused: {type(error).__name__}") from None
