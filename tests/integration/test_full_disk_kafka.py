"""Apache Kafka's disk is full while a worker publishes. Needs KAFKA_HOME."""

import asyncio
import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deid_stream.config import Settings
from deid_stream.worker import run as run_module
from deid_stream.worker.run import Worker
from tests.conformance.test_worker import call, matches_oracle
from tests.support.calls import MadeCall, Record
from tests.support.kafka import KafkaCluster
from tests.support.service import Service, until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(sys.platform != "linux", reason="prlimit(2) and tmpfs are Linux's"),
]

Disk = tuple[KafkaCluster, Callable[[], None], Callable[[], None]]
"""The cluster, what fills its disk, what makes room again."""


@contextlib.contextmanager
def small_file_system(folder: Path) -> Iterator[Disk]:
    """A file system that something else fills to all but 64 kB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    filler = folder / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
            while out.write(bytes(4_096)):
                pass
        with filler.open("r+b") as out:
            out.truncate(filler.stat().st_size - 65_536)

    try:
        with KafkaCluster(settings={"log.dirs": str(folder / "data")}) as cluster:
            yield cluster, fill, filler.unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def holding(service: Service) -> tuple[Worker, list[MadeCall], list[Record]]:
    """A worker that holds the audio of some calls; what lets all of it go is small, what goes is not."""
    await service.policy("someone")
    worker = await service.work()
    made = [call(f"full-{seed}", "someone", seed) for seed in range(8)]
    records = sorted((r for m in made for r in m.records), key=lambda r: r.time_ms)
    audio = [r for r in records if r.kind == "audio"]
    await service.send(audio)
    await until(lambda: sum(worker.metrics.records_in.values.values()) == len(audio))
    return worker, made, [r for r in records if r.kind != "audio"]


async def test_a_full_disk_holds_the_worker_and_nothing_is_lost_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "PUBLISH_TIMEOUT_S", 3.0)
    with small_file_system(tmp_path) as (cluster, fill, make_room):
        async with Service(Settings(bootstrap_servers=cluster.bootstrap), exactly_once=True) as service:
            worker, made, rest = await holding(service)
            fill()
            await service.send(rest)
            given_up = worker.metrics.aborted_transactions.values
            await until(lambda: sum(given_up.values()) >= 2, 60)
            ((_, working),) = service.workers
            assert not working.done()
            assert not worker.ready

            make_room()
            node = cluster.members[0]
            # Apache Kafka ends when its last log folder has failed; if it still runs, it must be started again too
            await asyncio.to_thread(cluster.kill, node)
            await asyncio.to_thread(cluster.restart, node)
            await service.closed(len(made), 60)
            await matches_oracle(service, *made)


async def test_one_of_three_disks_that_is_full_loses_and_doubles_nothing() -> None:
    """Its broker's appends fail half-way, also those of transaction markers, until it ends; the others go on."""
    with KafkaCluster(nodes=3) as cluster:
        async with Service(Settings(bootstrap_servers=cluster.bootstrap), exactly_once=True) as service:
            _, made, rest = await holding(service)
            node = cluster.members[0]
            assert node.process is not None
            logs = (node.directory / "data").glob("*calls.audio*/*.log")
            limit = max(path.stat().st_size for path in logs) // 2
            resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            await service.send(rest)
            broken = node.process
            await until(lambda: broken.poll() is not None, 60)
            await service.closed(len(made), 90)
            await asyncio.to_thread(cluster.restart, node)
            await matches_oracle(service, *made)


async def test_a_worker_stops_while_the_disk_is_full_before_it_has_joined_its_group(tmp_path: Path) -> None:
    with small_file_system(tmp_path) as (cluster, fill, _):
        async with Service(Settings(bootstrap_servers=cluster.bootstrap), exactly_once=True) as service:
            await service.send(call("full", "someone", 1))
            fill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(8):
                    await service.work()
            ((worker, working),) = service.workers
            assert not worker.ready
            worker.stop()
            await asyncio.wait_for(working, 20)
