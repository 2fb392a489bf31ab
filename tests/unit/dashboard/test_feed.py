"""The feed: a topic that fails in a way nobody foresaw is said so and read again, and the others go on."""

import asyncio
import json

import pytest

from deid_stream.dashboard import feed
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.feed import Feed
from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import CALLS, POLICIES
from tests.support.service import until


class FailingBoard(Board):
    """Fails on the first call that it is given."""

    failed = 0

    def take(self, kind: str, *arguments: object) -> None:
        if kind == CALLS.kind and not self.failed:
            self.failed += 1
            raise RuntimeError("my card is 4111 1111 1111 1111")
        super().take(kind, *arguments)  # type: ignore[arg-type]


async def test_a_topic_that_fails_is_logged_and_read_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed, "RETRY_S", 0.01)
    broker, board = MemoryBroker(), FailingBoard()
    await topics_admin.create(broker.connect(), partitions=1)
    policy = {"customer_id": "acme", "version": 1}
    broker.append(OutRecord(POLICIES.name, b"acme", json.dumps(policy).encode()))
    call = {"call_id": "c", "customer_id": "acme", "time_ms": 1, "duration_ms": 1, "channels": 1}
    call |= {"segments": 1, "audio_chunks": 1, "redactions": {}, "redacted_audio_ms": {}}
    broker.append(OutRecord(CALLS.name, b"c", json.dumps(call).encode()))
    following = asyncio.create_task(Feed(broker.connect(), "", board).run())
    await until(lambda: board.call("c") is not None or following.done())
    assert not following.done()
    following.cancel()
    assert board.failed == 1
    assert board.unreadable == 0
    assert "the dashboard failed on a topic" in caplog.messages
    assert "4111" not in caplog.text
