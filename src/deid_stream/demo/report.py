"""Shows the demo's results as tables on the terminal, and writes audio, transcripts, pictures and a report to files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deid_stream.audio.codec.pcm import parse_content_type
from deid_stream.datasets.callfile import CallFile
from deid_stream.datasets.files import atomic_writer
from deid_stream.datasets.replay import Piece, Redacted, compose
from deid_stream.datasets.wav import WavFile, write_wav
from deid_stream.demo.checks import Check, Residual
from deid_stream.demo.listener import OUTPUT_TOPICS, Collected
from deid_stream.demo.picture import draw
from deid_stream.model.json import JsonObject
from deid_stream.model.topics import ANALYTICS_AUDIO, ANALYTICS_TRANSCRIPTS, AUDIT
from deid_stream.units import Interval, merge

_LABEL: Final = re.compile(r"\[[A-Z_]+(?:_\d+)?\]")


_NEVER_FINAL: Final = "(never final: withheld)"
_MISSING: Final = "(did not come out)"


class Line(msgspec.Struct, frozen=True):
    """One segment before and after."""

    channel: int
    start_ms: int
    before: str
    after: str


def after_wav(call: CallFile, collected: Collected) -> WavFile:
    """The call as the analytics topic has it, on its own timeline; what did not come is silence."""
    pieces = []
    for record in collected.of(ANALYTICS_AUDIO.name, call.header.call_id):
        channel = record.header("ce_channel")
        fmt = parse_content_type(record.header("content-type") or b"")
        if fmt.rate_hz == call.wav.format.rate_hz and record.value is not None:
            offset_ms = int(record.header("ce_offsetms") or 0)
            pieces.append(Piece(None if channel is None else int(channel), offset_ms, record.value))
    return compose(call.wav, pieces)


def lines(call: CallFile, collected: Collected) -> list[Line]:
    """The transcript before and after, in the order of speaking."""
    published = {}
    for record in collected.of(ANALYTICS_TRANSCRIPTS.name, call.header.call_id):
        value = msgspec.json.decode(record.value or b"{}")
        published[value.get("segment_id")] = value
    found = []
    for segment in call.header.segments:
        absent = _NEVER_FINAL if segment.get("is_final") is False else _MISSING
        after = published.get(segment["segment_id"], {}).get("text", absent)
        found.append(Line(segment["channel"], segment["start_ms"], segment["text"], after))
    return found


def silenced(call: CallFile, collected: Collected) -> list[Redacted]:
    """What the audit says was silenced."""
    found: dict[tuple[int, str], list[Interval]] = {}
    for record in collected.of(AUDIT.name, call.header.call_id):
        entry = msgspec.json.decode(record.value or b"{}")
        if entry.get("action") == "silenced":
            end_ms = min(entry["end_ms"], call.wav.duration_ms)
            found.setdefault((entry["channel"], entry["reason"]), []).append(Interval(entry["start_ms"], end_ms))
    return sorted(
        Redacted(channel, span.start, span.end, reason)
        for (channel, reason), spans in found.items()
        for span in merge(spans)
    )


def write_call(folder: Path, call: CallFile, after: WavFile, collected: Collected, roles: Sequence[str]) -> None:
    """``before.wav``, ``after.wav``, ``transcript.md``, ``picture.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_wav(folder / "before.wav", call.wav)
    write_wav(folder / "after.wav", after)
    rows = [f"| {roles[line.channel]} | {line.before} | {line.after} |" for line in lines(call, collected)]
    head = [f"# {call.name} ({call.header.customer_id})", "", "| | before | after |", "|---|---|---|"]
    with atomic_writer(folder / "transcript.md") as out:
        out.write(("\n".join([*head, *rows]) + "\n").encode())
    draw(folder / "picture.png", call, after, silenced(call, collected), roles)


def topic_counts(collected: Collected) -> list[JsonObject]:
    """Records and bytes of each output topic, by customer."""
    rows = []
    for topic in OUTPUT_TOPICS:
        records = collected.of(topic)
        customers: dict[str, int] = {}
        for record in records:
            customer = (record.header("ce_customerid") or b"").decode()
            if customer:
                customers[customer] = customers.get(customer, 0) + 1
        size = sum(len(record.value or b"") for record in records)
        rows.append(
            {"topic": topic, "records": len(records), "bytes": size, "customers": dict(sorted(customers.items()))}
        )
    return rows


def show_topics(console: Console, collected: Collected, customers: Sequence[str]) -> None:
    """What came out on each topic."""
    table = Table(title="What came out", title_justify="left")
    table.add_column("topic")
    for name in ("records", "kB", *customers):
        table.add_column(name, justify="right")
    for row in topic_counts(collected):
        by_customer = [str(row["customers"].get(customer, 0)) if row["customers"] else "" for customer in customers]
        table.add_row(row["topic"], str(row["records"]), f"{row['bytes'] / 1000:.0f}", *by_customer)
    console.print(table)


def show_transcript(console: Console, call: CallFile, collected: Collected, roles: Sequence[str]) -> None:
    """Before and after, side by side."""
    table = Table(title=f"{call.name} ({call.header.customer_id})", title_justify="left", expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("before", ratio=1)
    table.add_column("after", ratio=1)
    for line in lines(call, collected):
        after = Text(line.after)
        after.highlight_regex(_LABEL, "bold green")
        table.add_row(roles[line.channel], Text(line.before), after)
    console.print(table)


def show_residuals(console: Console, left: Sequence[Residual]) -> None:
    """What is left of each span in the sound."""
    table = Table(title="What is left of each span", title_justify="left")
    for name in ("call", "entity"):
        table.add_column(name)
    for name in ("from s", "to s", "audible ms"):
        table.add_column(name, justify="right")
    for entry in left:
        style = "red" if entry.audible_ms else None
        start, end = f"{entry.start_ms / 1000:.2f}", f"{entry.end_ms / 1000:.2f}"
        table.add_row(entry.call, entry.entity_type, start, end, str(entry.audible_ms), style=style)
    console.print(table)


def show_checks(console: Console, checks: Sequence[Check]) -> None:
    """The verdicts."""
    table = Table(title="Checked against the samples' truth", title_justify="left")
    table.add_column("")
    table.add_column("check")
    table.add_column("found")
    for check in checks:
        mark = Text("ok", "bold green") if check.ok else Text("FAILED", "bold red")
        table.add_row(mark, check.name, check.detail)
    console.print(table)
