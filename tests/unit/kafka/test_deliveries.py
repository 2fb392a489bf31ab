"""Waiting on the event loop for what a producer was given: answered, never answered, failed, given up."""

import asyncio

import pytest
from confluent_kafka import KafkaError, KafkaException

from deid_stream.kafka.clients.rd.deliveries import Deliveries


class Producer:
    """Answers one record per look; ``fails``: the look itself does."""

    def __init__(self, records: int, *, silent: bool = False, fails: bool = False) -> None:
        self.left = records
        self.looks = 0
        self.silent = silent
        self.fails = fails

    def poll(self, timeout: float) -> int:
        assert timeout == 0
        self.looks += 1
        if self.fails and self.looks > 1:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        if not self.left or self.silent:
            return 0
        self.left -= 1
        return 1

    def __len__(self) -> int:
        return self.left


@pytest.mark.parametrize("records", [0, 1, 2, 7])
async def test_all_records_are_waited_for_and_no_look_is_taken_once_they_are_answered(records):
    producer = Producer(records)
    assert await Deliveries().of(producer, 10) == 0
    assert producer.looks == max(1, records)


async def test_what_is_not_answered_in_time_is_counted():
    assert await Deliveries().of(Producer(3, silent=True), 0.02) == 3


async def test_producers_are_waited_for_together_and_one_that_fails_holds_up_no_other():
    deliveries = Deliveries()
    many, failing, few = Producer(20), Producer(5, silent=True, fails=True), Producer(2)
    found = await asyncio.gather(
        deliveries.of(many, 10), deliveries.of(failing, 10), deliveries.of(few, 10), return_exceptions=True
    )
    assert found[0] == found[2] == 0
    assert isinstance(found[1], KafkaException)


async def test_a_producer_that_is_given_up_is_looked_at_no_more():
    deliveries = Deliveries()
    given_up, other = Producer(1, silent=True), Producer(10)
    waiting = asyncio.ensure_future(deliveries.of(given_up, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    looks = given_up.looks
    assert await deliveries.of(other, 10) == 0
    assert given_up.looks == looks
