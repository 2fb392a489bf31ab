"""The service with debug logs on, canaries in all that it reads, one SIGKILL and restart; and everything it shows:
worker, control plane, bridge, dashboard, spot check and commands, in topics, logs, files, pages, answers, printed
lines, environments and command lines."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import REQUESTS
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from tests.chaos.processes import Workers
from tests.hostile.canaries import asking, others, plant, search
from tests.hostile.canaries.shown import SETTLE_S, Shown, dashboard, of_process, page
from tests.support.calls import Record
from tests.support.kafka import free_port
from tests.support.service import Service


@dataclass
class Result:
    planted: int = 0
    records: int = 0
    letters: int = 0
    closed: int = 0
    free_text: int = 0
    """Summaries of calls with redacted free text."""
    published: int = 0
    """Records in all topics of outputs."""
    seen: int = 0
    """Canaries that came out at all: ids."""
    unsanctioned: list[search.Seen] = field(default_factory=list)
    places: set[str] = field(default_factory=set)


async def run(service: Service, folder: Path, *, calls: int, every: int, seed: int = 1) -> Result:
    """``calls`` whole calls, two at least: one before the kill and one after it; one in
    ``every`` of the strings of the providers' documents."""
    garden = plant.Garden(seed)
    for key, value in plant.policies(garden):
        await service.put(OutRecord(service.names.policies, key, value))
    halves = _halves(garden, calls, every)
    service.settings = msgspec.structs.replace(
        service.settings,
        metrics_port=free_port(),
        log_level="debug",
        traces=f"file:{folder / 'traces.jsonl'}",
        free_text=",".join(plant.FREE_TEXT),
    )
    (folder / "tmp").mkdir()
    workers = Workers(service.settings, folder, TMPDIR=str(folder / "tmp"))
    control = asking.Control(service, service.settings, folder, TMPDIR=str(folder / "tmp"))
    looked_at: Shown = []
    whole = next(_ended(halves[0])).decode()
    asked: list[OutRecord] = []
    try:
        for number, half in enumerate(halves):
            workers.start()
            control.start()
            await service.send(half)
            call_id, shown = await others.bridge(workers, garden)
            looked_at += shown
            await _closed(service, [call_id.encode(), *_ended(half)], workers)
            asked += await control.ask(garden, whole, number)
            assert workers.alive[0].poll() is None, "the worker ended by itself"
            looked_at += await asyncio.to_thread(_of_the_process, workers, service.settings.metrics_port)
            looked_at += await control.shown()
            # as they stand: temporary files and all
            workers.kill(workers.alive[0])
            control.kill()
        control.start()
        looked_at += await asyncio.to_thread(lambda: list(others.commands(workers, garden, whole, folder)))
    finally:
        control.close()
        workers.close()
    looked_at += await dashboard(service, folder, garden)
    looked_at += _files(folder)
    sent = [record for half in halves for record in half]
    looked_at += [*_errors(sent), *others.reprs(sent), *asking.reprs(asked)]
    return await _searched(service, garden, looked_at, len(sent) + len(asked))


def _halves(garden: plant.Garden, calls: int, every: int) -> list[list[Record]]:
    """What is sent before the kill, and after it."""
    now_ms = int(time.time() * 1000)
    halves: list[list[Record]] = [[], []]
    for number in range(calls):
        halves[number % 2] += plant.call(garden, number, now_ms - 60_000)
    halves[0] += [*plant.refused(garden, now_ms - 55_000), *plant.documents(garden, now_ms - 55_000, every)]
    halves[1] += plant.refused(garden, now_ms - 50_000)
    return halves


async def _searched(service: Service, garden: plant.Garden, looked_at: Shown, sent: int) -> Result:
    """With every topic of the deployment that is no source: those that Faust makes for itself, too."""
    result = Result(records=sent, planted=len(garden.planted))
    names = service.names
    sources = {names.events, names.transcripts, names.audio, names.policies, service.prefix + REQUESTS.name}
    async with service.kafka.admin() as admin:
        topics = {topic for topic in await admin.topics() if service.prefix in topic}
    assert set(names.all) <= topics
    for topic in sorted(topics - sources):
        for record in await service.read(topic):
            result.letters += topic == names.dead_letters
            result.closed += topic == names.calls
            result.free_text += topic == names.calls and b"agent_notes" in (record.value or b"")
            result.published += 1
            looked_at += [
                (f"{topic.replace(service.prefix, '')} {part}", raw) for part, raw in search.in_record(record)
            ]
    result.places = {place for place, _ in looked_at}
    result.unsanctioned, result.seen = search.search(garden, looked_at)
    return result


def _ended(records: list[Record]) -> Iterator[bytes]:
    """The ids of the calls whose end is among the records."""
    return (record.key for record in records if ("ce_type", b"call.ended.v1") in record.headers)


async def _closed(service: Service, calls: list[bytes], workers: Workers) -> None:
    wanted = set(calls)
    async with asyncio.timeout(SETTLE_S):
        while not wanted <= {r.key for r in await service.read(service.names.calls)}:
            assert workers.alive[0].poll() is None
            await asyncio.sleep(0.5)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Logs, and what was left in the folder for temporary files."""
    yield from ((f"file {path.name}", path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def _of_the_process(workers: Workers, port: int) -> Shown:
    """What it shows of itself: its page, its command line and its environment."""
    return [("metrics", page(f"http://127.0.0.1:{port}/metrics")), *of_process(workers.alive[0].pid)]


def _errors(records: list[Record]) -> Iterator[tuple[str, bytes]]:
    """The texts of the errors that reading gives."""
    for record in records:
        decoded = decode(record.kind, record.key, record.value, record.headers, record.time_ms, 0, Limits())
        for fault in decoded.faults:
            yield f"error {fault.code}", f"{fault!r} {fault} {fault.at} {fault.mend}".encode()
