"""What the service shows, as names of places with what is there."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from tests.chaos.processes import Workers
from tests.hostile.canaries.plant import Garden
from tests.support.kafka import free_port
from tests.support.service import Service

Shown = list[tuple[str, bytes]]
SETTLE_S = 180.0
_TOKEN = "a token of the dashboard"


def of_process(pid: int) -> Shown:
    """What `ps` shows of a process, and its environment."""
    return [(name, Path(f"/proc/{pid}/{name}").read_bytes()) for name in ("cmdline", "environ")]


def page(url: str, **headers: str) -> bytes:
    """The answer's headers and body, also where it is a refusal."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return str(answer.headers).encode() + bytes(answer.read())
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.headers}".encode() + error.read()


async def dashboard(service: Service, folder: Path, garden: Garden) -> Shown:
    """Its pages, once it has read everything, with and without the token; and what it says to those whose address,
    query and headers hold canaries."""
    settings = msgspec.structs.replace(
        service.settings, metrics_port=0, dashboard_port=free_port(), dashboard_token=_TOKEN
    )
    processes = Workers(settings, folder)
    processes.start("dashboard")
    closed = sorted({record.key.decode() for record in await service.read(service.names.calls) if record.key})
    url = f"http://127.0.0.1:{settings.dashboard_port}/"
    token = {"Authorization": f"Bearer {_TOKEN}"}

    async def ask(path: str, **headers: str) -> bytes:
        return await asyncio.to_thread(page, url + path, **headers)

    try:
        async with asyncio.timeout(SETTLE_S):
            calls = b""
            while b"call_id" not in calls:
                assert processes.alive[0].poll() is None
                await asyncio.sleep(0.5)
                with contextlib.suppress(OSError):  # before it has started
                    calls = await ask("api/calls")
        pages = ["calls", "overview", "policies", "dead-letters", "requests", "aggregates"]
        pages += [f"call?id={urllib.parse.quote(call_id)}" for call_id in closed[:40]]
        shown = [(f"dashboard {name}", await ask(f"api/{name}")) for name in pages]
        shown += [(f"dashboard {name.split('=')[0]}", await ask(f"api/{name}", **token)) for name in await _named(ask)]
        shown += [("dashboard sound", await ask(f"api/sound?id={closed[0]}", **token))]
        for path, headers in _strangers(garden):
            shown.append((f"dashboard answer to {path.split('?')[0]}", await ask(path, **headers)))
        return shown + [(f"dashboard {name}", raw) for name, raw in of_process(processes.alive[0].pid)]
    finally:
        processes.close()


async def _named(ask: Callable[[str], Awaitable[bytes]]) -> list[str]:
    """The addresses of the requests' details."""
    listed = json.loads((await ask("api/requests")).partition(b"\n\n")[2])
    return [f"request?reference={row['reference']}" for row in listed["requests"]]


def _strangers(garden: Garden) -> Iterator[tuple[str, dict[str, str]]]:
    def planted(where: str) -> str:
        return urllib.parse.quote(garden.canary(f"dashboard: {where}"))

    yield f"{planted('an unknown page')}", {}
    yield f"api/{planted('an unknown answer')}", {}
    yield f"api/call?id={planted('a call')}", {}
    yield f"api/calls?{planted('a name in the query')}={planted('a value in the query')}", {}
    # a customer is an id, and the answer says whose windows these are
    yield f"api/aggregates?customer={garden.canary('dashboard: a customer', 'id', an_id=True)}", {}
    for path in ("api/sound?id=", "api/request?reference="):
        wrong = {"Authorization": f"Bearer {garden.canary('dashboard: a wrong token', 'id')}"}
        yield f"{path}{planted('what needs the token')}", wrong
    for name in ("Host", "Cookie", "User-Agent", "Referer", "Origin", "X-Forwarded-For", "Sec-Fetch-Site"):
        yield "api/calls", {name: garden.canary(f"dashboard: header {name}", "id")}
