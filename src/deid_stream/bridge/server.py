"""Takes WebSocket connections and sends records to Kafka; ``bridge.calls`` decides what is sent.

Every message becomes records at once and waits in one queue for the broker. When the queue is full, no connection is
read any further: TCP then slows the senders down, and memory stays bounded. One task sends, so that a call's records
keep their order; while the broker is away it tries again and the queue fills.
"""

import asyncio
import base64
import contextlib
import hmac
import http
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from deid_stream.bridge.calls import BridgedCalls, Stream
from deid_stream.errors import BrokerError, ConfigError, DecodeError, counted
from deid_stream.kafka.ports import Sender
from deid_stream.kafka.record import OutRecord
from deid_stream.model.json import JsonObject
from deid_stream.observe.logs import get_log
from deid_stream.runtime.tasks import cancelled
from deid_stream.units import Ms
from deid_stream.wire.limits import MAX_CHANNEL, MAX_MEDIA_MS, whole
from deid_stream.wire.providers import named
from deid_stream.wire.transcript import roles_of

log = get_log("bridge")

MEDIA_PATH: Final = "/twilio"
TRANSCRIPTS_PATH: Final = "/transcripts/"
_MAX_MESSAGE_BYTES: Final = 1_000_000
_UNREAD_MESSAGES: Final = 16
"""Messages of one connection that wait to be read; more fill TCP's buffers instead."""
_AT_ONCE: Final = 500
"""Records sent to the broker together."""
_RETRY_S: Final = (0.2, 1.0, 3.0, 5.0)
"""Waits between tries while the broker is away; the last one repeats."""
_EXPIRE_EVERY_S: Final = 1.0
_STOP_S: Final = 10.0
"""Longest wait for the broker when the bridge stops."""
_MOST_FAULTS: Final = 20
"""Messages of one connection that may be wrong before it is closed."""


class Options(NamedTuple):
    """``queue_records`` is how many may wait for the broker, a few hundred bytes each. ``auth_token`` checks Twilio's
    signature of ``public_url`` plus the path; empty: nobody is checked, so let only a proxy reach the port."""

    host: str
    port: int
    queue_records: int = 10_000
    auth_token: str = ""
    public_url: str = ""


