"""Broker, topics, policies, a real worker process, the player and the listener: the whole service, once through."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.datasets.callfile import CallFile, SourceRecord, find_calls, read_call
from deid_stream.demo.listener import Collected, is_complete, listen
from deid_stream.demo.player import play, script
from deid_stream.errors import BrokerError
from deid_stream.kafka import topics_admin
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model import topics
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.runtime.tasks import cancelled

SAMPLES: Final = Path(__file__).parent / "samples"
OPTED_OUT: Final = frozenset({"monsoon-mobile"})
PARTITIONS: Final = 4
_POLL_S: Final = 0.1
_TAIL_BYTES: Final = 2_000


class Progress:
    """What has gone in and come out so far, for the live view."""

    def __init__(self, calls: Sequence[CallFile]) -> None:
        self.calls = list(calls)
        cues = script(calls)
        self.planned = Counter(cue.record.key.decode() for cue in cues)
        self.chunks = Counter(cue.record.key.decode() for cue in cues if cue.record.kind == "audio")
        self.sent: Counter[str] = Counter()
        self.chunks_sent: Counter[str] = Counter()
        self.collected = Collected()
        self.state = "starting"
        self.cues = cues

    def note_sent(self, record: SourceRecord) -> None:
        """Note that a record was sent; the player calls it."""
        call_id = record.key.decode()
        self.sent[call_id] += 1
        self.chunks_sent[call_id] += record.kind == "audio"

    @property
    def complete(self) -> bool:
        return is_complete(self.collected, self.calls, self.chunks)


def load_samples() -> list[CallFile]:
    """The sample calls, the shortest first: it breaks off, and is closed only some time after its last record."""
    calls = [read_call(wav, transcript) for wav, transcript in find_calls(SAMPLES)]
    return sorted(calls, key=lambda call: call.wav.duration_ms)


class WorkerProcess:
    """``deid-stream worker`` (or another ``command``) as its own process, as in production; its log goes to a file."""

    def __init__(self, settings: Settings, log: Path, command: str = "worker") -> None:
        self._settings = settings
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start (again)."""
        changed = {
            f"DEID_{name.upper()}": str(value)
            for name, value in msgspec.structs.asdict(self._settings).items()
            if value != getattr(Settings(), name)
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("DEID_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our interpreter, our commands
                [sys.executable, "-m", "deid_stream", self._command],
                env={**others, **changed},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        assert self._process is not None  # noqa: S101 - started before
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process with SIGTERM, and with SIGKILL if it does not end in time."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def check(self) -> None:
        """Raises BrokerError where the worker has ended by itself."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise BrokerError(f"the {self._command} ended with status {status}; its log is {self._log}")


def demo_settings(bootstrap_servers: str) -> Settings:
    """The default settings, with shorter waits where a demonstration would take too long."""
    return Settings(
        bootstrap_servers=bootstrap_servers,
        partitions=PARTITIONS,
        replication_factor=1,
        digest_key=os.urandom(32).hex(),
        idle_ms=4_000,
        timing_profile="exact",
        metrics_port=0,
    )


async def prepare(settings: Settings, calls: Sequence[CallFile]) -> None:
    """Create the topics and write the policies."""
    kafka = connect(settings, "deid-stream-demo")
    await topics_admin.create(kafka, partitions=settings.partitions, replication_factor=settings.replication_factor)
    async with kafka.sender() as sender:
        await sender.send(policies(calls))


def policies(calls: Sequence[CallFile], prefix: str = "") -> list[OutRecord]:
    """A policy for each customer of the calls; one of the samples' customers has opted out of training."""
    customers = sorted({call.header.customer_id for call in calls})
    values = {
        customer: {"customer_id": customer, "version": 1, "training_opt_out": customer in OPTED_OUT}
        for customer in customers
    }
    topic = prefix + topics.POLICIES.name
    return [OutRecord(topic, customer.encode(), msgspec.json.encode(value)) for customer, value in values.items()]


async def perform(
    progress: Progress,
    *,
    pace: float,
    log: Path,
    timeout_s: float = 60.0,
    meanwhile: Callable[[Progress, WorkerProcess], None] | None = None,
) -> None:
    """Run everything; returns when all has come out or ``timeout_s`` after the last record was sent.

    ``meanwhile`` is called again and again in between (the live view; a test that kills the worker).
    """
    async with EmbeddedBroker() as broker:
        settings = demo_settings(broker.bootstrap_servers)
        kafka = connect(settings, "deid-stream-demo")
        await prepare(settings, progress.calls)
        worker, control = WorkerProcess(settings, log), WorkerProcess(settings, log, "control")
        worker.start()
        control.start()
        try:
            async with _tasks() as run:
                run(listen(kafka, settings.partitions, progress.collected))
                progress.state = "playing"
                start_ms = wall_clock_ms()
                player = run(play(kafka, progress.cues, start_ms=start_ms, pace=pace, sent=progress.note_sent))
                deadline_s = None
                while not progress.complete:
                    worker.check()
                    control.check()
                    if meanwhile is not None:
                        meanwhile(progress, worker)
                    if player.done():
                        player.result()
                        progress.state = "all sent; the rest is coming out"
                        deadline_s = deadline_s or time.monotonic() + timeout_s
                        if time.monotonic() > deadline_s:
                            progress.state = "gave up waiting"
                            return
                    await asyncio.sleep(_POLL_S)
                progress.state = "everything is out"
        finally:
            await asyncio.gather(asyncio.to_thread(worker.stop), asyncio.to_thread(control.stop))


@contextlib.asynccontextmanager
async def _tasks() -> AsyncIterator[Callable[[Coroutine[object, None, None]], "asyncio.Task[None]"]]:
    """Tasks that are cancelled at the end, whatever happened."""
    running: list[asyncio.Task[None]] = []

    def run(coroutine: Coroutine[object, None, None]) -> "asyncio.Task[None]":
        running.append(asyncio.ensure_future(coroutine))
        return running[-1]

    try:
        yield run
    finally:
        await cancelled(*running)


def log_tail(log: Path) -> Iterator[str]:
    """The last lines of the worker's log."""
    with contextlib.suppress(OSError):
        yield from log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").splitlines()[-5:]
