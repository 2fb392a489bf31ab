"""How the control plane reads a topic: every record once, in order, and how far it has come."""

import asyncio

import pytest

from deid_stream.control.reading import TopicReading
from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place
from tests.support.service import until


@pytest.fixture
def broker():
    broker = MemoryBroker()
    broker.logs |= {Place("t", 0): [], Place("t", 1): []}
    return broker


def put(broker, *values, partition=0):
    for value in values:
        broker.append(OutRecord("t", b"k", value, (), 7, partition))


class Taking:
    """A topic that is being read, and what has been taken of it."""

    def __init__(self, broker, take=None):
        self.taken = []
        self.topic = TopicReading(broker.connect(), "t", "group", take or self.take)
        self.running = asyncio.create_task(self.topic.run())

    async def take(self, message):
        self.taken.append((message.partition, message.offset, message.value))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


async def test_what_stands_is_taken_first_and_then_what_comes(broker):
    put(broker, b"a", b"b")
    put(broker, b"c", partition=1)
    async with Taking(broker) as reading:
        await reading.topic.current.wait()
        assert sorted(reading.taken) == [(0, 0, b"a"), (0, 1, b"b"), (1, 0, b"c")]
        put(broker, b"d")
        await reading.topic.reached(0, 2)
        assert reading.taken[-1] == (0, 2, b"d")


async def test_it_begins_at_the_offsets_that_the_group_has_committed(broker):
    put(broker, b"a", b"b")
    put(broker, b"c", partition=1)
    broker.committed |= {("group", Place("t", 0)): 1, ("another", Place("t", 1)): 1}
    async with Taking(broker) as reading:
        await reading.topic.current.wait()
        assert sorted(reading.taken) == [(0, 1, b"b"), (1, 0, b"c")]


async def test_what_comes_is_taken_also_where_a_broker_has_lost_records_that_were_taken_before(broker):
    put(broker, b"a")
    broker.committed["group", Place("t", 0)] = 4
    async with Taking(broker) as reading:
        await reading.topic.current.wait()
        put(broker, b"b")
        await reading.topic.reached(0, 1)
        assert reading.taken == [(0, 1, b"b")]


async def test_an_empty_topic_is_current_at_once(broker):
    async with Taking(broker) as reading:
        await reading.topic.current.wait()
        assert reading.taken == []


async def test_a_record_is_reached_only_once_it_and_all_before_it_have_been_taken(broker):
    put(broker, b"a", b"b")
    allowed = asyncio.Semaphore(0)
    taken = []

    async def slowly(message):
        await allowed.acquire()
        taken.append(message.value)

    async with Taking(broker, take=slowly) as reading:
        reached = [asyncio.create_task(reading.topic.reached(0, offset)) for offset in (1, 0)]
        allowed.release()
        await until(lambda: reached[1].done())
        assert taken == [b"a"]
        assert not reached[0].done()
        assert not reading.topic.current.is_set()
        allowed.release()
        await reached[0]
        assert taken == [b"a", b"b"]
        await reading.topic.current.wait()


async def test_a_record_that_cannot_be_taken_ends_the_reading_before_it(broker):
    put(broker, b"a", b"b")

    async def refuse(message):
        if message.offset:
            raise BrokerError("no")

    async with Taking(broker, take=refuse) as reading:
        with pytest.raises(BrokerError):
            await reading.running
        await reading.topic.reached(0, 0)
        waiting = asyncio.create_task(reading.topic.reached(0, 1))
        await asyncio.wait({waiting}, timeout=0)
        assert not waiting.done()
        waiting.cancel()


async def test_a_missing_topic_is_named():
    async with Taking(MemoryBroker()) as reading:
        with pytest.raises(TopicError, match="topic t is missing"):
            await reading.running
