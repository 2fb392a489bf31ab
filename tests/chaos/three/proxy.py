"""A bad network: TCP in between workers and brokers that can be cut, slowed, frozen and refused.

It runs in a thread of its own, so that nothing the harness does slows it down.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Final

_PIECE: Final = 1 << 16
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    def __init__(self, writers: Sequence[asyncio.StreamWriter]) -> None:
        self.writers = writers
        self.abandoned = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class _Door:
    """The way to one broker."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.refusing = False
        self.delay_s = 0.0
        self.connections: set[_Connection] = set()
        self.server: asyncio.Server | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            theirs = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection((writer, theirs[1]))
        self.connections.add(connection)
        # cancelled when the network closes: streams complain of a handler that ends so
        with contextlib.suppress(asyncio.CancelledError):
            await self._carry(connection, (reader, writer), theirs)

    async def _carry(self, connection: _Connection, ours: _Streams, theirs: _Streams) -> None:
        try:
            await asyncio.gather(self._pump(connection, ours[0], theirs[1]), self._pump(connection, theirs[0], ours[1]))
        finally:
            connection.abort()
            self.connections.discard(connection)

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if connection.abandoned:
                    continue
                writer.write(data)
                await writer.drain()
        # the other side's end is passed on, unless nothing is
        if not connection.abandoned:
            connection.abort()


class Network:
    """``doors`` are the ports to listen on, each with the port of its broker. Numbers count them from 0."""

    def __init__(self, doors: dict[int, int]) -> None:
        self._loop = asyncio.new_event_loop()
        self._doors = [_Door(target) for target in doors.values()]
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._do(self._open(list(doors)))

    def cut(self, number: int | None) -> None:
        """Break every connection to a broker; None: to all."""
        self._do(self._cut(number))

    def abandon(self, number: int) -> None:
        """Connections that are open stay so, and swallow what is sent, in both directions."""
        self._do(self._abandon(number))

    def delay(self, seconds: float) -> None:
        """Hold back each piece of data for so long."""
        for door in self._doors:
            door.delay_s = seconds

    def refuse(self, number: int, refusing: bool) -> None:
        """Whether new connections to a broker are refused."""
        self._doors[number].refusing = refusing

    def heal(self) -> None:
        """A good network from now on; what was abandoned stays so."""
        self.delay(0)
        for number in range(len(self._doors)):
            self.refuse(number, False)

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self, ports: list[int]) -> None:
        for port, door in zip(ports, self._doors, strict=True):
            door.server = await asyncio.start_server(door.serve, "127.0.0.1", port)

    async def _cut(self, number: int | None) -> None:
        for door in self._doors if number is None else [self._doors[number]]:
            for connection in list(door.connections):
                connection.abort()

    async def _abandon(self, number: int) -> None:
        for connection in self._doors[number].connections:
            connection.abandoned = True

    async def _close(self) -> None:
        for door in self._doors:
            if door.server is not None:
                door.server.close()
        await self._cut(None)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # what was aborted is closed in the loop's next rounds
        await asyncio.sleep(0.1)
