"""Measures from outside: an ordinary consumer of the output topics that notes, for every output record it sees, how
long after the record that allowed it to leave it could be read."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

OUTPUTS = ("deid.analytics.audio", "deid.analytics.transcripts")
Allowed = Callable[[ConsumerRecord], int | None]
"""Wall time (ms) at which the allowing record was due at the producer; None: not to be counted."""


class Probe:
    """Reads a few partitions only: it shares a core with the broker and the generator."""

    def __init__(self, bootstrap: str, allowed: Allowed, partitions: list[int]) -> None:
        self._bootstrap = bootstrap
        self._allowed = allowed
        self._places = [TopicPartition(topic, p) for topic in OUTPUTS for p in partitions]
        self._measuring = False
        self.delays_ms: dict[str, list[float]] = {topic: [] for topic in OUTPUTS}
        self.unknown = 0
        self.by_second: dict[int, list[float]] = {}

    async def run(self, from_start: bool = False) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False, fetch_max_wait_ms=20)
        await consumer.start()
        try:
            consumer.assign(self._places)
            await (consumer.seek_to_beginning if from_start else consumer.seek_to_end)(*self._places)
            with contextlib.suppress(asyncio.CancelledError):
                while True:
                    batches = await consumer.getmany(timeout_ms=100)
                    now_ms = time.time() * 1000
                    if self._measuring:
                        self._note(batches, now_ms)
        finally:
            await consumer.stop()

    def measure(self, on: bool) -> None:
        self._measuring = on

    def _note(self, batches: dict[TopicPartition, list[ConsumerRecord]], now_ms: float) -> None:
        for place, records in batches.items():
            delays = self.delays_ms[place.topic]
            for record in records:
                allowed_ms = self._allowed(record)
                # a call cut short lets go at its end what its script would have let go later
                if allowed_ms is None or allowed_ms > now_ms:
                    self.unknown += 1
                else:
                    delays.append(now_ms - allowed_ms)
                    self.by_second.setdefault(int(now_ms) // 1000, []).append(now_ms - allowed_ms)


def own_time(record: ConsumerRecord) -> int | None:
    """For a copy: nothing is held, the record allows itself. Its ``ce_time`` is when it was due."""
    from datetime import datetime

    stamp = header(record, "ce_time")
    return None if stamp is None else int(datetime.fromisoformat(stamp.decode()).timestamp() * 1000)


def named_in_header(record: ConsumerRecord) -> int | None:
    value = header(record, "allowed")
    return None if value is None else int(value)


def header(record: ConsumerRecord, name: str) -> bytes | None:
    for key, value in record.headers:
        if key == name:
            return value
    return None
