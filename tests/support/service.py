"""A deployment of its own for one test: topics under a prefix, policies, in-process workers."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.detect.detector import Detector
from deid_stream.kafka import topics_admin
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.aio.options import client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import TopicNames
from deid_stream.policy import PolicyTable, Position
from deid_stream.worker.run import Worker
from tests.support.calls import MadeCall, Record
from tests.support.child import Child
from tests.support.consents import COME_MS
from tests.support.kafka import free_port
from tests.support.oracle import Expected, expected_records
from tests.support.topics import TOPIC_OF, read_all

KEY = bytes(range(32))
SETTLE_S = 120.0
"""What is waited for comes within a second or two; several tests at a time on two slow cores may take many times it."""
CONTROL_READY_S = 180.0
CONTROL_LOG = Path(tempfile.gettempdir()) / f"deid-control-{os.getpid()}.log"


class Service:
    """See the module. ``base`` connects to the broker; ``exactly_once`` says what it can do."""

    def __init__(
        self,
        base: Settings,
        *,
        exactly_once: bool,
        partitions: int = 2,
        connect: Callable[[Connection], Kafka] = AioKafka,
    ) -> None:
        self.exactly_once = exactly_once
        self.prefix = f"t{uuid.uuid4().hex[:8]}."
        self.settings = msgspec.structs.replace(
            base,
            topic_prefix=self.prefix,
            group_id=f"group-{self.prefix}",
            digest_key=KEY.hex(),
            partitions=partitions,
            metrics_port=0,
            broker_wait_ms=0,
        )
        self.names = TopicNames.of(self.prefix)
        self._connect = connect
        self.kafka = connect(Connection.of(self.settings, "tests"))
        self.options: dict[str, Any] = client_options(self.kafka.connection)
        self.policies = PolicyTable()
        self.controls: list[Child] = []
        self.control_ports: list[int] = []
        self.workers: list[tuple[Worker, asyncio.Task[None]]] = []
        self.started: list[Worker] = []

    async def __aenter__(self) -> "Service":
        await topics_admin.create(self.kafka, prefix=self.prefix, partitions=self.settings.partitions)
        self._sending = self.kafka.sender()
        self._sender = await self._sending.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in list(self.controls):
            self.kill_control(process)
        for worker, task in self.workers:
            worker.stop()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await task
        await self._sending.__aexit__(None, None, None)

    def connected(self, settings: Settings) -> Kafka:
        """This deployment's client under other settings."""
        return self._connect(Connection.of(settings, "tests"))

    async def put(self, *records: OutRecord) -> None:
        """Records as they are, acknowledged."""
        await self._sender.send(records)

    async def policy(self, customer_id: str, *, at_ms: int = COME_MS, **fields: Any) -> None:
        """Write a policy that has been in force from ``at_ms`` on."""
        value = msgspec.json.encode({"customer_id": customer_id, "version": 1} | fields)
        await self.policy_record(customer_id, value, at_ms=at_ms)

    async def policy_record(self, customer_id: str, value: bytes | None, *, at_ms: int = COME_MS) -> None:
        """Write any record of the topic of policies; ``policies`` then is what a worker reads there."""
        await self.put(OutRecord(self.names.policies, customer_id.encode(), value, timestamp_ms=at_ms))
        self.policies = PolicyTable()
        for record in await self.read(self.names.policies):
            place = Position(record.partition, record.offset)
            self.policies.apply(record.key.decode(), record.value, place, record.timestamp)

    async def work(self, **changes: Any) -> Worker:
        """Start a worker and wait until it works."""
        settings = msgspec.structs.replace(self.settings, **changes)
        worker = Worker(settings, kafka=self.connected(settings))
        self.started.append(worker)
        task = asyncio.create_task(worker.run())
        self.workers.append((worker, task))
        await until(lambda: worker.ready or task.done())
        if task.done():
            task.result()
        return worker

    async def stop(self, worker: Worker) -> None:
        """A clean stop."""
        for known, task in list(self.workers):
            if known is worker:
                self.workers.remove((known, task))
                worker.stop()
                await task

    async def control(self, **changes: Any) -> Child:
        """Start the control plane as a process of its own, and wait until it is ready."""
        process = self.start_control(**changes)
        async with asyncio.timeout(CONTROL_READY_S):
            while not await asyncio.to_thread(_is_ready, self.control_ports[-1]):
                assert process.poll() is None, f"the control plane ended: {self._last_words()}"
                await asyncio.sleep(0.1)
        return process

    def start_control(self, **changes: Any) -> Child:
        """One more, which may have to stand by; it is not waited for."""
        port = free_port()
        settings = msgspec.structs.replace(self.settings, metrics_port=port, **changes)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEID_")}
        for name, value in msgspec.structs.asdict(settings).items():
            if value != getattr(Settings(), name):
                environment[f"DEID_{name.upper()}"] = str(value)
        process = Child(["control"], environment, CONTROL_LOG)
        self.controls.append(process)
        self.control_ports.append(port)
        return process

    @staticmethod
    def _last_words() -> str:
        return CONTROL_LOG.read_text(errors="replace")[-2_000:]

    @staticmethod
    def said(line: str) -> bool:
        """In the log of a control plane of this test run."""
        return line.encode() in CONTROL_LOG.read_bytes()

    async def number(self, name: str) -> float:
        """A metric of the latest control plane."""
        return await asyncio.to_thread(_number, self.control_ports[-1], name)

    def kill_control(self, process: Child, number: int = signal.SIGKILL) -> int:
        """No goodbye, unless ``number`` says so; its exit status."""
        self.controls.remove(process)
        process.send_signal(number)
        status = process.wait(30)
        assert status is not None, "the control plane goes on"
        return status

    async def send(self, *calls: MadeCall | Iterable[Record]) -> None:
        """All records in record time."""
        records = [r for call in calls for r in (call.records if isinstance(call, MadeCall) else call)]
        await self.put(
            *(
                OutRecord(self.prefix + TOPIC_OF[r.kind], r.key, r.value, tuple(r.headers), r.time_ms)
                for r in sorted(records, key=lambda r: r.time_ms)
            )
        )

    async def read(self, topic: str) -> list[Any]:
        return await read_all(self.kafka, topic, exactly_once=self.exactly_once)

    async def closed(self, count: int, seconds: float = SETTLE_S) -> None:
        """Until so many calls have been closed; without transactions, a batch's topics do not appear at once, so the
        workers must know that all of it has arrived."""
        deadline = time.monotonic() + seconds
        while len({record.key for record in await self.read(self.names.calls)}) < count or not (
            self.exactly_once or self._acknowledged(self.names.calls) >= count
        ):
            if time.monotonic() > deadline:
                raise AssertionError(f"{count} calls were not closed within {seconds} s")
            for _, task in self.workers:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    def _acknowledged(self, topic: str) -> float:
        return sum(worker.metrics.records_out.values.get(topic, 0) for worker in self.started)

    def expected(self, *calls: MadeCall) -> list[Expected]:
        """What the oracle says must have come out."""
        detector = Detector.load()
        return [
            record
            for call in calls
            for record in expected_records(
                call.records,
                self.policies.standing(call.customer_id),
                names=self.names,
                detector=detector,
                key=KEY,
                version=__version__,
            )
        ]


def _number(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def until(condition: Callable[[], bool], seconds: float = SETTLE_S) -> None:
    """Poll a condition of this process."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of other tasks, read as they are
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(base: Settings, *, exactly_once: bool, partitions: int = 2) -> AsyncIterator[Service]:
    async with Service(base, exactly_once=exactly_once, partitions=partitions) as service:
        yield service
