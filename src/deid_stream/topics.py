"""The topics of a deployment: what they are called, how they are made, what is wrong with those there are."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deid_stream.errors import BrokerError, TopicError

_DAY_MS: Final = 24 * 3600 * 1000
_USUAL_REPLICAS: Final = 3
_COMPACTION_LAG_MS: Final = _DAY_MS
"""Within this a tombstone has removed the record it retracts, also from a segment still being written."""


class Topic(NamedTuple):
    name: str
    """Without the deployment's prefix."""
    cleanup: frozenset[str]
    retention_days: int | None
    """None: as long as the key lives (compacted)."""

    def configs(self) -> dict[str, str]:
        """What the topic is created with."""
        configs = {"cleanup.policy": ",".join(sorted(self.cleanup))}
        if self.retention_days is not None:
            configs["retention.ms"] = str(self.retention_days * _DAY_MS)
        if "compact" in self.cleanup:
            configs["max.compaction.lag.ms"] = str(_COMPACTION_LAG_MS)
        return configs


_DELETE = frozenset({"delete"})
_COMPACT = frozenset({"compact"})
_BOTH = frozenset({"compact", "delete"})

EVENTS: Final = Topic("calls.events", _DELETE, 3)
TRANSCRIPTS: Final = Topic("calls.transcripts", _DELETE, 3)
AUDIO: Final = Topic("calls.audio", _DELETE, 3)
POLICIES: Final = Topic("customers.policies", _COMPACT, None)
REQUESTS: Final = Topic("privacy.requests", _DELETE, 365)
ANALYTICS_TRANSCRIPTS: Final = Topic("deid.analytics.transcripts", _BOTH, 90)
ANALYTICS_AUDIO: Final = Topic("deid.analytics.audio", _BOTH, 90)
TRAINING_TRANSCRIPTS: Final = Topic("deid.training.transcripts", _BOTH, 365)
TRAINING_AUDIO: Final = Topic("deid.training.audio", _BOTH, 365)
CALLS: Final = Topic("deid.calls", _BOTH, 365)
AGGREGATES: Final = Topic("deid.aggregates", _BOTH, 365)
AUDIT: Final = Topic("deid.audit", _DELETE, 365)
DEAD_LETTERS: Final = Topic("deid.dlq", _DELETE, 30)
CHECKPOINTS: Final = Topic("deid.checkpoints", _COMPACT, None)

OUTPUTS: Final = (
    ANALYTICS_TRANSCRIPTS,
    ANALYTICS_AUDIO,
    TRAINING_TRANSCRIPTS,
    TRAINING_AUDIO,
    CALLS,
    AGGREGATES,
    AUDIT,
    DEAD_LETTERS,
    CHECKPOINTS,
)
"""What the service writes."""

TOPICS: Final = (EVENTS, TRANSCRIPTS, AUDIO, POLICIES, REQUESTS, *OUTPUTS)


class Problem(NamedTuple):
    topic: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what}; {self.mend}"


class Found(NamedTuple):
    """A topic as the broker describes it; ``configs`` holds what the broker tells, which may be nothing."""

    partitions: int
    configs: dict[str, str]


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


def problems(found: dict[str, Found], *, prefix: str = "") -> list[Problem]:
    """Compare what the broker has with what the contract says."""
    counts = Counter(topic.partitions for topic in found.values())
    usual = max(counts, key=lambda count: (counts[count], count)) if counts else 0
    return [problem for topic in TOPICS for problem in _problems(topic, prefix + topic.name, found, usual)]


def _problems(topic: Topic, name: str, found: dict[str, Found], usual: int) -> Iterable[Problem]:
    actual = found.get(name)
    if actual is None:
        yield Problem(name, "missing", "run `deid-stream topics create`")
        return
    if actual.partitions != usual:
        yield Problem(
            name,
            f"has {actual.partitions} partitions, the others {usual}",
            "a call must have one partition number everywhere: make the counts equal while no call is running",
        )
    cleanup = actual.configs.get("cleanup.policy")
    if cleanup is not None and frozenset(cleanup.replace(" ", "").split(",")) != topic.cleanup:
        wanted = ",".join(sorted(topic.cleanup))
        yield Problem(name, f"cleanup.policy is {cleanup}", f"set it to {wanted}")
    retention = actual.configs.get("retention.ms")
    if topic.retention_days is not None and retention is not None and int(retention) < 0:
        yield Problem(name, "retention.ms is unlimited", f"set a limit, for example {topic.retention_days * _DAY_MS}")


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
