"""Every way to log in, on a real Apache Kafka, by both clients; the same port refuses a wrong one, and says so."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from deid_stream.control.app import FaustApp
from deid_stream.errors import BrokerError, LoginError, TlsError
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.rd.kafka import RdKafka
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.oauth import OAuth
from deid_stream.kafka.ports import GroupOptions, Kafka, NewTopic
from deid_stream.kafka.record import OutRecord, Place
from tests.support.kafka import ADMIN, KafkaCluster
from tests.support.service import until

pytestmark = pytest.mark.kafka

CLIENTS: list[Callable[[Connection], Kafka]] = [AioKafka, RdKafka]


def unsigned() -> tuple[str, float]:
    """A token for the administrator that nobody signed, as the broker's default validator takes it."""
    now_s = int(time.time())

    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'sub': ADMIN[0], 'iat': now_s, 'exp': now_s + 600})}.", now_s + 600


def meaningless() -> tuple[str, float]:
    return "no.token.", time.time() + 600


def oauth(name: str) -> dict[str, Any]:
    return {"sasl_mechanism": "OAUTHBEARER", "oauth": OAuth(hook=f"{__name__}:{name}"), "username": "", "password": ""}


RIGHT: dict[str, dict[str, Any]] = {
    "SCRAM": {},
    "PLAIN": {"sasl_mechanism": "PLAIN"},
    "OAUTHBEARER": oauth("unsigned"),
}
WRONG: dict[str, dict[str, Any]] = {
    "SCRAM": {"password": "wrong"},
    "PLAIN": {"sasl_mechanism": "PLAIN", "password": "wrong"},
    "OAUTHBEARER": oauth("meaningless"),
    "a mechanism that is not offered": {"sasl_mechanism": "SCRAM-SHA-512"},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with KafkaCluster(sasl=True, tls=True, logins=True) as running:
        yield running


@pytest.fixture(scope="module")
def mutual() -> Iterator[KafkaCluster]:
    with KafkaCluster(tls=True, settings={"ssl.client.auth": "required"}) as running:
        yield running


class _Listener:
    async def assigned(self, places: Collection[Place]) -> None: ...

    async def revoked(self, places: Collection[Place]) -> None: ...


async def to_and_fro(kafka: Kafka) -> None:
    """A topic, a record in a transaction, and the record read by a group."""
    topic = f"t{uuid.uuid4().hex[:8]}"
    async with kafka.admin() as admin:
        await admin.create([NewTopic(topic, 1, 1, {})])
    options = GroupOptions(
        group_id=topic, topics=(topic,), isolation="read_committed", session_timeout_ms=2_000, fetch_wait_ms=20
    )
    group = kafka.group_reader(options)
    await group.start(_Listener())
    publishers = kafka.publishers(topic, "p.", transactions=True, timeout_s=15)
    publisher = await publishers.open(0, group)
    outbox = publisher.outbox()
    outbox.append(topic, b"k", b"value", [], 1_700_000_000_000)
    found: list[bytes | None] = []

    async def read() -> None:
        while not found:
            for records in (await group.poll(50)).values():
                found.extend(record.value for record in records)

    reading = asyncio.create_task(read())
    await publisher.publish(outbox, topic, [], {})
    await until(reading.done)
    await publisher.stop()
    await publishers.stop()
    await group.stop()
    async with kafka.sender() as sender:
        await sender.send([OutRecord(topic, b"k", b"more")])
    assert found == [b"value"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("login", RIGHT)
async def test_every_login_is_taken(cluster: KafkaCluster, client: Callable[[Connection], Kafka], login: str) -> None:
    await to_and_fro(client(cluster.connection(**RIGHT[login])))


@pytest.mark.parametrize("login", RIGHT)
async def test_the_control_planes_application_logs_in_as_all_others_do(cluster: KafkaCluster, login: str) -> None:
    connection = cluster.connection(**RIGHT[login])
    topic = f"t{uuid.uuid4().hex[:8]}"
    async with AioKafka(connection).admin() as admin:
        await admin.create([NewTopic(topic, 1, 1, {})])
    found: list[tuple[int, int]] = []

    async def reached(partition: int, offset: int) -> None:
        found.append((partition, offset))

    app = FaustApp(connection, f"app-{topic}", partitions=1, session_timeout_ms=10_000, fetch_wait_ms=20)
    app.agent(topic, "agent", reached)
    await app.start()
    async with AioKafka(connection).sender() as sender:
        await sender.send([OutRecord(topic, b"k", b"value")])
    await until(lambda: bool(found))
    await app.stop()
    assert found == [(0, 0)]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("login", WRONG)
async def test_a_wrong_login_is_refused_and_told(
    cluster: KafkaCluster, client: Callable[[Connection], Kafka], login: str
) -> None:
    group = client(cluster.connection(**WRONG[login])).group_reader(
        GroupOptions(group_id="g", topics=("t",), isolation="read_committed", session_timeout_ms=2_000, fetch_wait_ms=9)
    )
    with pytest.raises(LoginError):
        await group.start(_Listener())
    await group.stop()


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_shows_a_certificate_of_its_own(
    mutual: KafkaCluster, client: Callable[[Connection], Kafka]
) -> None:
    assert mutual.certificates is not None
    own = str(mutual.certificates.server)
    await to_and_fro(client(mutual.connection(cert_file=own, key_file=own)))
    with pytest.raises((TlsError, BrokerError)):
        async with client(mutual.connection()).admin() as admin:
            await admin.topics()
