"""Nothing dies in silence: a worker on the in-memory broker whose parts fail in ways nobody foresaw (law 11)."""

import asyncio

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.errors import BrokerError, TaskError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.model.topics import TopicNames
from deid_stream.worker.run import Worker
from tests.support.calls import make_call
from tests.support.service import until
from tests.support.topics import TOPIC_OF

NAMES = TopicNames.of("")
START_MS = 1_700_000_000_000
SETTINGS = Settings(
    bootstrap_servers="memory:9092", digest_key=bytes(range(32)).hex(), broker_wait_ms=0, metrics_port=0
)


@pytest.fixture
async def broker():
    made = MemoryBroker()
    await topics_admin.create(made.connect(), partitions=1)
    return made


async def working(broker, **changes):
    worker = Worker(msgspec.structs.replace(SETTINGS, **changes), kafka=broker.connect())
    running = asyncio.create_task(worker.run())
    await until(lambda: worker.ready or running.done())
    return worker, running


def send(broker, made):
    for record in sorted(made.records, key=lambda r: r.time_ms):
        broker.append(OutRecord(TOPIC_OF[record.kind], record.key, record.value, tuple(record.headers), record.time_ms))


async def test_a_partition_that_fails_ends_the_worker_with_its_type_counted_and_logged(broker, caplog):
    def fail(step, partition):
        raise ValueError("my card is 4111 1111 1111 1111")

    worker, running = await working(broker)
    assert worker.healthy
    broker.fault = fail
    send(broker, make_call("call", "someone", 1, START_MS))
    with pytest.raises(TaskError, match="'partition' failed with ValueError") as caught:
        await asyncio.wait_for(running, 20)
    assert worker.metrics.task_failures.values["partition"] == 1
    assert "a task failed" in caplog.messages
    assert "4111" not in caplog.text + str(caught.value)


@pytest.mark.parametrize(("task", "topic"), [("policies", NAMES.policies), ("pump", NAMES.audio)])
async def test_a_task_of_the_worker_that_fails_ends_it(broker, task, topic):
    def fail(place):
        if place.topic == topic:
            raise KeyError("4111")

    worker, running = await working(broker)
    broker.on_read = fail
    broker.append(OutRecord(topic, b"someone", b"{}"))
    with pytest.raises(TaskError, match=f"{task!r} failed with KeyError") as caught:
        await asyncio.wait_for(running, 20)
    assert worker.metrics.task_failures.values[task] == 1
    assert "4111" not in str(caught.value)


async def test_a_batch_that_the_broker_refuses_now_and_then_is_done_again(broker):
    steps = []

    def refuse(step, partition):
        steps.append(step)
        if len(steps) in (3, 8, 13):
            raise BrokerError(f"not now: {step}")

    worker, running = await working(broker)
    broker.fault = refuse
    send(broker, make_call("call", "someone", 1, START_MS))
    await until(lambda: broker.logs[Place(NAMES.calls, 0)], 60)
    broker.fault = lambda *_: None
    worker.stop()
    await running
    assert not any(worker.metrics.task_failures.values.values())


async def test_a_record_that_cannot_be_read_is_a_dead_letter_and_the_call_goes_on(broker):
    worker, running = await working(broker)
    broker.put_unreadable(Place(NAMES.audio, 0), "header_name")
    broker.put_unreadable(Place(NAMES.transcripts, 0), "codec")
    send(broker, make_call("call", "someone", 1, START_MS))
    await until(lambda: broker.logs[Place(NAMES.calls, 0)])
    letters = [msgspec.json.decode(r.value) for r in broker.logs[Place(NAMES.dead_letters, 0)]]
    assert [(letter["error"], letter["source_topic"], letter["source_offset"]) for letter in letters] == [
        ("unreadable", NAMES.audio, 0),
        ("unreadable", NAMES.transcripts, 0),
    ] or {letter["source_topic"] for letter in letters} == {NAMES.audio, NAMES.transcripts}
    worker.stop()
    await running


async def test_a_policy_record_that_cannot_be_read_is_counted_and_those_around_it_apply(broker):
    worker, running = await working(broker)
    place = Place(NAMES.policies, 0)
    policy = {"customer_id": "acme", "version": 1}
    broker.append(OutRecord(NAMES.policies, b"acme", msgspec.json.encode(policy)))
    broker.put_unreadable(place, "header_name")
    broker.append(OutRecord(NAMES.policies, b"zen", msgspec.json.encode(policy | {"customer_id": "zen"})))
    await until(lambda: sum(worker.metrics.policy_changes.values.values()) == 2)
    assert worker.metrics.dead_letters.values["unreadable"] == 1
    worker.stop()
    await running


async def test_a_loop_that_stands_still_is_unhealthy(broker, monkeypatch):
    monkeypatch.setattr("deid_stream.worker.run.LOOP_STUCK_S", 0.0)
    monkeypatch.setattr("deid_stream.worker.run.BEAT_EVERY_S", 60.0)
    worker, running = await working(broker)
    await asyncio.sleep(0.01)
    assert not worker.healthy
    worker.stop()
    await running
