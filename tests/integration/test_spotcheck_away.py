"""A spot check outlives its broker, also where that goes in the middle of a read."""

import asyncio

import pytest

from deid_stream.config import Settings
from deid_stream.kafka import topics_admin
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.spotcheck import run
from tests.support.service import until


async def test_a_broker_that_goes_is_noticed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(run, "SILENT_S", 1.0)
    broker = await EmbeddedBroker().__aenter__()
    settings = Settings(bootstrap_servers=broker.bootstrap_servers, session_timeout_ms=2_000)
    await topics_admin.create(connect(settings, "tests"), partitions=1, replication_factor=1)
    check = run.SpotCheck(settings, None)  # type: ignore[arg-type] - nothing is listened to
    running = asyncio.create_task(check.run())
    await until(lambda: check.ready or running.done())
    await asyncio.to_thread(broker.stop)
    await until(lambda: not check.ready or running.done())
    assert caplog.messages.count("spot check tried again") == 1
    check.stop()
    await running
