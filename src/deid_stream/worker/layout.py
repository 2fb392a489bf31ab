"""What the worker needs of the topics before it starts."""

import asyncio
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, for_code

from deid_stream.errors import TopicError
from deid_stream.kafka_io import unbroken
from deid_stream.model.topics import TopicNames
from deid_stream.worker.producer import translate

_TRIES: Final = 10
_BETWEEN_S: Final = 0.2
"""A topic that was created a moment ago may not be known to every broker yet."""


async def check_layout(options: dict[str, Any], names: TopicNames) -> int:
    """Partitions of ``customers.policies``. A call must have one partition number everywhere.

    Raises TopicError naming what is missing or unequal, BrokerError where the broker cannot be asked.
    """
    admin = AIOKafkaAdminClient(**options)
    try:
        await unbroken(admin.start())
        for _ in range(_TRIES):
            counts = await _counts(admin, names)
            if all(counts.values()):
                break
            await asyncio.sleep(_BETWEEN_S)
    except (KafkaError, OSError) as error:
        raise translate(error, "looking at the topics") from None
    finally:
        await unbroken(admin.close())
    if missing := sorted(topic for topic, count in counts.items() if not count):
        raise TopicError(f"missing topics: {', '.join(missing)}; run `deid-stream topics create`")
    policies = counts.pop(names.policies)
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic} {count}" for topic, count in sorted(counts.items()))
        raise TopicError(f"topics have unequal partition counts ({listed}); a call needs one number everywhere")
    return policies


async def _counts(admin: AIOKafkaAdminClient, names: TopicNames) -> dict[str, int]:
    wanted = [getattr(names, field) for field in names.__struct_fields__]
    counts = dict.fromkeys(wanted, 0)
    # asking about a topic that is not there may create it, so look at the list first
    there = set(await admin.list_topics()) & set(wanted)
    for topic in await admin.describe_topics(sorted(there)) if there else ():
        error = for_code(topic["error_code"])
        if error is TopicAuthorizationFailedError:
            raise error(topic["topic"])
        counts[topic["topic"]] = len(topic["partitions"])
    return counts
