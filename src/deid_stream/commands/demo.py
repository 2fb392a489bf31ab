"""``demo``: the whole service on sample calls, and the verdict."""

import asyncio
import os
from pathlib import Path
from typing import Final

import click

from deid_stream.commands.options import CONNECTION, cluster, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.errors import ConfigError, counted, install
from deid_stream.runtime.clock import wall_clock_ms

_NEXT: Final = """\
Listen to {out}/{longest}/before.wav and after.wav, look at {out}/{longest}/picture.png; the transcripts are beside
them, the figures in {out}/report.json.
Next: `deid-stream serve` to send your own records, `deid-stream replay CALL.wav CALL.call.json --out DIR` for
recordings; docs/getting-started.md."""


@click.command(short_help="Play sample calls through the whole service and check what comes out.")
@click.option("--pace", type=click.FloatRange(0.1, 1000), default=20.0, show_default=True, help="Times live speed.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Folder for the audio, transcripts and pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def demo(pace: float, out: Path, as_json: bool) -> int:
    """Start an embedded broker and a worker, play four sample calls of two customers (one has opted out of training)
    through them, and check everything that comes out against the samples' truth.

    The exit status is 0 only if no identifying value is left, no record was lost, and nothing else was changed.
    """
    from rich.console import Console
    from rich.live import Live

    from deid_stream.datasets.files import write_json

    try:
        from deid_stream.demo import checks, report, stage
        from deid_stream.demo.live import view
    except ModuleNotFoundError as error:
        raise ConfigError(f"the demo needs {error.name}; {install('demo')}") from None

    console = Console(stderr=as_json, width=None if os.isatty(1) else 120)
    out.mkdir(parents=True, exist_ok=True)
    log = out / "worker.log"
    log.unlink(missing_ok=True)
    calls = stage.load_samples()
    progress = stage.Progress(calls)
    console.print(f"Playing {len(calls)} sample calls at {pace:g} times live speed through a broker and a worker ...")
    with Live(view(progress), console=console, refresh_per_second=8, transient=True) as live:
        asyncio.run(stage.perform(progress, pace=pace, log=log, meanwhile=lambda now, _: live.update(view(now))))
        live.update(view(progress))
    after = {call.header.call_id: report.after_wav(call, progress.collected) for call in calls}
    verdicts, left = checks.check_all(calls, after, progress.collected, progress.chunks, stage.OPTED_OUT)
    roles = ("agent", "customer")
    for call in calls:
        report.write_call(out / call.name, call, after[call.header.call_id], progress.collected, roles)
    ok = all(check.ok for check in verdicts)
    result = {
        "ok": ok,
        "checks": verdicts,
        "spans": left,
        "topics": report.topic_counts(progress.collected),
        "repeats": progress.collected.repeats,
    }
    write_json(out / "report.json", result)
    if as_json:
        print_json(result)
        return 0 if ok else 1
    for call in calls:
        report.show_transcript(console, call, progress.collected, roles)
    report.show_topics(console, progress.collected, sorted({call.header.customer_id for call in calls}))
    report.show_residuals(console, left)
    report.show_checks(console, verdicts)
    if not ok:
        for line in stage.log_tail(log):
            console.print(line, markup=False, style="dim")
    console.print(_NEXT.format(out=out, longest=max(calls, key=lambda call: call.wav.duration_ms).name), markup=False)
    return 0 if ok else 1


@click.command(short_help="Play the sample calls into a broker's topics, as fast as they were spoken.")
@click.option("--repeat", is_flag=True, help="Begin again when they have ended, under other call ids, until stopped.")
@settings_options(CONNECTION)
def play(repeat: bool, settings: Settings) -> None:
    """Send the four sample calls of two customers (one has opted out of training) to a deployment's topics, at the
    speed of a call, and a policy for each customer who has none. For trying a deployment out and for its dashboards;
    never where real calls are.
    """
    from deid_stream.demo import stage
    from deid_stream.demo.player import play as play_calls
    from deid_stream.demo.player import renamed, script
    from deid_stream.kafka.reading import read_to_end
    from deid_stream.model.topics import POLICIES

    async def run() -> None:
        kafka = cluster(settings, "deid-stream-play")
        calls, prefix = stage.load_samples(), settings.topic_prefix
        known = {record.key for record in await read_to_end(kafka, prefix + POLICIES.name)}
        async with kafka.sender() as sender:
            await sender.send([record for record in stage.policies(calls, prefix) if record.key not in known])
        while True:
            start_ms = wall_clock_ms()
            cues = script([renamed(call, f"-{start_ms}") for call in calls])
            await play_calls(kafka, cues, start_ms=start_ms, pace=1.0, prefix=prefix)
            click.echo(f"played: {counted(len(calls), 'call')}", err=True)
            if not repeat:
                return

    asyncio.run(run())
