"""The floor: a bare confluent-kafka consume-produce loop. Copies records with their headers to analytics and, with
``--transactions``, to training too, all of one poll and its offsets in one transaction.
``python -m benchmarks.peers.copy_librdkafka BOOTSTRAP [--transactions]``"""

import signal
import sys
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

ROUTES = {
    "calls.audio": ("deid.analytics.audio", "deid.training.audio"),
    "calls.transcripts": ("deid.analytics.transcripts", "deid.training.transcripts"),
}
GATHER_S = 0.02


def copy(bootstrap: str, *, transactions: bool) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "copy",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000 if transactions else 2_000,  # the embedded broker lets half of it pass first
            "heartbeat.interval.ms": 400,
            "fetch.wait.max.ms": 20,
        }
    )
    more = {"transactional.id": "copy"} if transactions else {}
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "acks": "all", **more})
    if transactions:
        producer.init_transactions(30)
    consumer.subscribe(list(ROUTES), on_assign=lambda *_: print("ready", flush=True))
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    while running:
        messages = [message for message in consumer.consume(10_000, GATHER_S) if message.error() is None]
        if messages:
            _publish(consumer, producer, messages, transactions=transactions)
    consumer.close()


def _publish(consumer: Any, producer: Any, messages: list[Any], *, transactions: bool) -> None:
    if transactions:
        producer.begin_transaction()
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        outputs = ROUTES[message.topic()]
        for output in outputs if transactions else outputs[:1]:
            producer.produce(
                output,
                message.value(),
                message.key(),
                message.partition(),
                timestamp=message.timestamp()[1],
                headers=message.headers(),
            )
        ends[message.topic(), message.partition()] = message.offset() + 1
    offsets = [TopicPartition(topic, number, offset) for (topic, number), offset in ends.items()]
    if transactions:
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
    else:
        producer.flush()
        consumer.commit(offsets=offsets, asynchronous=True)


if __name__ == "__main__":
    copy(sys.argv[1], transactions="--transactions" in sys.argv)
