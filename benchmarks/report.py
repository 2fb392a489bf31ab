"""From ``results/*.json`` to one Markdown table a section, and plots."""

import json
import statistics
from pathlib import Path
from typing import Any


def _load(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    return json.loads(path.read_text())["result"] if path.exists() else {}


def _table(head: list[str], rows: list[list[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows), ""]


def write(folder: Path) -> Path:
    """``results.md`` and ``capacity.png`` beside the JSON files; the path of the table."""
    lines = ["# Benchmark results", ""]
    if capacity := _load(folder, "capacity"):
        lines += ["## Live stereo calls, 100 ms chunks, one core", ""]
        lines += _table(
            ["system", "held within 100 ms p99", "calls that would fill the core"],
            [[name, found["calls_held"], found["calls_by_cpu"]] for name, found in capacity.items()],
        )
        if halves := {name: found["half"] for name, found in capacity.items() if found.get("half")}:
            lines += ["Delay added after the record that allows a release, at half of what is held:", ""]
            lines += _table(
                ["system", "calls", "p50 ms", "p99 ms", "own p50 ms", "own p99 ms", "CPU of one core"],
                [
                    [
                        name,
                        s["calls"],
                        s["p50_ms"],
                        s["p99_ms"],
                        s["own_p50_ms"],
                        s["own_p99_ms"],
                        round(s["cpu_share"], 2),
                    ]
                    for name, s in halves.items()
                ],
            )
        lines += _table(
            ["system", "calls", "p50 ms", "p99 ms", "CPU of one core", "broker CPU", "MB"],
            [
                [
                    name,
                    s["calls"],
                    s["p50_ms"],
                    s["p99_ms"],
                    round(s["cpu_share"], 2),
                    round(s["broker_cpu_share"], 2),
                    round(s["rss_mb"]),
                ]
                for name, found in capacity.items()
                for s in found["steps"]
            ],
        )
        _plot(folder, capacity)
    if drains := _load(folder, "drain"):
        lines += ["## One hour of one stereo call, from a backlog", ""]
        lines += _table(
            ["system", "times real time", "a core", "audio records/s", "audio records/CPU s"],
            [
                [
                    name,
                    d["times_real_time"],
                    d["times_real_time_a_core"],
                    d["audio_records_per_s"],
                    d["audio_records_per_cpu_s"],
                ]
                for name, d in drains.items()
            ],
        )
    if shapes := _load(folder, "shapes"):
        lines += ["## By shape of the audio", ""]
        lines += _table(
            ["shape", "calls", "p50 ms", "p99 ms", "CPU", "calls that would fill the core", "MB a call", "ready s"],
            [
                [
                    name,
                    s["calls"],
                    s["p50_ms"],
                    s["p99_ms"],
                    round(s["cpu_share"], 2),
                    s["calls_by_cpu"],
                    round((s["rss_mb"] - s["rss_idle_mb"]) / s["calls"], 2),
                    round(s["start_s"], 2),
                ]
                for name, s in shapes.items()
            ],
        )
    if text := _load(folder, "text"):
        peer = text["presidio"]
        lines += ["## Text stage", ""]
        rows = [["deid-stream", text["deid_stream_per_cpu_s"]], ["Presidio", round(peer.get("per_cpu_s", 0))]]
        lines += _table(["detector", "utterances / CPU s"], rows)
    if stages := _load(folder, "stages"):
        lines += ["## Stages, without a broker", ""]
        lines += _table(
            ["stage", "cost"],
            [
                [label, cost]
                for name, value in stages.items()
                for label, cost in (
                    [(f"{name}: {part}", part_cost) for part, part_cost in value.items()]
                    if isinstance(value, dict)
                    else [(name, value)]
                )
            ],
        )
    if workers := _load(folder, "workers"):
        lines += ["## Two workers", ""]
        lines += _table(
            ["processes", "share of a core each", "audio records/s, each round"],
            [
                [n, workers["share_of_a_core"], ", ".join(map(str, workers[f"{n}_records_per_s"]))]
                for n in ("one", "two")
            ],
        )
        lines += [f"Two are {workers['scaling']} times one, by the medians.", ""]
    if endurance := _load(folder, "endurance"):
        lines += ["## Ten minutes", ""]
        samples: list[tuple[float, float]] = endurance["samples"]
        minutes = [statistics.median(mb for at, mb in samples if m * 60 <= at < m * 60 + 60) for m in range(10)]
        lines += _table(
            ["calls", "p50 ms", "p99 ms", "largest p99 of a second", "CPU of one core", "MB, median of each minute"],
            [
                [
                    endurance["calls"],
                    endurance["p50_ms"],
                    endurance["p99_ms"],
                    max(endurance["p99_by_second_ms"]),
                    round(endurance["cpu_share"], 2),
                    " ".join(f"{mb:.0f}" for mb in minutes),
                ]
            ],
        )
    if soak := _load(folder, "soak"):
        lines += ["## Calls in sequence, one partition", ""]
        samples = soak["samples"]
        lines += _table(
            ["calls", "seconds", "MB", "objects", "live", "closed ids kept", "bytes held"],
            [
                [s["calls"], s["seconds"], s["rss_mb"], s["objects"], s["live"], s["closed"], s["held_bytes"]]
                for s in (*samples[:: max(1, len(samples) // 10)], samples[-1])
            ],
        )
    path = folder / "results.md"
    path.write_text("\n".join(lines))
    return path


def _plot(folder: Path, capacity: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (delay, load) = plt.subplots(1, 2, figsize=(11, 4))
    for name, found in capacity.items():
        steps = sorted((s for s in found["steps"] if not s["error"]), key=lambda s: s["calls"])
        calls = [s["calls"] for s in steps]
        delay.plot(calls, [s["p99_ms"] for s in steps], marker="o", label=name)
        load.plot(calls, [s["cpu_share"] for s in steps], marker="o", label=name)
    delay.axhline(100, color="grey", linestyle=":")
    delay.set(xlabel="live stereo calls", ylabel="p99 added delay, ms", xscale="log", yscale="log")
    load.set(xlabel="live stereo calls", ylabel="CPU of one core", xscale="log")
    load.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "capacity.png", dpi=110)
    plt.close(figure)
