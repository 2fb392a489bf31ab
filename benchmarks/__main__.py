"""``python -m benchmarks``: everything, to ``benchmarks/results/``. ``--quick``: under a minute, one JSON line.

Sections (``--only``): stages, text, capacity, shapes, drain, workers, endurance. Apache Kafka is measured too where
``KAFKA_HOME`` names one. Figures of one run belong together; compare ratios, not seconds, between machines.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.brokers import kinds
from benchmarks.capacity import Step, best, measure, search
from benchmarks.drain import drain
from benchmarks.load import Shape
from benchmarks.stages import presidio, stages
from benchmarks.systems import COPY, FAUST, OURS, copy_librdkafka
from benchmarks.workers import quotas_here, scaling

ENDURANCE_S = 600.0
RESULTS = Path(__file__).parent / "results"
SHAPES = (
    Shape(20, "two"),
    Shape(100, "two"),
    Shape(1000, "two"),
    Shape(100, "mono"),
    Shape(100, "interleaved"),
    Shape(100, "two", "s16le"),
)


def machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def text() -> dict[str, Any]:
    own, peer = stages(calls=4, media_s=5.0), presidio()
    ratio = round(own["detect_per_cpu_s"] / peer["per_cpu_s"], 2) if peer else None
    return {"deid_stream_per_cpu_s": own["detect_per_cpu_s"], "presidio": peer, "ratio": ratio}


def _found(steps: list[Step], half: Step | None = None) -> dict[str, Any]:
    held = best(steps)
    return {
        "calls_held": held.calls if held else 0,
        "half": half.row() if half else None,
        "calls_by_cpu": round(max((step.calls_by_cpu for step in steps if not step.error), default=0)),
        "steps": [step.row() for step in steps],
    }


def capacity() -> dict[str, Any]:
    shape, seconds = Shape(), 8.0
    found: dict[str, Any] = {}
    for kind in kinds():
        steps = search(OURS, kind, shape, first=200, limit=2000, tries=4, seconds=seconds)
        held = best(steps)
        # what is promised at half of what it holds, over longer than a step: a p99 wants many releases
        half = measure(OURS, kind, shape, held.calls // 2, seconds=3 * seconds) if held else None
        found[f"deid-stream on {kind}"] = _found(steps, half)
        found[f"aiokafka copy on {kind}"] = _found(
            search(COPY, kind, shape, first=300, limit=2000, tries=3, seconds=seconds)
        )
        bare = copy_librdkafka(transactions=kind == "kafka")
        found[f"{bare.name} on {kind}"] = _found(
            search(bare, kind, shape, first=600, limit=2000, tries=3, seconds=seconds)
        )
    # Faust waits for fetches in a way that the embedded broker answers late, so it is measured on Kafka if it can be
    kind = kinds()[-1]
    found[f"Faust + Presidio on {kind}"] = _found(
        search(FAUST, kind, shape, first=20, limit=400, tries=3, seconds=seconds)
    )
    return found


def shapes() -> dict[str, Any]:
    return {
        shape.name: measure(OURS, "embedded", shape, 100 if shape.chunk_ms >= 100 else 40, seconds=8.0, scripts=6).row()
        for shape in SHAPES
    }


def drains() -> dict[str, Any]:
    return {f"{system.name} on {kind}": drain(system, kind).row() for kind in kinds() for system in (COPY, OURS)}


def workers() -> dict[str, Any]:
    if not quotas_here():
        print("workers: CPU quotas need root on Linux; left out", file=sys.stderr)
        return {}
    return scaling()


def endurance() -> dict[str, Any]:
    """Ten minutes at three quarters of what was held last: neither delay nor memory may creep. On Apache Kafka where
    there is one: the embedded broker itself slows down with what it has stored."""
    kind = kinds()[-1]
    known = RESULTS / "capacity.json"
    found = json.loads(known.read_text())["result"].get(f"deid-stream on {kind}") if known.exists() else None
    held = found["calls_held"] if found else 200
    return measure(OURS, kind, Shape(), held * 3 // 4, seconds=ENDURANCE_S, scripts=24).row()


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "stages": stages,
    "text": text,
    "drain": drains,
    "capacity": capacity,
    "shapes": shapes,
    "workers": workers,
    "endurance": endurance,
}


def quick() -> dict[str, Any]:
    began = time.monotonic()
    own = stages(calls=6, media_s=8.0)
    step = measure(OURS, "embedded", Shape(), 60, seconds=5.0, scripts=4)
    copied = drain(COPY, "embedded", duration_s=300)
    drained = drain(OURS, "embedded", duration_s=300)
    return {
        "calls": step.calls,
        "held": step.held,
        "p50_ms": step.p50_ms,
        "p99_ms": step.p99_ms,
        "calls_by_cpu": round(step.calls_by_cpu),
        "mb_a_call": round((step.rss_mb - step.rss_idle_mb) / step.calls, 2),
        "ready_s": round(step.start_s, 2),
        "times_real_time": drained.row()["times_real_time"],
        "records_per_cpu_s_of_copy": round(
            (drained.audio_records / drained.cpu_s) / (copied.audio_records / copied.cpu_s), 2
        ),
        "detect_per_cpu_s": own["detect_per_cpu_s"],
        "pipeline_us_per_audio_record": own["pipeline_us_per_audio_record"],
        "audio_path_us_per_audio_record": own["audio_path_us_per_audio_record"],
        "seconds": round(time.monotonic() - began, 1),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, one JSON line, no files")
    parser.add_argument("--only", choices=list(SECTIONS), action="append", help="only these sections; may be repeated")
    arguments = parser.parse_args()
    if arguments.quick:
        print(json.dumps(quick()))
        return
    RESULTS.mkdir(exist_ok=True)
    for name in arguments.only or SECTIONS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        result = {"machine": machine(), "result": SECTIONS[name]()}
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(report.write(RESULTS), file=sys.stderr)


if __name__ == "__main__":
    main()
