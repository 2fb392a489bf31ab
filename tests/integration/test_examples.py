"""The examples as a reader would run them, against the whole service."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.deepgram_twilio import serve_call
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import read_wav
from deid_stream.demo.stage import SAMPLES
from tests.support.kafka import free_port

ROOT = Path(__file__).parents[2]
NAME = "interrupted"
HOLDBACK_MS = "8000"

pytestmark = pytest.mark.slow


def started(*arguments: str, until: str) -> "subprocess.Popen[str]":
    """A program that has said ``until``."""
    program = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    assert program.stdout is not None
    said: list[str] = []
    for line in program.stdout:
        if until in line:
            return program
        said.append(line)
    raise AssertionError(f"{arguments} ended: {''.join(said[-20:])}")


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    port = str(free_port())
    # the last of the bridged call's sound has no transcript: nobody waits the usual 30 s for one
    waits = ("--holdback-ms", HOLDBACK_MS)
    ports = ("--port", port, "--metrics-port", "0", "--dashboard-port", "0")
    service = started("-m", "deid_stream", "serve", *ports, *waits, until="partition taken over")
    yield f"127.0.0.1:{port}"
    service.send_signal(signal.SIGTERM)
    service.communicate(timeout=30)


@pytest.fixture(scope="module")
def lines(broker: str) -> list[str]:
    """What the consumer prints of two calls that go on at a time: the producer's, and one through the bridge. It is
    interrupted, as a reader would, once both are over."""
    consumer = subprocess.Popen(
        [sys.executable, "-u", "examples/consumer.py", broker, "180"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # started from a shell's background the tests ignore the interrupt, and what they start would, too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    files = (str(SAMPLES / f"{NAME}.wav"), str(SAMPLES / f"{NAME}.call.json"))
    producer = subprocess.Popen(
        [sys.executable, "examples/producer.py", broker, "example-1", "acme", *files],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    asyncio.run(through_the_bridge(broker))
    assert producer.communicate(timeout=120)[0] == "example-1 is sent\n"
    found: list[str] = []
    over = {"example-1", "CA1"}
    assert consumer.stdout is not None
    for line in consumer.stdout:
        found.append(line.rstrip("\n"))
        over -= {call for call in over if line.startswith(f"{call}: over")}
        if not over:
            consumer.send_signal(signal.SIGINT)
            break
    found += consumer.communicate(timeout=30)[0].splitlines()
    assert (consumer.returncode, over) == (0, set())
    return found


def test_a_recording_is_sent_and_comes_out_clean(lines: list[str]) -> None:
    assert "complete: True" in "".join(line for line in lines if line.startswith("example-1: over"))
    assert any("[PERSON_1]" in line for line in lines if line.startswith("example-1/"))
    truth = json.loads((SAMPLES / f"{NAME}.truth.json").read_text(encoding="utf-8"))
    assert not any(value["text"].lower() in line.lower() for value in truth for line in lines)


@pytest.mark.parametrize("example", ["consumer", "agent"])
def test_an_example_whose_reader_has_gone_says_nothing_more(example: str, broker: str, lines: list[str]) -> None:
    """As where its lines go to ``head``."""
    tells = "from recorded import tell; [tell('a line') for _ in range(3)]"
    command = ["examples/consumer.py", broker, "5"] if example == "consumer" else ["-c", tells]
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "examples"), os.environ.get("PYTHONPATH", "")])
    }
    program = subprocess.Popen(
        [sys.executable, *command], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    os.close(writer)
    assert program.communicate(timeout=60)[1] == ""
    assert program.returncode == 0


async def recognise(connection: ServerConnection) -> None:
    """As Deepgram does: an answer once it has heard a second."""
    heard = 0
    async for message in connection:
        if isinstance(message, str):
            return
        heard += len(message)
        if heard == 8_000:
            words = [
                {"word": word, "start": 0.1 + 0.2 * i, "end": 0.3 + 0.2 * i, "confidence": 0.9}
                for i, word in enumerate("my name is daniel".split())
            ]
            best = {"transcript": "my name is daniel", "words": words}
            result = {"type": "Results", "start": 0.0, "duration": 1.0, "is_final": True, "channel_index": [0, 1]}
            await connection.send(json.dumps(result | {"channel": {"alternatives": [best]}}))


def frame(at_ms: int, sound: bytes) -> str:
    payload = base64.b64encode(sound).decode()
    return json.dumps({"event": "media", "media": {"track": "inbound", "timestamp": str(at_ms), "payload": payload}})


def address(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def call_twilio(bridge: str) -> None:
    """A call of a second and a half, as Twilio would stream it to the example."""
    async with (
        serve(recognise, "127.0.0.1", 0) as recogniser,
        serve(lambda twilio: serve_call(twilio, bridge, address(recogniser), "key"), "127.0.0.1", 0) as example,
        connect(address(example)) as twilio,
    ):
        await twilio.send(json.dumps({"event": "start", "start": {"callSid": "CA1", "tracks": ["inbound"]}}))
        for at_ms in range(0, 1_500, 20):
            await twilio.send(frame(at_ms, b"\x22\xa2" * 80))
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        await twilio.send(json.dumps({"event": "stop"}))
        async with asyncio.timeout(10):
            await twilio.wait_closed()


async def through_the_bridge(broker: str) -> None:
    port = str(free_port())
    bridge = started(
        *("-m", "deid_stream", "bridge", "twilio", "--bootstrap-servers", broker, "--customer", "acme", "--port", port),
        until="listening",
    )
    try:
        await call_twilio(f"ws://127.0.0.1:{port}")
    finally:
        bridge.send_signal(signal.SIGTERM)
        await asyncio.to_thread(bridge.communicate, timeout=30)


def test_twilio_and_deepgram_meet_in_the_topics(lines: list[str]) -> None:
    assert "CA1/0/0: my name is [PERSON_1]" in lines
    assert any(line.startswith("CA1/0") and "silenced" in line for line in lines)


@pytest.mark.parametrize(("example", "framework"), [("pipecat_agent", "pipecat"), ("livekit_agent", "livekit.agents")])
def test_an_agents_call_comes_out_clean(example: str, framework: str, tmp_path: Path) -> None:
    pytest.importorskip(framework.partition(".")[0], reason=f"the extra {framework} is not installed")
    call = SAMPLES / "card-payment"
    files = (f"{call}.wav", f"{call}.call.json", str(tmp_path / "out.wav"))
    done = subprocess.run(
        [sys.executable, f"examples/{example}.py", *files], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    segments = json.loads(Path(f"{call}.call.json").read_text(encoding="utf-8"))["segments"]
    assert len(done.stdout.splitlines()) == len([s for s in segments if s["is_final"]])
    after = read_wav(tmp_path / "out.wav")
    samples = decode(after.data, after.format).astype(int)
    for value in json.loads(Path(f"{call}.truth.json").read_text(encoding="utf-8")):
        assert value["text"].lower() not in done.stdout.lower()
        caller_left = 1 - value["channel"] if segments[0]["channel"] == 0 else value["channel"]
        spoken = samples[value["start_ms"] * 8 : value["end_ms"] * 8, caller_left]
        assert (abs(spoken) > 300).mean() < 0.05
