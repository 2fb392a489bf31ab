"""A worker and a broker that is not there yet; clients that are given up half-way."""

import asyncio
import contextlib
import gc
import time
import warnings
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.aio import producers
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import Place
from deid_stream.kafka.topics_admin import check_layout
from deid_stream.runtime import tasks
from deid_stream.runtime.tasks import uninterrupted
from deid_stream.worker.run import Worker
from tests.support.calls import make_call
from tests.support.kafka import free_port
from tests.support.service import Service, until


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
async def service(broker: EmbeddedBroker) -> AsyncIterator[Service]:
    async with Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as running:
        yield running


@contextlib.asynccontextmanager
async def forwarded(port: int, to: int) -> AsyncIterator[None]:
    """Connections to ``port`` reach ``to`` meanwhile."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def test_a_worker_waits_for_its_broker_and_then_works(service: Service, broker: EmbeddedBroker) -> None:
    port = free_port()
    worker = Worker(
        msgspec.structs.replace(service.settings, bootstrap_servers=f"127.0.0.1:{port}", broker_wait_ms=60_000)
    )
    working = asyncio.create_task(worker.run())
    await asyncio.sleep(1)
    assert not working.done()
    assert not worker.ready
    async with forwarded(port, broker.port):
        service.started.append(worker)
        service.workers.append((worker, working))
        await until(lambda: worker.ready)
        await service.send(make_call("waited", "someone", 1, int(time.time() * 1000) - 60_000))
        await service.closed(1)


async def test_a_worker_that_waits_can_be_stopped(service: Service) -> None:
    worker = Worker(
        msgspec.structs.replace(service.settings, bootstrap_servers="127.0.0.1:1", broker_wait_ms=3_600_000)
    )
    working = asyncio.create_task(worker.run())
    await asyncio.sleep(0.7)
    worker.stop()
    await asyncio.wait_for(working, 5)


async def test_a_worker_does_not_wait_for_ever(service: Service) -> None:
    worker = Worker(msgspec.structs.replace(service.settings, bootstrap_servers="127.0.0.1:1", broker_wait_ms=700))
    with pytest.raises(BrokerError, match=r"connection is refused \(127\.0\.0\.1:1\).*bootstrap_servers"):
        await asyncio.wait_for(worker.run(), 5)


async def test_a_client_given_up_half_way_leaves_no_connection_open(service: Service) -> None:
    async def read() -> None:
        async with service.kafka.log_reader("read_uncommitted") as reader:
            reader.assign({Place(service.names.audio, 0): 0})

    async def produce() -> None:
        await producers.close(await producers.shared_producer(service.kafka.connection))

    async def look() -> None:
        await check_layout(service.kafka, service.names)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for work in (read, produce, look):
            steps = 0
            while True:
                task = asyncio.create_task(work())
                for _ in range(steps):
                    await asyncio.sleep(0.0002)
                if task.done():
                    break
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                steps += 1
            await task
            assert steps > 1
            gc.collect()
    assert [str(warning.message) for warning in said] == []


async def test_a_step_that_must_not_break_is_given_up_when_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "GRACE_S", 0.05)
    seen = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    task = asyncio.create_task(uninterrupted(hang()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert seen == ["ended"]


async def test_a_step_that_must_not_break_ends_although_it_is_cancelled_again_and_again() -> None:
    seen = []

    async def step() -> None:
        await asyncio.sleep(0.05)
        seen.append("ended")

    task = asyncio.create_task(uninterrupted(step()))
    await asyncio.sleep(0)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0.01)
    assert task.cancelled()
    assert seen == ["ended"]
