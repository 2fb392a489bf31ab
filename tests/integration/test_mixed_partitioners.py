"""Transcripts that another partitioner has put elsewhere than the audio: the worker says so, and so does doctor."""

import time
import zlib

import msgspec

from deid_stream.commands.recent import judge, look
from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.wire.partitions import partition_of
from tests.support.calls import MadeCall, make_call
from tests.support.service import TOPIC_OF, Service

PARTITIONS = 2
MIXED = next(
    f"call-{n}" for n in range(100) if zlib.crc32(f"call-{n}".encode()) % 2 != partition_of(f"call-{n}".encode(), 2)
)
"""A call id that librdkafka's own partitioner puts elsewhere than Kafka's."""


async def sent(service: Service, call: MadeCall, *, mixed: bool) -> None:
    """The call's transcripts by another partitioner than its other records, where ``mixed``."""
    elsewhere = zlib.crc32(call.call_id.encode()) % PARTITIONS
    await service.put(
        *(
            OutRecord(
                service.prefix + TOPIC_OF[r.kind],
                r.key,
                r.value,
                tuple(r.headers),
                r.time_ms,
                elsewhere if mixed and r.kind == "transcripts" else None,
            )
            for r in call.records
        )
    )


async def test_transcripts_in_another_partition_than_the_audio_are_audited_counted_and_named() -> None:
    start_ms = int(time.time() * 1000) - 60_000
    with EmbeddedBroker() as broker:
        settings = Settings(bootstrap_servers=broker.bootstrap_servers)
        async with Service(settings, exactly_once=False, partitions=PARTITIONS) as service:
            await service.policy("permits")
            worker = await service.work()
            mixed, whole = make_call(MIXED, "permits", 1, start_ms), make_call("whole", "permits", 2, start_ms)
            await sent(service, mixed, mixed=True)
            await sent(service, whole, mixed=False)
            await service.closed(2)
            summaries = {
                record.key.decode(): msgspec.json.decode(record.value)
                for record in await service.read(service.names.calls)
            }
            audited = [
                msgspec.json.decode(record.value)
                for record in await service.read(service.names.audit)
                if record.key == MIXED.encode()
            ]
            remarks = judge(*await look(service.kafka, dict(zip(TOPIC_OF, service.names.inputs, strict=True))))
    assert summaries[MIXED]["complete"] is False
    assert summaries[MIXED]["incomplete_reason"] == "no_transcript"
    assert summaries["whole"]["complete"] is True
    assert worker.metrics.incomplete_calls.values["no_transcript"] == 1
    assert {entry.get("reason") for entry in audited} & {"no_transcript", "untranscribed"}
    assert [remark.state for remark in remarks if remark.what == "partitions"] == ["error"]
