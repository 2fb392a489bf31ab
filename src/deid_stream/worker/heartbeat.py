"""One heartbeat per second to ``deid.status``: what the dashboard knows of a worker process."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.errors import BrokerError
from deid_stream.kafka.connect import connect
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import STATUS
from deid_stream.observe.logs import get_log, where
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.status import EVERY_MS, Beat
from deid_stream.runtime.clock import wall_clock_ms

log = get_log("worker")

RETRY_S: Final = 10.0
"""Between two tries to reach a broker for heartbeats. Calls do not wait for them."""
_GOODBYE_S: Final = 3.0


@contextlib.asynccontextmanager
async def reported(
    settings: Settings, metrics: Metrics, ready: Callable[[], bool], kafka: Kafka | None = None
) -> AsyncIterator[None]:
    """Say once per second how this process is, meanwhile; at the end, that it is gone. Whatever goes wrong with it is
    logged and tried again, and counted where nobody foresaw it: calls matter more. ``kafka`` replaces the real one in
    tests."""
    worker_id = f"{settings.group_id}-{os.urandom(4).hex()}"
    task = asyncio.create_task(_report(settings, worker_id, metrics, ready, kafka), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await task


async def _report(
    settings: Settings, worker_id: str, metrics: Metrics, ready: Callable[[], bool], kafka: Kafka | None
) -> None:
    kafka = kafka or connect(settings, "deid-stream-heartbeat")
    topic, key = settings.topic_prefix + STATUS.name, worker_id.encode()
    beat = Beat(metrics, worker_id, __version__, wall_clock_ms())
    while True:
        try:
            async with kafka.sender() as sender:
                try:
                    while True:
                        value = msgspec.json.encode(beat.beat(wall_clock_ms(), ready=ready()))
                        await sender.send([OutRecord(topic, key, value)])
                        await asyncio.sleep(EVERY_MS / 1000)
                except asyncio.CancelledError:
                    await sender.send([OutRecord(topic, key, None)])
                    raise
        except BrokerError as error:
            log.warning("heartbeats are not sent", error=error)
        except Exception as error:  # noqa: BLE001 - no heartbeat is worth a call
            metrics.task_failures.inc("heartbeat")
            log.error("a task failed", task="heartbeat", error=error, where=where(error))
        await asyncio.sleep(RETRY_S)
