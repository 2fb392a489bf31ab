"""How long policies that were read may be trusted for training."""

import pytest
from aiokafka import TopicPartition

from deid_stream.worker.policies import STALE_S, Policies

NOW_S = 1_700_000_000.0


@pytest.mark.parametrize(
    ("ago_s", "fresh"),
    [([0, 0], True), ([0, STALE_S - 1], True), ([0, STALE_S + 1], False), ([STALE_S + 1, STALE_S + 1], False)],
    ids=["both answer", "one is slow", "one has gone quiet", "both have"],
)
async def test_every_partition_of_the_topic_must_have_answered_lately(monkeypatch, ago_s, fresh):
    policies = Policies({"bootstrap_servers": "127.0.0.1:1"}, "customers.policies", "read_committed", lambda: NOW_S)
    policies._partitions = [TopicPartition("customers.policies", number) for number in range(len(ago_s))]
    answered = dict(zip(policies._partitions, (int((NOW_S - ago) * 1000) for ago in ago_s), strict=True))
    monkeypatch.setattr(policies._consumer, "last_poll_timestamp", answered.get)
    assert policies.fresh() is fresh
    await policies.stop()
