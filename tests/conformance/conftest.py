"""One suite over every client and broker: the in-memory one in ``make test``, the embedded one in
``make test-live``, Apache Kafka where ``KAFKA_HOME`` says."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.rd.kafka import RdKafka
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.ports import Kafka
from tests.support.kafka import KafkaCluster
from tests.support.service import Service


class Broker(NamedTuple):
    """``bootstrap`` is empty for the one in memory."""

    bootstrap: str
    exactly_once: bool
    client: Callable[[Connection], Kafka]

    def connect(self, client_id: str, bootstrap: str = "") -> Kafka:
        return self.client(Connection(servers=(bootstrap or self.bootstrap,), client_id=client_id))


@pytest.fixture(scope="session")
def apache() -> Iterator[KafkaCluster]:
    """One for both clients: it takes ten seconds of a processor to start."""
    with KafkaCluster() as cluster:
        yield cluster


@pytest.fixture(
    scope="session",
    params=[
        "memory",
        "memory-plain",
        pytest.param("embedded", marks=pytest.mark.live),
        pytest.param("embedded-rd", marks=pytest.mark.live),
        pytest.param("apache", marks=pytest.mark.kafka),
        pytest.param("apache-rd", marks=pytest.mark.kafka),
    ],
)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    client = RdKafka if request.param.endswith("-rd") else AioKafka
    if request.param.startswith("memory"):
        memory = MemoryBroker(transactions=request.param == "memory")
        yield Broker("", memory.transactions, lambda connection: memory.connect(connection.client_id))
    elif request.param.startswith("embedded"):
        with EmbeddedBroker() as embedded:
            yield Broker(embedded.bootstrap_servers, exactly_once=False, client=client)
    else:
        cluster: KafkaCluster = request.getfixturevalue("apache")
        yield Broker(cluster.bootstrap, exactly_once=True, client=client)


@pytest.fixture
async def service(broker: Broker) -> AsyncIterator[Service]:
    base = Settings(bootstrap_servers=broker.bootstrap or "memory:9092")
    async with Service(base, exactly_once=broker.exactly_once, connect=broker.client) as running:
        yield running


@pytest.fixture
def over_the_network(broker: Broker) -> None:
    """For what the in-memory broker has not: sockets, other clients, topics of other shapes."""
    if not broker.bootstrap:
        pytest.skip("asks for a broker behind a socket")
