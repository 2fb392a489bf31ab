"""``worker --processes 2`` for real: a process that is stopped is replaced, and the count is scraped."""

import asyncio
import os
import signal
import urllib.request

import psutil
import pytest

from deid_stream.config import Settings
from deid_stream.kafka import topics_admin
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.worker.run import _member
from deid_stream.worker.supervise import Patience, supervise
from tests.support.kafka import free_ports

pytestmark = pytest.mark.slow
HUNG = 'deid_process_restarts_total{reason="hung"}'


def scraped(port: int, name: str) -> float | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return None
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ")), None)


async def until(port: int, name: str, value: float) -> None:
    while await asyncio.to_thread(scraped, port, name) != value:  # noqa: ASYNC110 - another process says it
        await asyncio.sleep(0.2)


def listening(port: int) -> psutil.Process:
    (found,) = (
        child
        for child in psutil.Process().children(recursive=True)
        if any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in child.net_connections("tcp"))
    )
    return found


async def test_a_stopped_process_is_replaced_and_the_other_goes_on() -> None:
    port = free_ports(2)
    with EmbeddedBroker() as broker:
        settings = Settings(
            bootstrap_servers=broker.bootstrap_servers,
            partitions=2,
            replication_factor=1,
            digest_key="11" * 32,
            processes=2,
            metrics_port=port,
        )
        await topics_admin.create(connect(settings, "tests"), partitions=2, replication_factor=1)
        running = asyncio.create_task(supervise(settings, _member, Patience(start_s=90, silent_s=10)))
        async with asyncio.timeout(150):
            for number in range(2):
                await until(port + number, "deid_ready", 1)
            victim = await asyncio.to_thread(listening, port)
            other = await asyncio.to_thread(listening, port + 1)
            victim.send_signal(signal.SIGSTOP)
            await until(port, HUNG, 1)
            await until(port, "deid_ready", 1)
            assert not victim.is_running()
            assert other.is_running()
            assert await asyncio.to_thread(scraped, port + 1, HUNG) == 0
            os.kill(os.getpid(), signal.SIGTERM)
            assert await running == 0
