"""The control plane as a process: what it does while another one works, and when it takes over."""

import asyncio
import os

import pytest

pytest.importorskip("faust")

from deid_stream.config import Settings
from deid_stream.control import run
from deid_stream.control.tables import Table
from deid_stream.kafka import topics_admin
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.keys import KeyRing
from deid_stream.observe.contact import CONNECTED_S
from deid_stream.policy.rights import Status
from deid_stream.wire.index import encode_claims
from tests.support.service import until
from tests.unit.control.made import TOPICS, Plane, T, claim

SECRET = bytes(range(32))


class Faust:
    """In the place of the Faust application: its turn comes when the test says so."""

    def __init__(self):
        self.starting, self.turn = asyncio.Event(), asyncio.Event()
        self.tables = {}
        self.reached = {}

    def table(self, topic, kind):
        return Table(self.tables.setdefault(topic, {}), kind)

    def agent(self, topic, name, reached):
        self.reached[topic] = reached

    async def start(self):
        self.starting.set()
        await self.turn.wait()

    async def lost(self):
        await asyncio.Event().wait()

    async def flush(self):
        pass

    async def stop(self):
        pass


@pytest.fixture
async def standing_by(monkeypatch):
    """A control plane that waits for its turn, and the broker that it waits at."""
    plane, app = Plane(), Faust()
    await topics_admin.create(plane.broker.connect(), prefix="p.", partitions=2)
    monkeypatch.setattr(run, "FaustApp", lambda *_, **__: app)
    settings = Settings(topic_prefix="p.", digest_key=SECRET.hex())
    control = run.Control(settings, kafka=plane.broker.connect())
    running = asyncio.create_task(control.run())
    starting = asyncio.create_task(app.starting.wait())
    done, _ = await asyncio.wait({running, starting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert done == {starting}, running
    app.control = control
    yield plane, app
    control.stop()
    await running


async def test_a_deletion_ends_the_keys_that_were_made_while_this_process_stood_by(standing_by):
    plane, app = standing_by
    ring = KeyRing(SECRET)
    async with CustomerKeys(
        plane.broker.connect(), TOPICS.keys, "read_committed", ring, random=os.urandom, now_ms=lambda: T
    ) as workers:
        await workers.ensure("acme")
        (made,) = workers.table.record("acme").keys
    app.turn.set()
    message = plane.message("deletion")
    plane.broker.append(OutRecord(TOPICS.requests, message.key, message.value, (), T, 0))
    await app.reached[TOPICS.requests](0, 0)
    status = Table(app.tables[TOPICS.request_status], Status).get("r-deletion")
    assert status.keys == (made.id,)


def said(plane, *names):
    """Claims of calls, as a worker writes them."""
    for name in names:
        (record,) = encode_claims(0, [claim(name)], T)
        plane.broker.append(OutRecord(TOPICS.index, record.key, record.value, tuple(record.headers), T, 0))


def known(app):
    return {key.decode().split()[0] for key in app.tables[TOPICS.control_calls]}


async def test_it_begins_where_its_predecessor_ended_and_goes_on_whatever_faust_does(standing_by):
    plane, app = standing_by
    said(plane, "before", "missed")
    plane.broker.committed["deid-stream-control", Place(TOPICS.index, 0)] = 1
    app.turn.set()
    await until(lambda: app.control.ready)
    assert known(app) == {"missed"}, "what was committed is not read again"
    said(plane, "later")
    await app.reached[TOPICS.index](0, 2)
    assert known(app) == {"missed", "later"}


async def test_while_the_broker_does_not_answer_it_is_not_ready_and_says_so_once(standing_by, monkeypatch, caplog):
    _, app = standing_by
    monkeypatch.setattr(run, "LOOK_S", 0.001)
    app.turn.set()
    await until(lambda: app.control.ready)
    shown = app.control.metrics.broker_connected.values
    await until(lambda: shown.get("") == 1)
    clock = run.wall_clock_ms
    with caplog.at_level("INFO"):
        monkeypatch.setattr(run, "wall_clock_ms", lambda: clock() + 2 * int(CONNECTED_S * 1000))
        await until(lambda: "the broker does not answer" in caplog.text)
        assert (app.control.ready, shown[""]) == (False, 0)
        monkeypatch.setattr(run, "wall_clock_ms", clock)
        await until(lambda: "the broker answers again" in caplog.text)
        assert (app.control.ready, shown[""]) == (True, 1)
    assert caplog.text.count("the broker does not answer") == 1
