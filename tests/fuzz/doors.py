"""What strangers send to the pages' and the bridge's doors."""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Final, NamedTuple

from aiohttp import web
from websockets.datastructures import Headers

from deid_stream.bridge.calls import BridgedCalls
from deid_stream.bridge.server import is_signed, transcript_options
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.pages import HEADERS, Guard, application
from deid_stream.errors import DeidError
from deid_stream.model.json import JsonObject
from tests.hostile.mutated import UndeclaredError

TOKEN: Final = "a token that is long enough"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_TURNS: Final = 12
"""Rounds of the loop that an answer may take: nothing is waited for."""
PATHS: Final = (
    "/", "/app.js", "/api/overview", "/api/calls", "/api/policies", "/api/dead-letters", "/api/requests",
    "/api/call?id=c-1", "/api/aggregates?customer=a", "/api/sound?id=c-1", "/api/request?reference=aa",
)  # fmt: skip


class _Wire(asyncio.Transport):
    """A connection whose answer is kept."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.said = bytearray()
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    abort = close

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    resume_reading = pause_reading


class _Calls:
    """One call and one request, without a broker."""

    async def inspect(self, call_id: str) -> JsonObject | None:
        return {"call": call_id} if call_id == "c-1" else None

    async def sound(self, call_id: str) -> bytes | None:
        return b"RIFF" if call_id == "c-1" else None

    async def request(self, reference: str) -> JsonObject | None:
        return {"names": {}} if reference == "aa" else None


class _Pages(NamedTuple):
    loop: asyncio.AbstractEventLoop
    server: Callable[[], asyncio.Protocol]


@cache
def _pages() -> _Pages:
    loop = asyncio.new_event_loop()
    ticks = itertools.count(0, 100)  # so that no minute has many requests in it
    guard = Guard(TOKEN, frozenset({"localhost"}), lambda: float(next(ticks)))
    runner = web.AppRunner(application(Board(), _Calls(), guard, lambda: 1_000), access_log=None, handle_signals=False)
    loop.run_until_complete(runner.setup())
    assert runner.server is not None
    return _Pages(loop, runner.server)


def pages(data: bytes) -> None:
    """Bytes as they come through the dashboard's socket: no answer is an internal error, none lacks the headers, and
    none that needs the token comes without it."""
    loop, server = _pages()
    wire = _Wire()

    async def talk() -> None:
        asyncio.set_event_loop(loop)
        protocol = server()
        protocol.connection_made(wire)
        protocol.data_received(data)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        await asyncio.sleep(0)

    loop.run_until_complete(talk())
    head, _, body = bytes(wire.said).partition(b"\r\n\r\n")
    if b" 500 " in head[:20]:
        raise UndeclaredError("a page failed")
    if body[:4] == b"RIFF" or body[:8] == b'{"names"':
        if TOKEN.encode() not in data:
            raise UndeclaredError("what needs the token came without it")
        if any(name.encode().lower() not in head.lower() for name in HEADERS):
            raise UndeclaredError("an answer lacks a header")


def pages_seeds() -> Iterator[bytes]:
    for path in PATHS:
        yield f"GET {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n".encode()
        yield f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    yield b"POST /api/calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    yield b"GET / HTTP/1.1\r\nHost: elsewhere\r\nSec-Fetch-Site: cross-site\r\n\r\n"


def addresses(data: bytes) -> None:
    """Host, authorization, query and signature of whoever connects."""
    # as the WebSocket's library reads a request
    lines = [line.decode("iso-8859-1") for line in data.split(b"\n", 4)] + [""] * 4
    host, authorization, query = lines[:3]
    signatures = Headers([("X-Twilio-Signature", _CONTROLS.sub("", line)) for line in lines[3:5]])
    guard = Guard(TOKEN, frozenset({"localhost"}), lambda: 0.0)
    if guard.known_host(host) and "localhost" not in host.lower():
        raise UndeclaredError("a stranger's host is known")
    if guard.admits(authorization, "address") and TOKEN not in authorization:
        raise UndeclaredError("a wrong token is admitted")
    if is_signed("secret", "wss://bridge/twilio?" + query, signatures):
        raise UndeclaredError("a made-up signature is admitted")
    transcript_options(query)


def addresses_seeds() -> Iterator[bytes]:
    yield b"localhost:8080\nBearer x\ncall_id=c&channel=1&roles=agent,customer&clock_began_ms=7\nAAAA="
    yield b"[::1]:80\nBearer a token that is long enoug\ncall_id=c\n\xc3\xa9"


def bridge(data: bytes) -> None:
    """Lines are messages of one media stream."""
    calls = BridgedCalls("acme")
    stream = None
    for line in data.split(b"\n")[:30]:
        with suppress(DeidError):
            stream, _ = calls.message(line, stream, 1_000)
    calls.close(2_000)


def bridge_seeds() -> Iterator[bytes]:
    opening = {"callSid": "c", "tracks": ["inbound"], "customParameters": {"customer_id": "a"}}
    media = {"track": "inbound", "timestamp": "0", "payload": "//////8="}
    messages = (
        {"event": "start", "start": opening},
        {"event": "media", "media": media},
        {"event": "dtmf", "dtmf": {"digit": "1", "track": "inbound"}},
        {"event": "mark", "mark": {"name": "x"}},
        {"event": "stop", "stop": {}},
    )
    yield b"\n".join(json.dumps(message).encode() for message in messages)
