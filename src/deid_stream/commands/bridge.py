"""``bridge twilio``: Media Streams in, records out."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deid_stream.commands.options import CONNECTION, require_broker, settings_options
from deid_stream.config import Settings
from deid_stream.errors import ConfigError, install
from deid_stream.runtime.clock import wall_clock_ms

if TYPE_CHECKING:
    from websockets.asyncio.server import Server

    from deid_stream.bridge.server import Bridge, Options


@click.group()
def bridge() -> None:
    """Take calls from a telephony platform into the topics."""


@bridge.command(short_help="Take Twilio Media Streams into the topics.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8090,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0: any free one.",
)
@click.option("--customer", default="", help="Customer of streams that name none by their parameter customer_id.")
@click.option(
    "--grace",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, 3_600),
    help="Seconds that a call whose stream is lost waits for a new one.",
)
@click.option(
    "--auth-token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File that holds Twilio's auth token: connections must carry its signature.",
)
@click.option("--public-url", default="", help="Address that Twilio connects to and signs: wss://HOST, without a path.")
@settings_options(CONNECTION)
def twilio(
    host: str, port: int, customer: str, grace: float, auth_token_file: Path | None, public_url: str, settings: Settings
) -> None:
    """Listen for Twilio Media Streams on ws://HOST:PORT/twilio and send their sound to the topics, in chunks of 100 ms.

    A recogniser's messages about a call go to /transcripts/PROVIDER?call_id=CALL_SID. Keys that the caller presses are
    not passed on. It has no TLS: put a proxy in front of it.
    """
    try:
        from deid_stream.bridge.server import Options
    except ImportError:
        raise ConfigError(f"the bridge needs websockets; {install('bridge')}") from None
    require_broker(settings)
    if auth_token_file is not None and not public_url.startswith(("wss://", "ws://")):
        raise ConfigError("--auth-token-file needs --public-url, the address that Twilio connects to")
    token = auth_token_file.read_text(encoding="utf-8").strip() if auth_token_file else ""
    options = Options(host, port, auth_token=token, public_url=public_url.rstrip("/"))
    asyncio.run(_run(settings, options, customer, int(grace * 1000)))


def customer_found(customer: str) -> str:
    """What is taken as the customer of a call."""
    told = 'the customer of a call is the <Parameter name="customer_id"> of its <Stream>'
    if customer:
        return f"{told}, else {customer}"
    return f"{told}; a stream without one is refused (--customer names a customer for those)"


@asynccontextmanager
async def listening(bridge: "Bridge", options: "Options") -> AsyncIterator["Server"]:
    """The bridge's server. Raises ConfigError where its address cannot be used."""
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(bridge.listening())
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"
            place = f"{options.host}:{options.port}"
            raise ConfigError(f"cannot listen on {place}: {reason}; set --host and --port (0: any free one)") from None
        yield server


async def _run(settings: Settings, options: "Options", customer: str, grace_ms: int) -> None:
    from deid_stream.bridge.calls import BridgedCalls
    from deid_stream.bridge.server import MEDIA_PATH, Bridge
    from deid_stream.kafka.connect import connect

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    calls = BridgedCalls(customer, prefix=settings.topic_prefix, grace_ms=grace_ms)
    async with connect(settings, "deid-stream-bridge").sender() as sender:
        bridge = Bridge(calls, sender, options, wall_clock_ms)
        async with listening(bridge, options) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            click.echo(f"listening on ws://{options.host}:{port}{MEDIA_PATH}")
            click.echo(customer_found(customer))
            await bridge.until(stopped)
