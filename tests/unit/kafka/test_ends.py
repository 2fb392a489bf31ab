"""Finding the end of a followed topic uses a short fetch wait; following it uses a long one."""

from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaTimeoutError, NodeNotReadyError, NotLeaderForPartitionError, RequestTimedOutError

from deid_stream.kafka.clients.aio.consumers import AioLogReader
from deid_stream.kafka.clients.aio.errors import translate
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.record import Place

PATIENT_MS = 200


class Consumer:
    """As aiokafka's: a fetch waits as long as its fetcher says when the fetch begins."""

    def __init__(self) -> None:
        self._fetch_max_wait_ms = PATIENT_MS
        self._fetcher = SimpleNamespace(_fetch_max_wait_ms=PATIENT_MS)
        self.fetched: list[int] = []
        self.assigned: list[object] = []

    async def end_offsets(self, wheres):
        return dict.fromkeys(wheres, 7)

    def assign(self, wheres):
        self.assigned.append(list(wheres))

    def seek(self, where, offset):
        pass

    def highwater(self, where):
        return 7 if self.fetched else None

    async def getmany(self, *wheres, timeout_ms, max_records=None):
        self.fetched.append(self._fetcher._fetch_max_wait_ms)
        return {}


async def test_the_fetch_that_tells_an_end_is_not_kept_waiting_and_the_topic_is_followed_with_patience_again():
    consumer = Consumer()
    reader = AioLogReader(consumer, Connection(servers=("127.0.0.1:1",), client_id="t"), "read_uncommitted")
    places = [Place("calls", number) for number in range(3)]
    assert [await reader.end(place) for place in places] == [7, 7, 7]
    assert consumer.fetched
    assert max(consumer.fetched) < PATIENT_MS
    reader.assign(dict.fromkeys(places, 0))
    assert consumer._fetcher._fetch_max_wait_ms == PATIENT_MS


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NodeNotReadyError(), "no broker answers"),
        (KafkaTimeoutError(), "no broker answers"),
        (RequestTimedOutError(), "no broker answers"),
        (NotLeaderForPartitionError(), "the broker refused"),
    ],
)
def test_a_broker_that_is_away_is_not_told_as_one_that_refused(error, told):
    made = translate(error, "sending records", "calls.audio")
    assert str(made).startswith(f"sending records: {told} (calls.audio")
    assert made.retryable
