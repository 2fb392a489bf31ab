"""``spotcheck``: a second recogniser listens to a sample of what was released."""

import asyncio

import click
import msgspec

from deid_stream.commands.options import (
    CONNECTION,
    READER,
    SPOTCHECK,
    cluster,
    json_option,
    print_json,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.errors import counted


@click.command(short_help="Listen again to a sample of released calls; take back what leaked.")
@click.option("--once", is_flag=True, help="Check the calls in the topic that no run has checked yet, then end.")
@settings_options(CONNECTION, SPOTCHECK, READER)
@json_option
def spotcheck(once: bool, settings: Settings, as_json: bool) -> None:
    """Listen again to a sample of released calls, with a second recogniser (extra `spotcheck`), until stopped.

    If it hears a word that should have been silenced, the call is quarantined: its records are taken back by
    tombstones, and the audit and the metric deid_spotcheck_calls_total say so. A new group begins with the calls that
    close from now on, or with --once at the oldest call in the topic.
    """
    from deid_stream.observe import logs
    from deid_stream.spotcheck.run import run_spotcheck
    from deid_stream.spotcheck.whisper import SecondRecogniser

    cluster(settings, "deid-stream-spotcheck")
    logs.configure(settings.log_level)
    totals = asyncio.run(run_spotcheck(settings, SecondRecogniser(), once=once))
    if as_json:
        print_json(msgspec.structs.asdict(totals))
        return
    results = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in totals.results.items() if count)
    click.echo(f"{counted(totals.calls, 'call')} closed, of the sample: {results or 'none'}")
    for call_id in totals.quarantined:
        click.echo(f"quarantined: {call_id}")
