"""The service with debug logs on, canaries in all that it reads, one SIGKILL and restart; and everything it shows:
worker, bridge, dashboard, spot check and commands, in topics, logs, files, pages, answers, printed lines, environments
and command lines."""

import asyncio
import contextlib
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from deid_stream.kafka.record import OutRecord
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from tests.chaos.scenario import Workers
from tests.hostile.canaries import others, plant, search
from tests.support.calls import Record
from tests.support.kafka import free_port
from tests.support.service import Service

SETTLE_S = 180.0


@dataclass
class Result:
    planted: int = 0
    records: int = 0
    letters: int = 0
    closed: int = 0
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
    now_ms = int(time.time() * 1000)
    halves: list[list[Record]] = [[], []]
    for number in range(calls):
        halves[number % 2] += plant.call(garden, number, now_ms - 60_000)
    halves[0] += [*plant.refused(garden, now_ms - 55_000), *plant.documents(garden, now_ms - 55_000, every)]
    halves[1] += plant.refused(garden, now_ms - 50_000)
    service.settings = msgspec.structs.replace(
        service.settings, metrics_port=free_port(), log_level="debug", traces=f"file:{folder / 'traces.jsonl'}"
    )
    (folder / "tmp").mkdir()
    workers = Workers(service.settings, folder, TMPDIR=str(folder / "tmp"))
    looked_at: list[tuple[str, bytes]] = []
    result = Result(records=sum(map(len, halves)))
    try:
        for half in halves:
            workers.start()
            await service.send(half)
            call_id, shown = await others.bridge(workers, garden)
            looked_at += shown
            await _closed(service, [call_id.encode(), *_ended(half)], workers)
            looked_at += await asyncio.to_thread(_of_the_process, workers, service.settings.metrics_port)
            # as it stands: temporary files and all
            workers.kill(workers.alive[0])
    finally:
        workers.close()
    result.planted = len(garden.planted)
    whole = next(_ended(halves[0])).decode()
    looked_at += await asyncio.to_thread(lambda: list(others.commands(workers, whole, folder)))
    looked_at += await _dashboard(service, folder)
    looked_at += _files(folder)
    sent = [record for half in halves for record in half]
    looked_at += [*_errors(sent), *others.reprs(sent)]
    names = service.names
    sources = {names.events, names.transcripts, names.audio, names.policies}
    for topic in names.all:
        if topic in sources:
            continue
        for record in await service.read(topic):
            result.letters += topic == names.dead_letters
            result.closed += topic == names.calls
            result.published += 1
            looked_at += [
                (f"{topic.removeprefix(service.prefix)} {part}", raw) for part, raw in search.in_record(record)
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


async def _dashboard(service: Service, folder: Path) -> list[tuple[str, bytes]]:
    """Its pages, once it has read everything."""
    settings = msgspec.structs.replace(service.settings, metrics_port=0, dashboard_port=free_port())
    processes = Workers(settings, folder)
    processes.start("dashboard")
    closed = {record.key.decode() for record in await service.read(service.names.calls) if record.key}
    pages = [
        "calls",
        "overview",
        "policies",
        "dead-letters",
        *(f"call?id={call_id}" for call_id in sorted(closed)[:40]),
    ]
    url = f"http://127.0.0.1:{settings.dashboard_port}/api/"
    try:
        async with asyncio.timeout(SETTLE_S):
            page = b""
            while b"call_id" not in page:
                assert processes.alive[0].poll() is None
                await asyncio.sleep(0.5)
                # not there before it has started
                with contextlib.suppress(OSError):
                    page = await asyncio.to_thread(_page, url + "calls")
            shown = [(f"dashboard {page}", await asyncio.to_thread(_page, url + page)) for page in pages]
            return shown + [(f"dashboard {name}", raw) for name, raw in others.of_process(processes.alive[0].pid)]
    finally:
        processes.close()


def _page(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def _of_the_process(workers: Workers, port: int) -> list[tuple[str, bytes]]:
    """What it shows of itself: its page, its command line and its environment."""
    page = _page(f"http://127.0.0.1:{port}/metrics")
    return [("metrics", page), *others.of_process(workers.alive[0].pid)]


def _errors(records: list[Record]) -> Iterator[tuple[str, bytes]]:
    """The texts of the errors that reading gives."""
    for record in records:
        decoded = decode(record.kind, record.key, record.value, record.headers, record.time_ms, 0, Limits())
        for fault in decoded.faults:
            yield f"error {fault.code}", f"{fault!r} {fault} {fault.at} {fault.mend}".encode()
