"""How long policies that were read may be trusted for training."""

import pytest

from deid_stream.kafka.record import Place
from deid_stream.policy import PolicyTable
from deid_stream.worker.policies import STALE_S, Policies

NOW_S = 1_700_000_000.0
TOPIC = "customers.policies"


class Answered:
    """A topic without records whose partitions were last heard from so long ago (seconds)."""

    def __init__(self, ago_s):
        self._ago_s = ago_s

    def log_reader(self, isolation, *, follows):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def partitions(self, topic):
        return [Place(topic, number) for number in range(len(self._ago_s))]

    async def begin(self, place):
        return 0

    async def end(self, place):
        return 0

    async def position(self, place):
        return 0

    def assign(self, starts):
        pass

    def heard_ms(self, place):
        ago_s = self._ago_s[place.partition]
        return None if ago_s is None else int((NOW_S - ago_s) * 1000)


@pytest.mark.parametrize(
    ("ago_s", "fresh"),
    [
        ([0, 0], True),
        ([0, STALE_S - 1], True),
        ([0, STALE_S + 1], False),
        ([STALE_S + 1, STALE_S + 1], False),
        ([None, 0], True),
    ],
    ids=["both answer", "one is slow", "one has gone quiet", "both have", "one was only just assigned"],
)
async def test_every_partition_of_the_topic_must_have_answered_lately(ago_s, fresh):
    async with Policies(Answered(ago_s), TOPIC, "read_committed", PolicyTable(), lambda: NOW_S) as policies:
        assert policies.fresh() is fresh
