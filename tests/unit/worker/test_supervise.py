"""``worker --processes N``: what ends or hangs is started again; what lives is left alone; all stop together."""

import asyncio
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.observe.labels import ENDED, HUNG
from deid_stream.worker.pulse import Life, beating
from deid_stream.worker.supervise import Patience, supervise

PATIENCE = Patience(start_s=20, silent_s=3)


def member(settings: bytes, life: Life) -> None:
    """A process that behaves as its group's name says in its first life, and well in its next. Each life leaves a file
    named by its number with its restarts in it."""
    decoded = msgspec.json.decode(settings, type=Settings)
    kind, _, folder = decoded.group_id.partition(":")
    lives = Path(folder) / str(decoded.metrics_port)
    assert decoded.metrics_port == 9000 + life.number
    lives.mkdir(exist_ok=True)
    first = sum(life.restarts.values()) == 0
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(0))
    (lives / str(os.getpid())).write_text(f"{life.restarts[ENDED]} {life.restarts[HUNG]}")
    if kind == "ends" and first:
        raise SystemExit(3)
    with beating(life, lambda: kind != "sick" or not first, lambda: done.append(0)):
        while not done:
            if kind == "stops" and first and len(list(lives.iterdir())) == 1:
                time.sleep(1.5)
                os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.05)
    (lives / f"{os.getpid()}.stopped").touch()


def lives(folder: Path, number: int) -> list[str]:
    """The restarts that each life of a process was told of."""
    place = folder / str(9000 + number)
    found = [path for path in place.iterdir() if path.name.isdigit()] if place.is_dir() else []
    return sorted(path.read_text() for path in found)


@pytest.mark.parametrize(
    ("kind", "expected", "patience"),
    [
        ("lives", ["0 0"], PATIENCE),
        ("ends", ["0 0", "1 0"], PATIENCE),
        ("stops", ["0 0", "0 1"], PATIENCE),
        ("sick", ["0 0", "0 1"], PATIENCE._replace(start_s=10)),
    ],
)
async def test_what_ends_or_hangs_is_started_again(tmp_path, kind, expected, patience):
    settings = Settings(group_id=f"{kind}:{tmp_path}", processes=2, metrics_port=9000)
    running = asyncio.create_task(supervise(settings, member, patience))
    async with asyncio.timeout(60):
        while not all(lives(tmp_path, n) == expected for n in range(2)):  # noqa: ASYNC110 - other processes' files
            await asyncio.sleep(0.05)
    # long enough for a healthy one to be killed, if it were
    await asyncio.sleep(patience.silent_s + 1)
    assert [lives(tmp_path, n) for n in range(2)] == [expected, expected]
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        assert await running == 0
    assert len(list(tmp_path.glob("*/*.stopped"))) == 2
