"""``worker``, ``serve``, ``dashboard`` and ``broker``: processes that run until they are stopped."""

import asyncio
import contextlib
import importlib.util
import os
import secrets
import signal
import threading

import click
import msgspec

from deid_stream.commands.options import (
    CONNECTION,
    CUSTODY,
    DASHBOARD,
    READER,
    TOPICS,
    TRY_SERVE,
    WORKER,
    require_broker,
    settings_options,
)
from deid_stream.config import A_DIGEST_KEY, Settings
from deid_stream.errors import ConfigError, DigestKeyError, install
from deid_stream.kafka.connection import transport_risks

_PORT = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=9092,
    show_default=True,
    help="Port of the embedded broker; 0: any free one.",
)


@click.command(short_help="Run only the embedded Kafka-compatible broker.")
@_PORT
@settings_options({"topic_prefix": CONNECTION["topic_prefix"], "partitions": TOPICS["partitions"]})
def broker(port: int, settings: Settings) -> None:
    """Run only the embedded Kafka-compatible broker, with the topics created, until stopped.

    It keeps everything in memory, so all is lost when it ends: for trying things out, not for production.
    """
    from deid_stream.kafka.embedded.broker import EmbeddedBroker

    with EmbeddedBroker(port) as running:
        local = _local(settings, running.bootstrap_servers)
        asyncio.run(_create_topics(local))
        click.echo(f"embedded broker on {running.bootstrap_servers}; Ctrl-C stops it")
        _wait_for_signal()


def _wait_for_signal() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


def _local(settings: Settings, servers: str) -> Settings:
    """Settings for the embedded broker, which has neither users nor certificates."""
    return msgspec.structs.replace(
        settings,
        bootstrap_servers=servers,
        security_protocol="PLAINTEXT",
        replication_factor=1,
        digest_key=settings.digest_key or ("" if settings.digest_key_file else os.urandom(32).hex()),
    )


async def _create_topics(settings: Settings) -> None:
    from deid_stream.kafka import topics_admin
    from deid_stream.kafka.connect import connect

    await topics_admin.create(
        connect(settings, "deid-stream-topics"),
        prefix=settings.topic_prefix,
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
    )


@click.command(short_help="Run the production worker.")
@settings_options(CONNECTION, WORKER, CUSTODY)
def worker(settings: Settings) -> int:
    """Run the worker until it is stopped (SIGTERM: finish the batch, commit, leave the group)."""
    require_broker(settings, TRY_SERVE)
    return _work(settings)


def _work(settings: Settings) -> int:
    from deid_stream.observe import logs
    from deid_stream.worker.run import run_worker

    logs.configure(settings.log_level)
    for _ in transport_risks(settings):
        logs.get_log("worker").warning("calls or credentials go over the network in clear; see deid-stream doctor")
    return asyncio.run(run_worker(settings))


@click.command(short_help="Run worker, control plane and dashboard, with an embedded broker where none is configured.")
@_PORT
@settings_options(CONNECTION, TOPICS, WORKER, CUSTODY, DASHBOARD)
def serve(port: int, settings: Settings) -> int:
    """Run the whole service until stopped. Where no broker is configured, an embedded one (in memory, on 127.0.0.1) is
    started with it, and the topics are created."""
    from deid_stream.kafka.embedded.broker import EmbeddedBroker

    if settings.bootstrap_servers:
        _require_key(settings)
        return _serve(settings)
    with EmbeddedBroker(port) as running:
        local = _local(settings, running.bootstrap_servers)
        asyncio.run(_create_topics(local))
        click.echo(
            f"embedded broker on {running.bootstrap_servers}, worker and control plane starting; Ctrl-C stops all",
            err=True,
        )
        return _serve(local)


def _require_key(settings: Settings) -> None:
    """Raises DigestKeyError where no digest key is given: ``serve`` makes one up for its embedded broker only, and
    starts none where brokers are named."""
    if not (settings.digest_key or settings.digest_key_file or settings.insecure_ephemeral_key):
        raise DigestKeyError(
            "no embedded broker was started, because bootstrap_servers (DEID_BOOTSTRAP_SERVERS) names "
            f"{settings.bootstrap_servers}, and for that one there is no digest key: unset DEID_BOOTSTRAP_SERVERS to "
            f"have the embedded broker, or set DEID_DIGEST_KEY to {A_DIGEST_KEY}; to try it out: "
            "--insecure-ephemeral-key"
        )


def _serve(settings: Settings) -> int:
    """The worker and the control plane, with the dashboard where its extra is installed."""
    from deid_stream.observe import logs
    from deid_stream.worker.run import run_worker

    logs.configure(settings.log_level)
    shown = _may_show_dashboard(settings)
    if shown and not settings.secret_dashboard_token():
        settings = msgspec.structs.replace(settings, dashboard_token=secrets.token_urlsafe(24))
        click.echo(
            f"access token of this run's dashboard, for sound and requests' names: {settings.dashboard_token}",
            err=True,
        )

    async def all_of_it() -> int:
        async with contextlib.AsyncExitStack() as stack:
            if shown:
                from deid_stream.dashboard.run import serving

                click.echo(f"dashboard on {await stack.enter_async_context(serving(settings))}", err=True)
            try:
                from deid_stream.control.run import member
            except ModuleNotFoundError:
                click.echo(f"no control plane: it needs faust-streaming; {install('control')}", err=True)
            else:
                from deid_stream.worker.supervise import beside

                await stack.enter_async_context(beside(_beside_worker(settings), member))
            return await run_worker(settings)

    return asyncio.run(all_of_it())


def _may_show_dashboard(settings: Settings) -> bool:
    if not settings.dashboard_port:
        return False
    if importlib.util.find_spec("aiohttp") is not None:
        return True
    click.echo(f"no dashboard: it needs aiohttp; {install('dashboard')}", err=True)
    return False


def _beside_worker(settings: Settings) -> Settings:
    """The settings of the control plane beside the worker: its metrics port is the one after the workers' ports."""
    port = settings.metrics_port and settings.metrics_port + settings.processes
    return msgspec.structs.replace(settings, metrics_port=port)


@click.command(short_help="Run only the dashboard.")
@settings_options(
    CONNECTION,
    DASHBOARD,
    READER,
    {name: WORKER[name] for name in ("region", "hash_ids", "digest_key_file", "log_level")},
)
def dashboard(settings: Settings) -> int:
    """Serve the dashboard (extra `dashboard`) until stopped: what the deployment does now, call by call. It is
    read-only; its Kafka user reads sanitized topics only, and writes the audit if listening is allowed. Give --region
    and --hash-ids as the workers have them, or it shows wrong permissions and names."""
    require_broker(settings, TRY_SERVE)
    if importlib.util.find_spec("aiohttp") is None:
        raise ConfigError(f"the dashboard needs aiohttp; {install('dashboard')}")
    from deid_stream.dashboard.run import serving
    from deid_stream.observe import hooks, logs

    logs.configure(settings.log_level)

    async def until_stopped() -> int:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(hooks.loop_handler())
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        async with serving(settings) as address:
            click.echo(f"dashboard on {address}", err=True)
            await stopped.wait()
        return 0

    return asyncio.run(until_stopped())