class Bridge:
    """``run`` until cancelled."""

    def __init__(self, calls: BridgedCalls, sender: Sender, options: Options, now_ms: Callable[[], Ms]) -> None:
        self._calls = calls
        self._sender = sender
        self._options = options
        self._now_ms = now_ms
        self._queue: asyncio.Queue[OutRecord] = asyncio.Queue(options.queue_records)
        self._handlers: set[asyncio.Task[object]] = set()
        self._working: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Records that the broker has not been given."""
        return self._queue.qsize()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Server]:
        """Serve; on the way out what has come of every call is sent, as far as the broker takes it within 10 s."""
        self._working = [asyncio.create_task(self._send()), asyncio.create_task(self._expire())]
        try:
            server = await serve(
                self._serve,
                self._options.host,
                self._options.port,
                process_request=self._admit,
                max_size=_MAX_MESSAGE_BYTES,
                max_queue=_UNREAD_MESSAGES,
                close_timeout=1,
                # sound in Base64 does not shrink
                compression=None,
            )
            try:
                yield server
            finally:
                await self._stop(server)
        finally:
            await cancelled(*self._working)

    async def until(self, stopped: asyncio.Event) -> None:
        """Return once ``stopped`` is set. Raises what ended the sending, where the broker refuses for good."""
        waiting = asyncio.create_task(stopped.wait())
        try:
            done, _ = await asyncio.wait({waiting, *self._working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in done - {waiting}:
            task.result()

    async def _stop(self, server: Server) -> None:
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self._working[0].done() else _STOP_S):
                await self._put(self._calls.close(self._now_ms()))
                await self._queue.join()
        # who still waits for room in the queue waits in vain
        for handler in self._handlers:
            handler.cancel()
        await server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before a connection becomes a WebSocket."""
        path = urlsplit(request.path).path
        if path == "/healthz":
            return connection.respond(http.HTTPStatus.OK, f"{counted(self._calls.live, 'call')}\n")
        if path != MEDIA_PATH and not path.startswith(TRANSCRIPTS_PATH):
            return connection.respond(http.HTTPStatus.NOT_FOUND, f"{MEDIA_PATH} or {TRANSCRIPTS_PATH}PROVIDER\n")
        token = self._options.auth_token
        if token and not is_signed(token, self._options.public_url + request.path, request.headers):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "the signature is not Twilio's\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        parts = urlsplit(request.path if request else "/")
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101 - a coroutine runs in a task
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)
        try:
            if parts.path == MEDIA_PATH:
                await self._media(connection)
            else:
                await self._transcripts(connection, parts.path.removeprefix(TRANSCRIPTS_PATH), parts.query)
        except ConnectionClosed:
            pass
        except (DecodeError, ConfigError) as error:
            log.warning("a connection is refused", error=error)
            await connection.close(1008, str(error)[:120])

    async def _media(self, connection: ServerConnection) -> None:
        stream: Stream | None = None
        faults = 0
        try:
            async for message in connection:
                raw = message.encode() if isinstance(message, str) else message
                try:
                    stream, records = self._calls.message(raw, stream, self._now_ms())
                except DecodeError as error:
                    faults += 1
                    if faults >= _MOST_FAULTS:
                        raise
                    log.warning("a frame is left out", error=error)
                    continue
                await self._put(records)
        finally:
            self._calls.lost(stream, self._now_ms())

    async def _transcripts(self, connection: ServerConnection, provider: str, query: str) -> None:
        named(provider)
        call_id, options = transcript_options(query)
        async for message in connection:
            raw = message.encode() if isinstance(message, str) else message
            await self._put(self._calls.transcript(call_id, provider, raw, self._now_ms(), options))

    async def _put(self, records: list[OutRecord]) -> None:
        for record in records:
            await self._queue.put(record)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY_S)
            await self._put(self._calls.expire(self._now_ms()))

    async def _send(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _AT_ONCE and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._send_batch(batch)
            for _ in batch:
                self._queue.task_done()

    async def _send_batch(self, batch: list[OutRecord]) -> None:
        """Send a batch again and again until it is acknowledged: a record that comes twice has the same id and counts
        once."""
        tries = 0
        while True:
            try:
                await self._sender.send(batch)
            except BrokerError as error:
                if not error.retryable:
                    raise
                wait_s = _RETRY_S[min(tries, len(_RETRY_S) - 1)]
                log.warning("the broker does not take records", error=error, seconds=wait_s)
                tries += 1
                await asyncio.sleep(wait_s)
            else:
                return


def transcript_options(query: str) -> tuple[str, JsonObject]:
    """``call_id`` and, where they are given, ``channel``, ``roles`` and ``clock_began_ms``. Raises DecodeError."""
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    call_id = given.get("call_id")
    if not call_id:
        raise DecodeError("the address names no call", at="call_id", mend="connect to .../transcripts/NAME?call_id=ID")
    options: JsonObject = {}
    for name, most in (("channel", MAX_CHANNEL), ("clock_began_ms", MAX_MEDIA_MS)):
        if name in given:
            value = whole(given[name])
            if value is None or not 0 <= value <= most:
                raise DecodeError(f"{name} is not a number within 0 to {most}", at=name)
            options[name] = value
    if "roles" in given:
        options["roles"] = ",".join(roles_of(given["roles"].encode("utf-8", "replace")))
    return call_id, options


def is_signed(auth_token: str, url: str, headers: Headers) -> bool:
    """Twilio signs the address of the WebSocket with the account's token (HMAC-SHA1)."""
    expected = base64.b64encode(hmac.digest(auth_token.encode(), url.encode(), "sha1"))
    given = headers.get_all("X-Twilio-Signature")  # one that comes twice is no signature
    return len(given) == 1 and hmac.compare_digest(expected, given[0].encode())
