"""The doors into Faust and aiokafka that only this project opens: a version that moves them fails here."""

import asyncio
import itertools
from collections import Counter

import pytest

pytest.importorskip("faust")

import faust
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from deid_stream.control.app import FaustApp, OneOwner, ReadOnce, patient_transport
from deid_stream.errors import TaskError
from deid_stream.kafka.connection import Connection


async def test_the_broker_waits_no_longer_than_the_control_plane_says() -> None:
    app = faust.App("test", broker="kafka://127.0.0.1:1")
    transport = patient_transport(20)(app.conf.broker_consumer, app, app.loop)
    app.transport = transport
    thread = app.consumer._new_consumer_thread()
    consumer = thread._create_worker_consumer(transport)
    try:
        assert consumer._fetch_max_wait_ms == 20
    finally:
        await consumer.stop()
        for opened in (thread, app.consumer._thread):
            opened.thread_loop.close()


async def test_faust_gives_no_alarm_about_changes_of_tables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        driver.AIOKafkaConsumerThread, "verify_event_path", lambda _self, _now, place: asked.append(place.topic)
    )
    app = faust.App("test", broker="kafka://127.0.0.1:1", store="memory://")
    app.transport = patient_transport(20)(app.conf.broker_consumer, app, app.loop)
    app.Table("held", changelog_topic=app.topic("changes"))
    for topic in ("changes", "requests"):
        app.consumer.verify_event_path(1_000.0, TP(topic, 0))
    app.consumer._thread.thread_loop.close()
    assert asked == ["requests"]


async def test_an_answer_that_never_comes_is_waited_for_for_seconds_and_a_record_is_kept_for_minutes() -> None:
    app = faust.App("test", broker="kafka://127.0.0.1:1")
    app.transport = patient_transport(20)(app.conf.broker_consumer, app, app.loop)
    producer = app.producer._new_producer()
    try:
        assert producer.client._request_timeout_ms == 15_000
        assert producer._message_accumulator._batch_ttl == 1_200
    finally:
        await producer.stop()


async def test_tables_are_read_once_since_faust_would_set_them_back_to_older_changes() -> None:
    app = faust.App("test", broker="kafka://127.0.0.1:1", TableManager=ReadOnce)
    place = TP("changelog", 0)
    app.tables.recovery.active_highwaters[place] = 9

    class Client:
        async def earliest_offsets(self, *places: TP) -> dict[TP, int]:
            return dict.fromkeys(places, 0)

    async def read_from(offset: int) -> int:
        offsets = Counter({place: offset})
        await app.tables.recovery._build_offsets(Client(), {place}, offsets, "active")
        return offsets[place]

    assert await read_from(4) == 4
    app.tables.have_been_read = True
    assert await read_from(4) == 9


async def test_that_faust_has_failed_is_noticed() -> None:
    connection = Connection(servers=("127.0.0.1:1",), client_id="test")
    app = FaustApp(connection, "test", partitions=1, session_timeout_ms=9, fetch_wait_ms=9)
    lost = asyncio.create_task(app.lost())
    await asyncio.wait({lost}, timeout=0)
    assert not lost.done()
    app._app._crash(ValueError("my card is 4111"))
    with pytest.raises(TaskError, match="ValueError") as told:
        await lost
    assert "4111" not in str(told.value)
    await app.stop()


class Group:
    """A consumer group of control planes, as the assignor of whoever leads it sees it."""

    def __init__(self, partitions: int = 3) -> None:
        self.app = faust.App("test", broker="kafka://127.0.0.1:1")
        self.partitions = partitions
        self.members: dict[str, OneOwner] = {}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.partitions))

    def rebalance(self, *names: str) -> dict[str, int]:
        """Partitions by member, when these have joined."""
        for name in names:
            self.members.setdefault(name, OneOwner(self.app))
        leader = self.members[names[0]]
        joined = {name: self.members[name].metadata({"index", "requests"}) for name in names}
        given = leader.assign(self, joined)
        for name in names:
            received = ConsumerProtocolMemberAssignment.decode(given[name].encode())
            self.members[name].on_assignment(received)
        return {name: len(self.members[name].assigned_actives()) for name in names}


def test_of_several_control_planes_one_has_everything_and_keeps_it() -> None:
    group = Group()
    assert group.rebalance("b") == {"b": 6}
    for leader in (("a", "b"), ("b", "a", "c")):
        assert group.rebalance(*leader) == {"a": 0, "b": 6} | ({"c": 0} if "c" in leader else {})
    assert group.rebalance("c", "a") == {"a": 6, "c": 0}, "b is gone"


@pytest.mark.parametrize("step_ms", [1_000, -1_000, 0], ids=["in time", "clocks apart", "one clock that stands"])
def test_who_was_replaced_while_it_was_paused_does_not_get_it_back(
    monkeypatch: pytest.MonkeyPatch, step_ms: int
) -> None:
    group = Group()
    now = itertools.count(1_000_000, step_ms)
    monkeypatch.setattr("deid_stream.runtime.clock.time.time_ns", lambda: next(now) * 1_000_000)
    group.rebalance("a", "b")
    assert group.rebalance("b") == {"b": 6}
    assert group.rebalance("a", "b") == {"a": 0, "b": 6}
    assert group.rebalance("c", "a", "b") == {"a": 0, "b": 6, "c": 0}
