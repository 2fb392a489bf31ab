"""``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for whoever restarts or routes."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, make_wsgi_app

from deid_stream.errors import ConfigError
from deid_stream.observe.logs import get_log
from deid_stream.observe.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = get_log("observe")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """As in WSGIServer, without asking the resolver for the host's name, which may take seconds."""
        # a worker started again at once gets its port back
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """A scrape every few seconds is no news."""


class Endpoint:
    """Serves from a thread of its own until closed; ``port`` 0 takes a free one.

    ``ready`` says whether work is being done (partitions assigned, policies read); ``healthy`` whether it still can be.
    Raises ConfigError where the address cannot be had.
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
        except OSError:
            raise ConfigError(f"cannot serve metrics on {host}:{port}; set metrics_host and metrics_port") from None
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


@contextlib.contextmanager
def served(metrics: Metrics, host: str, port: int, *, version: str, ready: Callable[[], bool]) -> Iterator[None]:
    """Serve one process's metrics and probes meanwhile; ``port`` 0 (the setting): do not.

    A taken port is a warning: calls matter more than numbers, and a second worker on a machine is no mistake.
    """
    if not port:
        yield
        return
    metrics.build_info.set(1, version)
    registry = CollectorRegistry()
    for collector in (metrics, ProcessCollector(registry=None), PlatformCollector(registry=None)):
        registry.register(collector)
    try:
        endpoint = Endpoint(host, port, registry, ready=ready)
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
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [status.encode() + b"\n"]

    return answer
