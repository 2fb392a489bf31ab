"""The live view: how far each call has gone in, and how much of it is out again."""

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deid_stream.demo.stage import Progress
from deid_stream.model.topics import ANALYTICS_AUDIO, ANALYTICS_TRANSCRIPTS


def view(progress: Progress) -> Group:
    """One row a call."""
    table = Table(title="Calls", title_justify="left")
    table.add_column("call")
    table.add_column("customer")
    table.add_column("in", width=24)
    for name in ("records in", "audio out", "text out", "held back s"):
        table.add_column(name, justify="right")
    table.add_column("")
    closed = progress.collected.closed_calls()
    for call in progress.calls:
        call_id = call.header.call_id
        sent, planned = progress.sent[call_id], progress.planned[call_id]
        audio = len(progress.collected.of(ANALYTICS_AUDIO.name, call_id))
        text = len(progress.collected.of(ANALYTICS_TRANSCRIPTS.name, call_id))
        held_s = (progress.chunks_sent[call_id] - audio) / 10 / call.wav.format.channels
        table.add_row(
            call.name,
            call.header.customer_id,
            ProgressBar(total=planned, completed=sent, width=24),
            f"{sent}/{planned}",
            f"{audio}/{progress.chunks[call_id]}",
            f"{text}/{len(call.final_segments)}",
            f"{held_s:.1f}",
            Text("closed", "green") if call_id in closed else Text("live" if sent else ""),
        )
    return Group(table, Text(progress.state, "dim"))
