"""The worker on a real Apache Kafka: transactions, fencing, brokers that die, security. Needs KAFKA_HOME."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from deid_stream.config import Settings
from deid_stream.errors import BrokerError, FencedError, ForbiddenError, TopicError
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.aio.producers import Transactional
from deid_stream.kafka.record import Place
from deid_stream.worker import run as run_module
from tests.chaos.processes import Workers
from tests.conformance.test_worker import call, matches_oracle
from tests.support.kafka import KafkaCluster
from tests.support.service import Service, until
from tests.support.topics import TOPIC_OF

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def one_node() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


@pytest.fixture
async def service(one_node: KafkaCluster) -> AsyncIterator[Service]:
    async with Service(Settings(bootstrap_servers=one_node.bootstrap), exactly_once=True) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "PUBLISH_TIMEOUT_S", 3.0)
    monkeypatch.setattr(run_module, "LOOK_EVERY_S", 2.0)


# -- transactions


async def owner_of(service: Service, partition: int = 0) -> Transactional:
    owner = Transactional(service.kafka.connection, service.settings.group_id, service.prefix, partition, 20)
    await owner.start()
    return owner


async def publish(service: Service, owner: Transactional, key: bytes) -> int:
    outbox = owner.outbox()
    outbox.append(service.names.calls, key, b"value", [], 1_700_000_000_000)
    source = Place(service.names.audio, 0)
    return await owner.publish(outbox, service.names.checkpoints, [(b"0", key)], {source: 1})


async def test_a_new_owner_fences_the_old_one(service: Service) -> None:
    old = await owner_of(service)
    await publish(service, old, b"before")
    new = await owner_of(service)
    with pytest.raises(FencedError):
        await publish(service, old, b"zombie")
    await publish(service, new, b"after")
    await old.stop()
    await new.stop()
    assert [r.key for r in await service.read(service.names.calls)] == [b"before", b"after"]
    assert [r.value for r in await service.read(service.names.checkpoints)] == [b"before", b"after"]


async def test_what_an_owner_left_open_is_never_read(service: Service) -> None:
    old = await owner_of(service)
    producer = old.outbox()._producer
    await producer.begin_transaction()
    await (await producer.send(service.names.calls, key=b"open", value=b"value", partition=0))
    new = await owner_of(service)
    await publish(service, new, b"committed")
    await old.stop()
    await new.stop()
    assert [r.key for r in await service.read(service.names.calls)] == [b"committed"]


async def test_partitions_do_not_fence_each_other(service: Service) -> None:
    first, second = await owner_of(service, 0), await owner_of(service, 1)
    await publish(service, first, b"first")
    await publish(service, second, b"second")
    await first.stop()
    await second.stop()
    assert len(await service.read(service.names.calls)) == 2


async def test_a_worker_that_is_fenced_takes_up_again_from_its_checkpoint(service: Service) -> None:
    worker = await service.work()
    made = [call(f"fenced-{seed}", "someone", seed) for seed in range(4)]
    half = [r for m in made for r in m.records[: len(m.records) // 2]]
    rest = [r for m in made for r in m.records[len(m.records) // 2 :]]
    await service.send(half)
    await until(lambda: sum(worker.metrics.records_in.values.values()) == len(half))
    for partition in (0, 1):
        intruder = await owner_of(service, partition)
        await intruder.stop()
    await service.send(rest)
    await service.closed(4)
    await matches_oracle(service, *made)
    assert worker.metrics.aborted_transactions.values.get("fenced")


async def test_a_worker_paused_past_its_session_is_replaced_and_comes_back_as_nobody(
    service: Service, tmp_path: Path
) -> None:
    session_ms = 1_500
    service.settings = msgspec.structs.replace(service.settings, session_timeout_ms=session_ms)
    paused = Workers(service.settings, tmp_path)
    log = tmp_path / "workers.log"
    try:
        paused.start()
        await until(lambda: log.read_bytes().count(b"partition taken over") == 2)
        made = [call(f"paused-{seed}", "someone", seed) for seed in range(4)]
        records = sorted((r for m in made for r in m.records), key=lambda r: r.time_ms)
        most = len(records) * 3 // 4
        await service.send(records[:most])
        async with asyncio.timeout(20):
            while not await service.read(service.names.analytics_audio):  # noqa: ASYNC110 - the state of a broker
                await asyncio.sleep(0.1)
        # nothing of what it holds now may leave twice, nor get lost
        paused.alive[0].send_signal(signal.SIGSTOP)
        await service.work()
        await service.send(records[most:])
        await service.closed(4)
        paused.alive[0].send_signal(signal.SIGCONT)
        await until(lambda: log.read_bytes().count(b"partitions assigned") >= 2)
        later = call("later", "someone", 9)
        await service.send(later)
        await service.closed(5)
        await matches_oracle(service, *made, later)
    finally:
        paused.close()


# -- brokers that go away


async def test_a_broker_that_is_killed_and_comes_back_loses_nothing() -> None:
    with KafkaCluster() as cluster:
        async with Service(Settings(bootstrap_servers=cluster.bootstrap), exactly_once=True) as service:
            worker = await service.work()
            made = [call(f"killed-{seed}", "someone", seed) for seed in range(4)]
            records = sorted((r for m in made for r in m.records), key=lambda r: r.time_ms)
            half = len(records) // 2
            await service.send(records[:half])
            await until(lambda: sum(worker.metrics.records_in.values.values()) == half)
            await asyncio.to_thread(cluster.kill, cluster.members[0])
            await asyncio.to_thread(cluster.restart, cluster.members[0])
            await service.send(records[half:])
            await service.closed(4, 60)
            await matches_oracle(service, *made)


async def test_three_brokers_change_leaders_and_refuse_too_few_replicas(impatient: None) -> None:
    with KafkaCluster(nodes=3) as cluster:
        async with Service(Settings(bootstrap_servers=cluster.bootstrap), exactly_once=True) as service:
            worker = await service.work()
            made = [call(f"leader-{seed}", "someone", seed) for seed in range(3)]
            records = sorted((r for m in made for r in m.records), key=lambda r: r.time_ms)
            third = len(records) // 3
            await service.send(records[:third])
            await until(lambda: sum(worker.metrics.records_in.values.values()) == third)

            # one of three is lost: others lead, and work goes on
            await asyncio.to_thread(cluster.kill, cluster.members[2])
            await service.send(records[third : 2 * third])
            await until(lambda: sum(worker.metrics.records_in.values.values()) >= 2 * third, 60)

            # a second one: min.insync.replicas (2) cannot be met, so nothing is committed, and nothing is lost
            await asyncio.to_thread(cluster.kill, cluster.members[1])
            sending = asyncio.create_task(service.send(records[2 * third :]))
            done, _ = await asyncio.wait({sending}, timeout=3)
            assert not done
            await asyncio.to_thread(cluster.restart, cluster.members[1])
            await asyncio.to_thread(cluster.restart, cluster.members[2])
            await sending
            await service.closed(3, 90)
            await matches_oracle(service, *made)


# -- security


async def test_scram_over_tls() -> None:
    with KafkaCluster(sasl=True, tls=True, users={"worker": "worker-password"}) as cluster:
        assert cluster.certificates is not None
        base = Settings(
            bootstrap_servers=cluster.bootstrap,
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_username="worker",
            sasl_password="worker-password",
            tls_ca_file=str(cluster.certificates.ca),
        )
        async with Service(base, exactly_once=True) as service:
            await service.work()
            made = call("secure", "someone")
            await service.send(made)
            await service.closed(1)
            await matches_oracle(service, made)
            with pytest.raises(BrokerError):
                await service.work(sasl_password="wrong")
            with pytest.raises(BrokerError):
                await service.work(tls_ca_file="")


ALLOW, DENY, ANY_HOST = 3, 2, "*"
READ, WRITE, ALL = 3, 4, 2
TOPIC, GROUP, TRANSACTIONAL_ID = 2, 3, 5
LITERAL = 3


async def grant(cluster: KafkaCluster, *acls: tuple[int, str, int, int, int]) -> None:
    """(resource type, name, pattern, operation, permission) for the user ``worker``."""
    admin = AIOKafkaAdminClient(**cluster.client())
    await admin.start()
    for kind, name, pattern, operation, permission in acls:
        request = CreateAclsRequest(kind, name, pattern, "User:worker", ANY_HOST, operation, permission)
        response: Any = await admin._send_request(request)
        assert [code for code, _ in response.creation_responses] == [0]
    await admin.close()


@pytest.mark.parametrize(
    ("topic", "operation"), [("analytics_audio", WRITE), ("checkpoints", WRITE), ("audio", READ), ("policies", READ)]
)
async def test_authorisation_withdrawn_ends_the_worker_and_commits_nothing(
    topic: str, operation: int, impatient: None
) -> None:
    with KafkaCluster(sasl=True, acls=True, users={"worker": "worker-password"}) as cluster:
        everything = ((kind, "*", LITERAL, ALL, ALLOW) for kind in (TOPIC, GROUP, TRANSACTIONAL_ID))
        await grant(cluster, *everything)
        base = Settings(
            bootstrap_servers=cluster.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_username="worker",
            sasl_password="worker-password",
            replication_factor=1,
        )
        async with Service(base, exactly_once=True) as service:
            await service.work()
            first, second = call("allowed", "someone", 1), call("refused", "someone", 2)
            await service.send(first)
            await service.closed(1)
            service.kafka = AioKafka(cluster.connection())
            await grant(cluster, (TOPIC, getattr(service.names, topic), LITERAL, operation, DENY))
            await service.send(second)
            _, working = service.workers.pop()
            with pytest.raises(ForbiddenError, match="does not allow"):
                await asyncio.wait_for(working, 60)
            if topic == "policies":
                return  # what has been read is good for a minute: the second call may have been published by then
            assert {r.key for r in await service.read(service.names.calls)} == {b"allowed"}
            assert await matches_only(service, b"allowed")


async def matches_only(service: Service, call_id: bytes) -> bool:
    """No topic of outputs has a record of another call."""
    names = service.names
    found = [r.key for topic in (names.analytics_audio, names.analytics_transcripts) for r in await service.read(topic)]
    return bool(found) and all(key.split(b"/")[0] == call_id for key in found)


@pytest.mark.parametrize("topic", ["analytics_audio", "checkpoints", "audio", "policies"])
async def test_a_topic_that_is_deleted_ends_the_worker_with_its_name(
    topic: str, service: Service, impatient: None
) -> None:
    deleted = getattr(service.names, topic)
    await service.work()
    await service.send(call("before", "someone", 1))
    await service.closed(1)
    admin = AIOKafkaAdminClient(**service.options)
    await admin.start()
    await admin.delete_topics([deleted])
    await admin.close()
    later = call("after", "someone", 2).records
    await service.send(r for r in later if service.prefix + TOPIC_OF[r.kind] != deleted)
    _, working = service.workers.pop()
    with pytest.raises(TopicError, match=re.escape(deleted)):
        await asyncio.wait_for(working, 60)
