"""One bad record hurts only itself: a real worker process, twenty healthy calls, and everything of ``bad_records``.

The healthy calls come out as the pure session says they must, undisturbed; each bad record is a dead letter that names
what is wrong with it, or is taken in; the process lives and says so; the same after it was killed and started again.
"""

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deid_stream.config import Settings
from deid_stream.worker.run import LOOP_STUCK_S
from tests.chaos.processes import Workers
from tests.conformance.conftest import Broker
from tests.conformance.conftest import apache as apache
from tests.conformance.conftest import broker as broker
from tests.conformance.raw import BadName, DamagedBatch, produce
from tests.hostile import bad_records
from tests.hostile.bad_records import KEYLESS, Bad, Letter
from tests.support.calls import MadeCall, Record, make_call
from tests.support.kafka import free_port
from tests.support.service import Service

CALLS = 20
LATER_CALLS = 5
CODECS = ("lz4", "zstd", "snappy", "gzip")
MAX_KIB = 1_000_000
SETTLE_S = 240.0
"""Of time in which the worker could work; while it waits for a processor, others have it."""
ON = [pytest.param("embedded", marks=pytest.mark.live), pytest.param("apache", marks=pytest.mark.kafka)]


@pytest.fixture
async def service(broker: Broker) -> AsyncIterator[Service]:
    settings = Settings(bootstrap_servers=broker.bootstrap)
    async with Service(settings, exactly_once=broker.exactly_once) as running:
        running.settings = msgspec.structs.replace(running.settings, metrics_port=free_port())
        yield running


class Process:
    """The worker process, looked at while it works."""

    def __init__(self, service: Service, logs: Path) -> None:
        self._workers = Workers(service.settings, logs)
        self._url = f"http://127.0.0.1:{service.settings.metrics_port}"
        self.answers: Counter[str] = Counter()
        self.peak_kib = 0
        self.at_fault: list[str] = []
        """Of the times at which it said that it was stuck, those at which it had not been kept from working."""

    async def __aenter__(self) -> "Process":
        self._workers.start()
        await self._ready()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        self._workers.close()

    async def killed_and_started(self) -> None:
        """SIGKILL, and a new one."""
        self._watching.cancel()
        self._workers.kill(self._workers.alive[0])
        await self.__aenter__()

    async def _ready(self) -> None:
        async with asyncio.timeout(120):
            while await asyncio.to_thread(self._ask, "/readyz") != "200":
                assert self.lives
                await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        looks: deque[tuple[float, float]] = deque()
        while True:
            answer = await asyncio.to_thread(self._ask, "/healthz")
            self.answers[answer] += 1
            self._look()
            looks.append((time.monotonic(), self.waited_s))
            while looks[-1][0] - looks[0][0] > LOOP_STUCK_S:
                looks.popleft()
            silent_s, waited_s = (last - first for first, last in zip(looks[0], looks[-1], strict=True))
            if answer == "503" and waited_s < silent_s / 2:
                self.at_fault.append(f"it waited {waited_s:.1f} of {silent_s:.1f} s for a processor")
            await asyncio.sleep(0.1)

    @property
    def waited_s(self) -> float:
        """How long its event loop has waited for a processor that others had; 0 where the system does not tell."""
        told = Path(f"/proc/{self._workers.alive[0].pid}/schedstat")
        return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0

    def _ask(self, path: str) -> str:
        try:
            with urllib.request.urlopen(self._url + path, timeout=10) as answer:
                return str(answer.status)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError as error:
            return type(error).__name__

    def _look(self) -> None:
        status = Path(f"/proc/{self._workers.alive[0].pid}/status")
        if status.exists():
            peak = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), "0 0")
            self.peak_kib = max(self.peak_kib, int(peak.split()[1]))

    @property
    def lives(self) -> bool:
        return self._workers.alive[0].poll() is None


def healthy(count: int, name: str, start_ms: int) -> list[MadeCall]:
    return [make_call(f"{name}-{n}", "someone", n, start_ms + n * 97, turns=2) for n in range(count)]


