"""The network, the clock and the verifier of the three-broker run; and a short one of it."""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time

import pytest

from tests.chaos.scenario import Plan
from tests.chaos.three.proxy import Network
from tests.chaos.three.run import three
from tests.chaos.three.trouble import Clock, Deck
from tests.support.kafka import free_port


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(100):
            writer.write(data)
    writer.close()


async def answered(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], seconds: float = 5) -> bytes | None:
    """What comes back of a word; empty where the connection is at its end, None where nothing comes."""
    reader, writer = streams
    writer.write(b"word")
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(100)
    except ConnectionError:
        return b""
    except TimeoutError:
        return None


async def test_the_network_cuts_slows_swallows_and_refuses() -> None:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        port = free_port()
        network = Network({port: server.sockets[0].getsockname()[1]})
        try:
            first = await asyncio.open_connection("127.0.0.1", port)
            assert await answered(first) == b"word"
            network.delay(0.2)
            began = time.monotonic()
            assert await answered(first) == b"word"
            assert time.monotonic() - began >= 0.4
            network.heal()
            network.abandon(0)
            assert await answered(first, 0.5) is None
            second = await asyncio.open_connection("127.0.0.1", port)
            assert await answered(second) == b"word"
            network.cut(0)
            assert await answered(second) == b""
            network.refuse(0, True)
            third = await asyncio.open_connection("127.0.0.1", port)
            assert await answered(third) == b""
            network.heal()
            fourth = await asyncio.open_connection("127.0.0.1", port)
            assert await answered(fourth) == b"word"
            for _, writer in (first, second, third, fourth):
                writer.close()
        finally:
            network.close()
            await asyncio.sleep(0.1)


def test_a_process_with_the_clock_sees_it_jump() -> None:
    clock = Clock()
    try:
        code = "import time; input(); m = time.monotonic(); print(time.time(), time.time_ns() / 1e9, m)"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **clock.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        clock.jump(-200)
        out, _ = process.communicate("\n", timeout=30)
        seconds, from_ns, monotonic = map(float, out.split())
        assert time.time() - seconds == pytest.approx(200, abs=20)
        assert from_ns == pytest.approx(seconds, abs=1)
        assert monotonic == pytest.approx(time.monotonic(), abs=30)
    finally:
        clock.close()


def test_every_trouble_of_a_deck_comes_before_any_comes_again() -> None:
    done = []

    def one(_: random.Random) -> None:
        done.append("one")

    def two(_: random.Random) -> None:
        done.append("two")

    deck, rng = Deck(one, two), random.Random(1)
    told = [deck.next(rng) for _ in range(8)]
    assert told == done
    assert all(set(told[at : at + 2]) == {"one", "two"} for at in range(0, 8, 2))
    assert told != ["one", "two"] * 4


@pytest.mark.kafka
@pytest.mark.chaos
async def test_three_brokers() -> None:
    """Nothing lost, doubled, early or leaked, and consent kept, whatever happens to network, clocks and policies."""
    tally = await three(Plan(calls=20, kills=4, seed=11, settle_s=240))
    assert tally.settled
    assert tally.verdict.clean, tally.verdict.json()
    assert tally.verdict.expected > 0
    assert sum(tally.further.values()) > 0
    assert sum(tally.asked.values()) > 0
