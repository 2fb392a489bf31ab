"""What of aiokafka is used that is not part of its interface: a new version that moves one fails here, and not at a
customer's broker that is away."""

import inspect

import aiokafka.consumer.fetcher as fetcher
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionManager

PLACE = {"bootstrap_servers": "127.0.0.1:1"}


async def test_a_consumer_has_them():
    consumer = AIOKafkaConsumer(**PLACE)
    assert consumer._fetcher is None
    assert callable(consumer._client.close)
    assert callable(consumer._client._wait_on_metadata)
    await consumer.stop()


def test_a_fetcher_has_them():
    made = inspect.getsource(fetcher.Fetcher.__init__)
    assert "self._pending_tasks = set()" in made
    assert "self._fetch_task = create_task(self._fetch_requests_routine())" in made


def test_closing_a_fetcher_still_waits_for_what_may_have_swallowed_its_cancellation():
    """``stop_consumer`` cancels again because of this; where aiokafka has mended it, that may go."""
    assert inspect.getsource(fetcher.Fetcher._fetch_requests_routine).count(
        "contextlib.suppress(asyncio.CancelledError)"
    )
    closing = inspect.getsource(fetcher.Fetcher.close)
    assert closing.count("self._fetch_task.cancel()") == 1


async def test_a_producer_has_them():
    producer = AIOKafkaProducer(**PLACE, transactional_id="t")
    assert isinstance(producer._txn_manager, TransactionManager)
    assert callable(producer._txn_manager.maybe_add_partition_to_txn)
    assert callable(producer._txn_manager.wait_for_transaction_end)
    assert callable(producer._sender.close)
    assert callable(producer.client.close)
    await producer.stop()
