"""Topics on a real Apache Kafka, through the settings a user would write: SCRAM over TLS."""

import pytest

from deid_stream.config import load_settings
from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.connect import connect
from deid_stream.model import topics
from tests.support.kafka import ADMIN, KafkaCluster

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def cluster():
    with KafkaCluster(sasl=True, tls=True) as running:
        yield running


def kafka(cluster, **flags):
    secure = {
        "bootstrap_servers": cluster.bootstrap,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": ADMIN[0],
        "sasl_password": ADMIN[1],
        "tls_ca_file": str(cluster.certificates.ca),
    }
    return connect(load_settings(secure | flags, {}), "test")


async def test_create_then_check(cluster):
    there = kafka(cluster)
    created = await topics_admin.create(there, prefix="a.", partitions=3)
    assert created == ["a." + topic.name for topic in topics.TOPICS]
    assert await topics_admin.create(there, prefix="a.", partitions=3) == []
    assert await topics_admin.check(there, prefix="a.") == []


async def test_what_someone_else_changed_is_named(cluster):
    there = kafka(cluster)
    await topics_admin.create(there, prefix="b.", partitions=2)
    for change in ("--add-config", "cleanup.policy=[compact]"), ("--add-config", "retention.ms=-1"):
        cluster.tool(
            "kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", "b.calls.audio", *change
        )
    cluster.tool("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", "b.deid.audit", "--partitions", "5")
    assert {(p.topic, p.what) for p in await topics_admin.check(there, prefix="b.")} == {
        ("b.calls.audio", "cleanup.policy is compact"),
        ("b.calls.audio", "retention.ms is unlimited"),
        ("b.deid.audit", "has 5 partitions, the others 2"),
    }


async def test_a_topic_the_broker_refuses_is_named(cluster):
    with pytest.raises(TopicError, match=r"refused to create bad/name\.calls\.events: InvalidTopic"):
        await topics_admin.create(kafka(cluster), prefix="bad/name.")


async def test_more_replicas_than_brokers_are_refused(cluster):
    with pytest.raises(TopicError, match="InvalidReplicationFactor"):
        await topics_admin.create(kafka(cluster), prefix="c.", replication_factor=3)


async def test_a_wrong_password_is_an_error_without_the_password(cluster):
    with pytest.raises(BrokerError, match=cluster.bootstrap) as caught:
        await topics_admin.check(kafka(cluster, sasl_password="guess-4711"))
    assert "guess-4711" not in str(caught.value)
