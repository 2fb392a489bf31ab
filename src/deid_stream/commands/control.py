"""``control``: the control plane as a process."""

import importlib

import click

from deid_stream.commands.options import CONNECTION, CONTROL, CUSTODY, TRY_SERVE, require_broker, settings_options
from deid_stream.config import Settings
from deid_stream.errors import ConfigError, install
from deid_stream.kafka.connection import transport_risks


@click.command(short_help="Run the control plane: opt-outs, people's rights, retention, aggregates.")
@settings_options(CONNECTION, CONTROL, CUSTODY)
def control(settings: Settings) -> int:
    """Run the control plane (extra `control`: Faust) until stopped. One process per deployment.

    It learns from the workers which records of which call have been published. It takes them back by tombstones when a
    customer opts out of training, when a request on privacy.requests asks for it, when their retention ends, and when a
    call turns out to be a minor's. It also counts calls into deid.aggregates.
    """
    require_broker(settings, TRY_SERVE)
    check_installed()
    from deid_stream.control.run import run_process
    from deid_stream.observe import logs

    logs.configure(settings.log_level)
    for _ in transport_risks(settings):
        logs.get_log("control").warning("credentials go over the network in clear; see deid-stream doctor")
    return run_process(settings)


def check_installed() -> None:
    """Raises ConfigError where Faust is missing."""
    try:
        importlib.import_module("faust")
    except ModuleNotFoundError:
        raise ConfigError(f"the control plane needs faust-streaming; {install('control')}") from None
