"""The HTTP server: static pages, the JSON that they ask for, and the checks that every request passes.

It is read-only. Without the token a visitor sees figures, policies and sanitized transcripts. Sound, and the names in a
privacy request, need the token, and each time a line is written to the audit first. The pages load nothing from other
sites, and requests from pages of other sites are refused.
"""

import hmac
import ipaddress
import time
from collections import deque
from collections.abc import Callable
from importlib import resources
from typing import Final, Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from deid_stream.dashboard.board import Board
from deid_stream.errors import BrokerError
from deid_stream.model.json import JsonObject
from deid_stream.observe.logs import get_log, where

log = get_log("dashboard")

MAX_REQUESTS: Final = 600
"""Requests of one address per minute; more are refused. An open page makes about 120."""
MAX_WRONG_TOKENS: Final = 10
"""Wrong tokens of one address per minute; after that it is refused for the rest of the minute."""
MAX_ADDRESSES: Final = 1_000
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_STATIC: Final = {
    "index.html": "text/html",
    "style.css": "text/css",
    "app.js": "text/javascript",
    "views.js": "text/javascript",
    "charts.js": "text/javascript",
    "privacy.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class Calls(Protocol):
    """The interface to Kafka: one call's sanitized records, one request's names, and the audit."""

    async def inspect(self, call_id: str) -> JsonObject | None:
        """Everything the inspector shows; None where the call is not known. Raises BrokerError."""
        ...

    async def sound(self, call_id: str) -> bytes | None:
        """A WAV file, after the audit has taken down that it was fetched. Raises BrokerError."""
        ...

    async def request(self, reference: str) -> JsonObject | None:
        """A privacy request with names, after the audit has taken down that it was looked at. Raises BrokerError."""
        ...


class Guard:
    """Decides who may ask, and how often. ``clock`` gives seconds."""

    def __init__(self, token: str, hosts: frozenset[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token.encode()
        self._hosts = hosts
        self._clock = clock
        self._requests: dict[str, deque[float]] = {}
        self._wrong: dict[str, deque[float]] = {}

    def known_host(self, host: str) -> bool:
        """Whether the request's ``Host`` is one of the known names. Refusing others stops a foreign site whose name
        resolves to this machine."""
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower()
        return name in self._hosts or "*" in self._hosts

    def too_many(self, address: str) -> bool:
        """Count a request; returns whether the address has made too many."""
        return _counted(self._requests, address, self._clock(), 1) > MAX_REQUESTS

    def admits(self, authorization: str, address: str) -> bool:
        """Whether the header carries the token. It is compared in constant time; an address with too many wrong tokens
        is refused."""
        now_s = self._clock()
        if not self._token or _counted(self._wrong, address, now_s, 0) >= MAX_WRONG_TOKENS:
            return False
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode(errors="replace"), self._token)
        if scheme.lower() == "bearer" and right:
            return True
        if authorization:
            _counted(self._wrong, address, now_s, 1)
        return False


def _counted(by_address: dict[str, deque[float]], address: str, now_s: float, more: int) -> int:
    """How often an address did something within the last minute, ``more`` times now included."""
    if len(by_address) > MAX_ADDRESSES:
        by_address.clear()
    times = by_address.setdefault(address, deque())
    while times and now_s - times[0] > 60:
        times.popleft()
    times.extend([now_s] * more)
    return len(times)


def hosts_of(bind: str, extra: str) -> frozenset[str]:
    """Host names under which the pages may be asked for: this machine's own, the address that the server listens on,
    and those of the setting ``dashboard_hosts``."""
    named = {name.strip().lower() for name in extra.split(",") if name.strip()}
    try:
        local = ipaddress.ip_address(bind).is_loopback
    except ValueError:
        local = bind == "localhost"
    return frozenset(named | {"127.0.0.1", "localhost", "::1"} | (set() if local else {bind.lower()}))


def application(board: Board, calls: Calls, guard: Guard, wall_ms: Callable[[], int]) -> web.Application:
    """The aiohttp application, to be served alone or mounted under another one."""
    app = web.Application(middlewares=[_checked(guard)], client_max_size=1024)
    app.router.add_get("/", _static("index.html"))
    for name in _STATIC:
        app.router.add_get(f"/{name}", _static(name))
    for path, view in (
        ("overview", lambda: board.overview(wall_ms())),
        ("calls", board.calls),
        ("policies", lambda: board.policies(wall_ms())),
        ("dead-letters", board.dead_letters),
        ("requests", lambda: board.requests.shown(wall_ms())),
    ):
        app.router.add_get(f"/api/{path}", _view(view))
    app.router.add_get("/api/call", _inspected(calls))
    app.router.add_get("/api/aggregates", _windows(board))
    app.router.add_get("/api/sound", _sound(calls, guard))
    app.router.add_get("/api/request", _request(calls, guard))
    return app


def _checked(guard: Guard) -> Middleware:
    """Let every request pass the guard, and put ``HEADERS`` on every answer."""

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _admit(request, guard)
            response = await handler(request)
        except web.HTTPException as error:
            response = _json({"error": error.reason}, error.status)
        except BrokerError as error:
            response = _json({"error": "the broker does not answer", "code": error.code}, 503)
        except Exception as error:  # noqa: BLE001 - a message may quote a record
            log.error("a page failed", error=error, where=where(error))
            response = _json({"error": "internal"}, 500)
        response.headers.update(HEADERS)
        return response

    return checked


def _admit(request: web.Request, guard: Guard) -> None:
    if request.method not in ("GET", "HEAD"):
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD"])
    if not guard.known_host(request.headers.get("Host", "")):
        raise web.HTTPMisdirectedRequest
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden
    if guard.too_many(request.remote or ""):
        raise web.HTTPTooManyRequests


def _view(view: Callable[[], object]) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return _json(view())

    return answer


def _inspected(calls: Calls) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        found = await calls.inspect(request.query.get("id", ""))
        if found is None:
            raise web.HTTPNotFound
        return _json(found)

    return answer


def _windows(board: Board) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return _json(board.windows.shown(request.query.get("customer", "")))

    return answer


def _request(calls: Calls, guard: Guard) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        _require_token(request, guard)
        found = await calls.request(request.query.get("reference", ""))
        if found is None:
            raise web.HTTPNotFound
        return _json(found)

    return answer


def _require_token(request: web.Request, guard: Guard) -> None:
    if not guard.admits(request.headers.get("Authorization", ""), request.remote or ""):
        raise web.HTTPUnauthorized


def _sound(calls: Calls, guard: Guard) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        _require_token(request, guard)
        found = await calls.sound(request.query.get("id", ""))
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=found, content_type="audio/wav")

    return answer


def _static(name: str) -> Handler:
    body = resources.files(__package__).joinpath("static", name).read_bytes()

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=_STATIC[name], charset="utf-8")

    return serve


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
