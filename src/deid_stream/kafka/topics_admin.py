"""Creates the topics of a deployment that are missing, and says what is wrong with those that exist."""

import asyncio
from collections.abc import Collection
from typing import Final

from deid_stream.errors import TopicError
from deid_stream.kafka.ports import Admin, Kafka, NewTopic
from deid_stream.model.topics import TOPICS, Found, Problem, TopicNames, problems

_USUAL_REPLICAS: Final = 3
_TRIES: Final = 25
_BETWEEN_S: Final = 0.2


async def create(kafka: Kafka, *, prefix: str = "", partitions: int = 4, replication_factor: int = -1) -> list[str]:
    """Create the topics that are missing, with equal partition counts; the names created, in the contract's order.

    Existing topics are left as they are (``check`` says what is wrong with them). ``replication_factor`` -1 is three,
    or as many as there are brokers. Raises TopicError where the broker refuses one, BrokerError where it cannot be
    reached."""
    async with kafka.admin() as admin:
        there = await admin.topics()
        missing = [topic for topic in TOPICS if prefix + topic.name not in there]
        if not missing:
            return []
        if replication_factor == -1:
            replication_factor = min(_USUAL_REPLICAS, await admin.brokers())
        await admin.create(
            [NewTopic(prefix + topic.name, partitions, replication_factor, topic.configs()) for topic in missing]
        )
    return [prefix + topic.name for topic in missing]


async def check(kafka: Kafka, *, prefix: str = "") -> list[Problem]:
    """What is wrong with the deployment's topics; empty when nothing is. Raises BrokerError."""
    async with kafka.admin() as admin:
        names = {prefix + topic.name for topic in TOPICS}
        present = names & await admin.topics()
        counts = await admin.partition_counts(present) if present else {}
        configs = await admin.configs(present) if present else {}
    found = {name: Found(counts.get(name, 0), configs.get(name, {})) for name in present}
    return problems(found, prefix=prefix)


async def check_layout(kafka: Kafka, names: TopicNames) -> int:
    """Check that all topics exist with equal partition counts (a call needs the same partition number in each); returns
    the partition count of ``customers.policies``.

    Raises TopicError naming what is missing or unequal, BrokerError where the broker cannot be asked.
    """
    counts = await partition_counts(kafka, names.all)
    policies = counts.pop(names.policies)
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic} {count}" for topic, count in sorted(counts.items()))
        raise TopicError(f"topics have unequal partition counts ({listed}); a call needs one number everywhere")
    return policies


async def partition_counts(kafka: Kafka, topics: Collection[str]) -> dict[str, int]:
    """Partitions of each of ``topics``. Those that are not there are waited for for 5 s: a topic that was created a
    moment ago may not be known to every broker yet; on a busy one it took more than 2 s.

    Raises TopicError naming what is missing, BrokerError where the broker cannot be asked.
    """
    async with kafka.admin() as admin:
        for _ in range(_TRIES):
            counts = await _counts(admin, topics)
            if len(counts) == len(topics):
                return counts
            await asyncio.sleep(_BETWEEN_S)
    missing = sorted(set(topics) - counts.keys())
    raise TopicError(f"missing topics: {', '.join(missing)}; run `deid-stream topics create`")


async def _counts(admin: Admin, topics: Collection[str]) -> dict[str, int]:
    # asking about a topic that is not there may create it, so look at the list first
    there = await admin.topics() & set(topics)
    found = await admin.partition_counts(there) if there else {}
    return {name: count for name, count in found.items() if count}
