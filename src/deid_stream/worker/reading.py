"""Reading a partition's checkpoint from the end of its log."""

from typing import Final

from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.reading import read_range
from deid_stream.kafka.record import Place
from deid_stream.worker.checkpoint import CheckpointLog, Restored, base_offset

_FIRST_WINDOW: Final = 64
"""Offsets read at the end of the log to find a checkpoint; transactions put a marker beside each record."""


async def read_checkpoint(kafka: Kafka, topic: str, partition: int, isolation: Isolation) -> Restored:
    """What the last owner of a partition left behind. Reads the end of the log, then from the base it names on."""
    place = Place(topic, partition)
    async with kafka.log_reader(isolation) as reader:
        begin, end = await reader.begin(place), await reader.end(place)
        window = _FIRST_WINDOW
        base: int | None = None
        while base is None and end > begin:
            start = max(begin, end - window)
            async for records in read_range(reader, place, start, end):
                for record in records:
                    found = base_offset(record.value, record.offset)
                    base = base if found is None else found
            if start == begin:
                break
            window *= 8
        log = CheckpointLog()
        if base is not None:
            async for records in read_range(reader, place, max(begin, base), end):
                for record in records:
                    log.add(record.value)
        return log.restored
