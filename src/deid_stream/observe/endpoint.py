"""``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for what restarts a process or sends work to it.

One request per connection. A connection ends after ``REQUEST_S`` at the latest, whatever its other side sends or does
not send, and at most ``CONNECTIONS`` are served at a time: a scraper that hangs cannot use up threads.
"""

import contextlib
import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, make_wsgi_app
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deid_stream.errors import ConfigError
from deid_stream.observe.logs import get_log, where
from deid_stream.observe.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = get_log("observe")


REQUEST_S: Final = 5.0
"""Longest time for a whole request. Smaller: scrapes of a busy machine fail; larger: hung connections pile up."""
CONNECTIONS: Final = 16
"""Connections that are served at a time; any further one is closed at once."""


_Request = socket.socket | tuple[bytes, socket.socket]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """As in WSGIServer, without asking the resolver for the host's name, which may take seconds."""
        # a worker started again at once gets its port back
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: _Request, client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: _Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the type of the exception alone; the base would print its message. A connection that was dropped is not
        logged."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.warning("a request for metrics failed", error=error, where=where(error))


class _Until(io.RawIOBase):
    """Reads a socket until a deadline, however slowly its other side sends."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline_s = deadline_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._connection.settimeout(max(0.001, self._deadline_s - time.monotonic()))
        return self._connection.recv_into(buffer)


class _Quiet(WSGIRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_Until(self.connection, time.monotonic() + REQUEST_S))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: scrapes come every few seconds."""

    def get_stderr(self) -> TextIO:
        """Where the base prints exceptions with their messages."""
        return io.StringIO()


class Endpoint:
    """Serves from a thread of its own until closed; ``port`` 0 takes a free one.

    ``ready`` says whether work is being done (partitions assigned, policies read, the broker answers); ``healthy``
    whether it still can be, else the process should be started again. Raises ConfigError where the address cannot be
    had.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        ready: Callable[[], bool],
        healthy: Callable[[], bool] = lambda: True,
    ) -> None:
        application = _application(make_wsgi_app(registry), {"/healthz": healthy, "/readyz": ready})
        try:
            self._server = make_server(host, port, application, _Server, _Quiet)
        except OSError as error:
            raise ConfigError(
                f"cannot serve metrics on {host}:{port}: {error.strerror}; set metrics_host and metrics_port (0: none)"
            ) from None
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


class _Scraped(Collector):
    """The metrics, and whether this process is ready at that moment."""

    def __init__(self, metrics: Metrics, ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._ready = ready

    def collect(self) -> Iterable[Metric]:
        self._metrics.ready.set(self._ready())
        return self._metrics.collect()

    def describe(self) -> Iterable[Metric]:
        return self._metrics.describe()


@contextlib.contextmanager
def served(
    metrics: Metrics,
    host: str,
    port: int,
    *,
    version: str,
    ready: Callable[[], bool],
    healthy: Callable[[], bool] = lambda: True,
) -> Iterator[None]:
    """Serve one process's metrics and probes while the block runs; with ``port`` 0 nothing is served. If the port is
    taken, a warning is logged and work goes on: calls matter more than metrics, and a second worker on a machine is
    allowed.
    """
    if not port:
        yield
        return
    metrics.build_info.set(1, version)
    registry = CollectorRegistry()
    for collector in (_Scraped(metrics, ready), ProcessCollector(registry=None), PlatformCollector(registry=None)):
        registry.register(collector)
    try:
        endpoint = Endpoint(host, port, registry, ready=ready, healthy=healthy)
    except ConfigError as error:
        log.warning("metrics are not served", port=port, error=error)
        yield
        return
    with endpoint:
        yield


def _application(metrics: "WSGIApplication", probes: dict[str, Callable[[], bool]]) -> "WSGIApplication":
    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return metrics(environ, start_response)
        probe = probes.get(path)
        status = "404 Not Found" if probe is None else "200 OK" if probe() else "503 Service Unavailable"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
        return [status.encode() + b"\n"]

    return answer
