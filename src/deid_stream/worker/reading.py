"""Reading a partition outside the group: its checkpoint from the end, other topics from the beginning."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deid_stream.kafka_io import log_end, read_range, stop_consumer, unbroken
from deid_stream.worker.checkpoint import CheckpointLog, Restored, base_offset
from deid_stream.worker.producer import translate

_FIRST_WINDOW: Final = 64
"""Offsets read at the end of the log to find a checkpoint; transactions put a marker beside each record."""
_FETCH_WAIT_MS: Final = 20


@asynccontextmanager
async def reader(options: dict[str, Any], partitions: list[TopicPartition], isolation: str) -> AsyncIterator[Any]:
    """A consumer without a group, assigned to ``partitions``. Client errors become ours."""
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=isolation,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        max_partition_fetch_bytes=4 << 20,
        request_timeout_ms=15_000,
        retry_backoff_ms=50,
    )
    try:
        await unbroken(consumer.start())
        consumer.assign(partitions)
        yield consumer
    except (KafkaError, OSError, TimeoutError) as error:
        raise translate(error, f"reading {partitions[0].topic}" if partitions else "reading") from None
    finally:
        await stop_consumer(consumer)


async def read_checkpoint(options: dict[str, Any], topic: str, partition: int, isolation: str) -> Restored:
    """What the last owner of a partition left behind. Reads the end of the log, then from the base it names on."""
    where = TopicPartition(topic, partition)
    async with reader(options, [where], isolation) as consumer:
        begin = (await consumer.beginning_offsets([where]))[where]
        end = await log_end(consumer, where, isolation)
        window = _FIRST_WINDOW
        base: int | None = None
        while base is None and end > begin:
            start = max(begin, end - window)
            async for records in read_range(consumer, where, start, end):
                for record in records:
                    found = base_offset(record.value, record.offset)
                    base = base if found is None else found
            if start == begin:
                break
            window *= 8
        log = CheckpointLog()
        if base is not None:
            async for records in read_range(consumer, where, max(begin, base), end):
                for record in records:
                    log.add(record.value)
        return log.restored
