"""Records as another client may write them: any codec, and header names that are no UTF-8."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c
from confluent_kafka import Producer


class BadName(str):
    """A header's name that a client without UTF-8 would write."""

    def encode(self, *_: object) -> bytes:  # type: ignore[override]
        return b"na\xffme"


def produce(bootstrap: str, topic: str, values: Sequence[bytes], codec: str) -> None:
    """One batch into partition 0, compressed with ``codec``."""
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50})
    for value in values:
        producer.produce(topic, value, b"k", 0)
    assert producer.flush(20) == 0


class DamagedBatch(_DefaultRecordBatchBuilderPy):
    """Says gzip, holds none of it, and its checksum is right: nothing between here and the reader looks inside."""

    damage = True
    _ATTRIBUTES, _CRC = 21, 17

    def build(self) -> bytearray:
        built: bytearray = super().build()
        if not self.damage:
            return built
        built[self._ATTRIBUTES + 1] |= 1
        built[self._CRC : self._CRC + 4] = calc_crc32c(memoryview(built)[self._ATTRIBUTES :]).to_bytes(4, "big")
        return built


async def produce_poison(
    bootstrap: str, topic: str, values: Sequence[bytes | None], timestamp_ms: int, *, damaged: bool = False
) -> None:
    """One batch into partition 0; None stands for a record with a bad header name. ``damaged``: nobody can read any."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        batch = producer.create_batch()
        builder = batch._builder = DamagedBatch(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 20,
        )
        builder.damage = damaged
        for value in values:
            headers = [(BadName(), b"v")] if value is None else []
            assert batch.append(timestamp=timestamp_ms, key=b"k", value=value or b"bad", headers=headers) is not None
        batch.close()
        await asyncio.wait_for(await producer.send_batch(batch, topic, partition=0), 20)
