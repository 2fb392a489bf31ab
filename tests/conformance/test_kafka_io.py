"""Short exchanges with either broker."""

import pytest

from deid_stream.errors import TopicError
from deid_stream.kafka.reading import newest_time_ms, read_to_end
from deid_stream.kafka.record import OutRecord
from tests.support.service import Service


async def test_what_is_sent_is_read_back(service: Service) -> None:
    topic = service.names.policies
    assert await read_to_end(service.kafka, topic) == []
    assert await newest_time_ms(service.kafka, topic) is None
    sent = [
        OutRecord(topic, b"acme", b"1", (("ce_id", b"a"),), timestamp_ms=2_000, partition=1),
        OutRecord(topic, b"acme", None, timestamp_ms=3_000, partition=1),
        OutRecord(topic, b"zen", b"2", timestamp_ms=1_000, partition=0),
    ]
    async with service.kafka.sender() as sender:
        await sender.send(sent)
    assert [(r.partition, r.key, r.value, r.timestamp) for r in await read_to_end(service.kafka, topic)] == [
        (0, b"zen", b"2", 1_000),
        (1, b"acme", b"1", 2_000),
        (1, b"acme", None, 3_000),
    ]
    assert await newest_time_ms(service.kafka, topic) == 3_000


async def test_a_topic_that_is_missing_is_named(service: Service) -> None:
    with pytest.raises(TopicError, match="nowhere is missing"):
        await read_to_end(service.kafka, "nowhere")