def among(calls: list[MadeCall], start_ms: int, now_ms: int) -> list[Bad]:
    """Every bad record, in the midst of the calls."""
    victim, ended = calls[0], calls[1]
    at_ms = start_ms + 2_000
    middle_ms = victim.records[len(victim.records) // 2].time_ms
    return [
        *bad_records.providers(at_ms),
        *bad_records.large(at_ms + 500),
        *bad_records.hour(at_ms + 800),
        *bad_records.times(at_ms + 1_000, now_ms),
        *bad_records.refused(at_ms + 1_500),
        bad_records.of_another(victim.call_id, middle_ms),
        bad_records.straggler(ended.call_id, ended.records[-1].time_ms + 660_000),
    ]


async def damaged(service: Service, topic: str) -> None:
    """A record with a header's name that is not UTF-8; where the broker lets it in, a batch that says gzip falsely."""
    async with AIOKafkaProducer(**service.options) as producer:
        for bad_name in (True, False):
            batch = producer.create_batch()
            batch._builder = DamagedBatch(2, 0, 0, -1, -1, -1, 1 << 16)
            batch._builder.damage = not bad_name
            headers = [(BadName(), b"v")] if bad_name else []
            stamp = int(time.time() * 1000) - 1_000_000
            assert batch.append(timestamp=stamp, key=b"bad-batch", value=b"{}", headers=headers) is not None
            batch.close()
            with contextlib.suppress(Exception) if not bad_name else contextlib.nullcontext():
                await asyncio.wait_for(await producer.send_batch(batch, topic, partition=0), 20)


async def letters(service: Service) -> dict[bytes | None, list[Letter]]:
    """What the dead letters say, by their key; one that was written again after a restart counts once."""
    once = {dict(r.headers)["ce_id"]: r for r in await service.read(service.names.dead_letters)}
    found = defaultdict(list)
    for record in once.values():
        said = msgspec.json.decode(record.value or b"")
        found[record.key].append((said["error"], said.get("path", "")))
    return found


def lacking(found: dict[bytes | None, list[Letter]], bad: list[Bad]) -> dict[str, set[Letter]]:
    """Dead letters that are not there yet, by the record's name."""
    wanted = {one.name: set(one.letters) - set(found[None if KEYLESS in one.letters else one.key]) for one in bad}
    return {name: missing for name, missing in wanted.items() if missing}


async def settled(service: Service, process: Process, calls: list[MadeCall], bad: list[Bad]) -> None:
    """Until the calls have been closed and the dead letters written."""
    wanted = {call.call_id.encode() for call in calls} | {one.key for one in bad if one.closes}
    missing: Any = ()
    deadline = time.monotonic() - process.waited_s + SETTLE_S
    while time.monotonic() - process.waited_s < deadline:
        assert process.lives
        missing = wanted - {r.key for r in await service.read(service.names.calls)}
        missing = missing or lacking(await letters(service), bad)
        if not missing:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"not there after {SETTLE_S} s in which the worker could work: {missing}")


async def matches_undisturbed(service: Service, calls: list[MadeCall]) -> None:
    """Every record of each call is there as the pure session gives it, and no other record under its id."""
    ids = {call.call_id for call in calls}
    wanted: dict[str, dict[bytes, Any]] = defaultdict(dict)
    for record in service.expected(*calls):
        wanted[record.topic][record.key] = (record.value, record.headers)
    names = service.names
    for topic in (
        names.analytics_transcripts,
        names.analytics_audio,
        names.training_transcripts,
        names.training_audio,
        names.calls,
    ):
        read = [r for r in await service.read(topic) if r.key and r.key.split(b"/")[0].decode() in ids]
        found = {r.key: (r.value, tuple(r.headers)) for r in read}
        assert wanted[topic], topic
        assert sorted(found) == sorted(wanted[topic]), topic
        assert [key for key, value in wanted[topic].items() if found[key] != value] == [], topic


@pytest.mark.slow
@pytest.mark.parametrize("broker", ON, indirect=True)
async def test_one_bad_record_hurts_only_itself(service: Service, broker: Broker, tmp_path: Path) -> None:
    names = service.names
    await service.policy("someone")
    now_ms = int(time.time() * 1000)
    start_ms = now_ms - 30 * 60_000
    calls = healthy(CALLS, "well", start_ms)
    bad = among(calls, start_ms, now_ms)
    async with Process(service, tmp_path) as process:
        for topic in (names.policies, names.events, names.transcripts, names.audio):
            await damaged(service, topic)
        for codec in CODECS:
            # what is read is told by its error: no codec is one
            await asyncio.to_thread(produce, broker.bootstrap, names.transcripts, [b"{" + codec.encode()], codec)
        await service.send(*calls, *(one.records for one in bad))
        await settled(service, process, calls, bad)
        await matches_undisturbed(service, calls)
        found = await letters(service)
        taken_in = [one for one in bad if not one.letters and one.name != "straggler"]
        assert {one.name: found[one.key] for one in taken_in if found[one.key]} == {}
        assert ("unreadable", "headers") in found[None]
        assert (("unreadable", "record") in found[None]) is not broker.exactly_once, (
            "Apache Kafka lets no such batch in"
        )
        assert found[b"k"] == [("undecodable", "$")] * len(CODECS)

        await process.killed_and_started()
        later = healthy(LATER_CALLS, "later", now_ms - 60_000)
        again = [
            *bad_records.large(now_ms - 60_000),
            *bad_records.hour(now_ms - 60_000),
            *bad_records.providers(now_ms),
            *bad_records.refused(now_ms),
        ]
        again = [one._replace(records=tuple(_again(r) for r in one.records)) for one in again]
        await service.send(*later, *(one.records for one in again))
        await settled(service, process, later, again)
        await matches_undisturbed(service, [*calls, *later])

        assert process.lives
        # where other processes have the cores, an hour's document takes longer than a part may be silent
        assert process.answers.keys() <= {"200", "503"}
        assert process.at_fault == []
        assert 0 < process.peak_kib < MAX_KIB


def _again(record: Record) -> Record:
    """The same under another call's id."""
    new = record.key + b"-again" if record.key.isascii() else record.key
    headers = [(name, new if name == "ce_subject" else value) for name, value in record.headers]
    return Record(record.kind, new, record.value.replace(record.key, new), headers, record.time_ms)
