"""Topics: made alike, and what is wrong with them named."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic as AioNewTopic

from deid_stream.config import load_settings
from deid_stream.control.topics import ControlTopics
from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.connect import connect
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.memory import MemoryBroker, MemoryKafka
from deid_stream.kafka.ports import NewTopic
from deid_stream.model import topics
from deid_stream.model.topics import Found, TopicNames, problems


def kafka(servers):
    return connect(load_settings({"bootstrap_servers": servers}, {}), "test")


def healthy(partitions=4):
    return {topic.name: Found(partitions, topic.configs()) for topic in topics.TOPICS}


def test_the_contracts_topics():
    assert {(t.name, ",".join(sorted(t.cleanup))) for t in topics.TOPICS} == {
        ("calls.events", "delete"),
        ("calls.transcripts", "delete"),
        ("calls.audio", "delete"),
        ("customers.policies", "compact"),
        ("privacy.requests", "delete"),
        ("deid.analytics.transcripts", "compact,delete"),
        ("deid.analytics.audio", "compact,delete"),
        ("deid.training.transcripts", "compact,delete"),
        ("deid.training.audio", "compact,delete"),
        ("deid.calls", "compact,delete"),
        ("deid.aggregates", "compact,delete"),
        ("deid.audit", "delete"),
        ("deid.dlq", "delete"),
        ("deid.status", "compact,delete"),
        ("deid.index", "delete"),
        ("deid.control.calls", "compact"),
        ("deid.control.customers", "compact"),
        ("deid.control.windows", "compact"),
        ("privacy.status", "compact"),
        ("deid.checkpoints", "compact"),
        ("deid.keys", "compact"),
    }


def test_what_is_as_it_should_be_is_no_problem():
    assert problems(healthy()) == []


@pytest.mark.parametrize(
    ("name", "found", "what"),
    [
        ("calls.audio", None, "missing"),
        ("calls.audio", Found(3, {}), "has 3 partitions, the others 4"),
        ("calls.audio", Found(4, {"cleanup.policy": "compact"}), "cleanup.policy is compact"),
        ("calls.audio", Found(4, {"cleanup.policy": "delete", "retention.ms": "-1"}), "retention.ms is unlimited"),
        ("deid.checkpoints", Found(4, {"cleanup.policy": "delete"}), "cleanup.policy is delete"),
        ("deid.training.audio", Found(4, {"cleanup.policy": "delete"}), "cleanup.policy is delete"),
    ],
)
def test_what_is_wrong_is_named(name, found, what):
    there = healthy() | {name: found}
    if found is None:
        del there[name]
    (problem,) = problems(there)
    assert (problem.topic, problem.what) == (name, what)
    assert problem.mend


@pytest.mark.parametrize(
    ("name", "configs"),
    [
        ("deid.calls", {"cleanup.policy": "delete, compact"}),
        ("deid.checkpoints", {"cleanup.policy": "compact", "retention.ms": "-1"}),
        ("calls.audio", {}),
    ],
)
def test_what_only_looks_wrong_is_not(name, configs):
    assert problems(healthy() | {name: Found(4, configs)}) == []


async def test_create_then_check_on_a_broker():
    async with EmbeddedBroker() as broker:
        there = kafka(broker.bootstrap_servers)
        assert {p.what for p in await topics_admin.check(there, prefix="t.")} == {"missing"}
        created = await topics_admin.create(there, prefix="t.", partitions=3)
        assert created == ["t." + topic.name for topic in topics.TOPICS]
        assert await topics_admin.check(there, prefix="t.") == []
        assert await topics_admin.create(there, prefix="t.") == []


async def test_a_topic_made_by_someone_else_is_left_and_reported():
    async with EmbeddedBroker() as broker:
        there = kafka(broker.bootstrap_servers)
        admin = AIOKafkaAdminClient(**client_options(there.connection))
        await admin.start()
        await admin.create_topics([AioNewTopic("calls.audio", 7, 1, topic_configs={"cleanup.policy": "compact"})])
        await admin.close()
        assert "calls.audio" not in await topics_admin.create(there, partitions=2)
        assert [p.what for p in await topics_admin.check(there)] == [
            "has 7 partitions, the others 2",
            "cleanup.policy is compact",
        ]


async def test_no_broker_is_an_error_that_names_the_address(unused_tcp_port):
    with pytest.raises(BrokerError, match=f"127.0.0.1:{unused_tcp_port}"):
        await topics_admin.check(kafka(f"127.0.0.1:{unused_tcp_port}"))


@pytest.mark.parametrize(
    "names", [TopicNames.of("t.").all, ControlTopics.of("t.").all], ids=["a worker's", "the control plane's"]
)
async def test_a_topic_that_the_broker_comes_to_know_of_later_is_waited_for(names):
    broker = MemoryBroker()
    there = MemoryKafka(broker, Connection.of(load_settings({}, {}), "test"))
    counting = asyncio.create_task(topics_admin.partition_counts(there, names))
    await asyncio.sleep(0)
    assert not counting.done()
    async with there.admin() as created:
        await created.create([NewTopic(name, 3, 1, {}) for name in names])
    assert await counting == dict.fromkeys(names, 3)


async def test_a_topic_that_never_comes_is_named_after_five_seconds(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(topics_admin.asyncio, "sleep", sleep)
    there = MemoryKafka(MemoryBroker(), Connection.of(load_settings({}, {}), "test"))
    with pytest.raises(TopicError, match="missing topics: a, b; run `deid-stream topics create`"):
        await topics_admin.partition_counts(there, ["b", "a"])
    assert sum(slept) == pytest.approx(5.0)
