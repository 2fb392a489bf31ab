"""One suite over both brokers: the embedded one always, Apache Kafka where ``KAFKA_HOME`` says."""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.support.kafka import KafkaCluster
from tests.support.service import Service


class Broker(NamedTuple):
    bootstrap: str
    exactly_once: bool


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)],
)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    if request.param == "embedded":
        with EmbeddedBroker() as embedded:
            yield Broker(embedded.bootstrap_servers, exactly_once=False)
    else:
        with KafkaCluster() as cluster:
            yield Broker(cluster.bootstrap, exactly_once=True)


@pytest.fixture
async def service(broker: Broker) -> AsyncIterator[Service]:
    async with Service(Settings(bootstrap_servers=broker.bootstrap), exactly_once=broker.exactly_once) as running:
        yield running
