"""Who may do what: the access lists in ``k8s/strimzi/users.yaml``, tried on a real Apache Kafka."""

import asyncio
from pathlib import Path

import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest

from deid_stream.kafka import topics_admin
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.model import topics
from tests.support.kafka import KafkaCluster

pytestmark = pytest.mark.kafka

USERS = {
    user["metadata"]["name"]: user["spec"]["authorization"]["acls"]
    for user in yaml.load_all(
        (Path(__file__).parents[2] / "k8s" / "strimzi" / "users.yaml").read_text(encoding="utf-8"),
        getattr(yaml, "CSafeLoader", yaml.SafeLoader),
    )
}
OUTPUTS = [t for t in topics.TOPICS if t.name.startswith("deid.")]
RAW = [topics.EVENTS, topics.TRANSCRIPTS, topics.AUDIO]
ANALYTICS = [topics.ANALYTICS_TRANSCRIPTS, topics.ANALYTICS_AUDIO]
CONTROL = [topics.CONTROL_CALLS, topics.CONTROL_CUSTOMERS, topics.CONTROL_WINDOWS]
PROOF = [topics.CALLS, topics.AUDIT, topics.CHECKPOINTS, topics.KEYS]
TRAINING = [topics.TRAINING_TRANSCRIPTS, topics.TRAINING_AUDIO]


# numbers of the Kafka protocol
RESOURCES = {"topic": 2, "group": 3, "transactionalId": 5}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
ALLOW = 3


async def prepare(cluster):
    """Grant what the file grants, make the topics, with a record in each."""
    admin = AIOKafkaAdminClient(**cluster.client())
    await admin.start()
    for user, acls in USERS.items():
        for acl in acls:
            resource = acl["resource"]
            what = (RESOURCES[resource["type"]], resource["name"], PATTERNS[resource["patternType"]])
            for operation in acl["operations"]:
                request = CreateAclsRequest(*what, f"User:{user}", "*", OPERATIONS[operation], ALLOW)
                response = await admin._send_request(request)
                assert [code for code, _ in response.creation_responses] == [0]
    await admin.close()
    await topics_admin.create(AioKafka(cluster.connection()), partitions=1)
    async with AIOKafkaProducer(**cluster.client()) as producer:
        for topic in topics.TOPICS:
            await producer.send_and_wait(topic.name, b"value", key=b"key")


@pytest.fixture(scope="module")
def cluster():
    with KafkaCluster(sasl=True, acls=True, users=dict.fromkeys(USERS, "password")) as running:
        asyncio.run(prepare(running))
        yield running


async def may_read(cluster, user, topic):
    consumer = AIOKafkaConsumer(
        topic.name, **cluster.client((user, "password")), group_id=None, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        return bool(await consumer.getmany(timeout_ms=20_000))
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()


async def may_write(cluster, user, topic):
    producer = AIOKafkaProducer(**cluster.client((user, "password")))
    await producer.start()
    try:
        await producer.send_and_wait(topic.name, b"value", key=b"key")
    except TopicAuthorizationFailedError:
        return False
    finally:
        await producer.stop()
    return True


@pytest.mark.parametrize(
    ("user", "readable", "writable"),
    [
        ("training-reader", [*TRAINING, topics.CALLS, topics.KEYS], []),
        (
            "analytics-reader",
            [*ANALYTICS, topics.CALLS, topics.AGGREGATES, topics.KEYS],
            [],
        ),
        (
            "deid-spotcheck",
            [*ANALYTICS, *TRAINING, topics.CALLS, topics.AUDIT, topics.KEYS],
            [*ANALYTICS, *TRAINING, topics.CALLS, topics.AUDIT],
        ),
        ("call-producer", [], RAW),
        (
            "call-investigator",
            [*RAW, topics.POLICIES, *ANALYTICS, topics.CALLS, topics.AUDIT, topics.KEYS],
            [topics.AUDIT],
        ),
        ("policy-writer", [topics.POLICIES], [topics.POLICIES]),
        (
            "privacy-officer",
            [topics.POLICIES, topics.REQUEST_STATUS, *CONTROL, *ANALYTICS, *TRAINING, *PROOF],
            [topics.POLICIES, topics.REQUESTS],
        ),
        ("deid-worker", [*RAW, topics.POLICIES, topics.CHECKPOINTS, topics.KEYS], OUTPUTS),
    ],
)
async def test_everyone_may_do_their_own_and_nothing_else(cluster, user, readable, writable):
    assert [t.name for t in topics.TOPICS if await may_read(cluster, user, t)] == [
        t.name for t in topics.TOPICS if t in readable
    ]
    assert [t.name for t in topics.TOPICS if await may_write(cluster, user, t)] == [
        t.name for t in topics.TOPICS if t in writable
    ]


async def test_a_worker_may_commit_its_offsets_in_a_transaction(cluster):
    client = cluster.client(("deid-worker", "password"))
    producer = AIOKafkaProducer(**client, transactional_id="deid-stream-0")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(topics.ANALYTICS_AUDIO.name, b"value", key=b"key")
        await producer.send_offsets_to_transaction({TopicPartition(topics.AUDIO.name, 0): 1}, "deid-stream")
    await producer.stop()


async def test_a_reader_may_not_join_the_workers_group(cluster):
    consumer = AIOKafkaConsumer(
        topics.TRAINING_AUDIO.name, **cluster.client(("training-reader", "password")), group_id="deid-stream"
    )
    with pytest.raises(GroupAuthorizationFailedError):
        await consumer.start()
    await consumer.stop()
