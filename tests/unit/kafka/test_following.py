"""Whatever reads a topic for as long as the program runs asks the broker for more a few times per second, not fifty."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from deid_stream.control.reading import TopicReading
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.feed import Feed
from deid_stream.demo.listener import Collected, listen
from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker, MemoryKafka
from deid_stream.kafka.ports import Isolation, LogReader
from deid_stream.kafka.reading import read_to_end
from deid_stream.model.topics import CALLS


class Watched(MemoryKafka):
    """Notes whether each reader of a log is to follow it."""

    def __init__(self) -> None:
        broker = MemoryBroker()
        super().__init__(broker, broker.connect().connection)
        self.followed: set[bool] = set()

    def log_reader(self, isolation: Isolation, *, follows: bool = False) -> AbstractAsyncContextManager[LogReader]:
        self.followed.add(follows)
        return super().log_reader(isolation, follows=follows)


async def take(_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("read", "follows"),
    [
        pytest.param(lambda kafka: TopicReading(kafka, CALLS.name, "group", take).run(), True, id="control plane"),
        pytest.param(lambda kafka: Feed(kafka, "", Board()).run(), True, id="dashboard"),
        pytest.param(lambda kafka: listen(kafka, 1, Collected()), True, id="demo"),
        pytest.param(lambda kafka: read_to_end(kafka, CALLS.name), False, id="to its end"),
    ],
)
async def test_what_reads_on_follows_and_what_reads_to_an_end_does_not(read, follows):
    kafka = Watched()
    await topics_admin.create(kafka, partitions=1)
    reading = asyncio.create_task(read(kafka))
    await asyncio.wait({reading}, timeout=0.05)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert kafka.followed == {follows}
