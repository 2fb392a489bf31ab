"""The dashboard as a server of its own, or beside a worker in one process."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from aiohttp import web

from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring, read_keys
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.feed import Feed
from deid_stream.dashboard.pages import Guard, application, hosts_of
from deid_stream.errors import ConfigError
from deid_stream.kafka.connect import connect
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.observe.logs import get_log
from deid_stream.policy.table import PolicyTable
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.runtime.tasks import cancelled

log = get_log("dashboard")


def assemble(settings: Settings) -> tuple[web.Application, Feed]:
    """The application with the pages, to be served or mounted, and the feed that fills it, to be run. Raises
    ConfigError."""
    ids = IdPseudonyms(key_ring(settings)) if settings.hash_ids else None
    board = Board(PolicyTable(settings.region, ids))
    feed = Feed(connect(settings, "deid-stream-dashboard"), settings.topic_prefix, board, read_keys(settings))
    hosts = hosts_of(settings.dashboard_host, settings.dashboard_hosts)
    guard = Guard(settings.secret_dashboard_token(), hosts)
    return application(board, feed, guard, wall_clock_ms), feed


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serve the pages while the context is open; gives their address. Raises ConfigError where the port is taken or not
    allowed."""
    app, feed = assemble(settings)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    following = asyncio.create_task(feed.run(), name="dashboard")
    try:
        site = web.TCPSite(runner, settings.dashboard_host, settings.dashboard_port)
        try:
            await site.start()
        except OSError as error:
            place = f"{settings.dashboard_host}:{settings.dashboard_port}"
            number = error.errno or 0  # asyncio's text says the address again; below 0 it is the resolver's
            why = os.strerror(number) if number > 0 else "no such address"
            raise ConfigError(
                f"cannot serve the dashboard on {place}: {why}; set dashboard_host and dashboard_port (0: none)"
            ) from None
        yield f"http://{settings.dashboard_host}:{settings.dashboard_port}"
    finally:
        await cancelled(following)
        await runner.cleanup()
