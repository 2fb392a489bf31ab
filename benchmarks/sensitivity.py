"""What `strict`, `balanced` and `light` cost: the whole detector at points of one curve, on files with truth.

    python -m benchmarks.sensitivity FOLDER [--limit ROWS] [--model FOLDER] [--json FILE]

A point is a number of log-odds added to every guess of the model before it meets its label's threshold; the named
ones are in ``deid_stream.detect.model.sensitivity``. Means are over files, as in ``benchmarks.detection``.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.detection import KEY, load
from deid_stream.datasets.detecting import detect_turns
from deid_stream.datasets.reader import Gold, Turn
from deid_stream.datasets.scoring import Score
from deid_stream.detect.detector import Detector, rules
from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.model.sensitivity import LOG_ODDS
from deid_stream.detect.model.stage import ModelStage

RESULTS = Path(__file__).parent / "results" / "sensitivity.json"
POINTS = (2.0, 1.0, 0.5, 0.0, -0.5, -1.0, -2.0)
MEASURES = ("recall", "leaked", "clean_hit", "over")


def point(log_odds: float, files: dict[str, tuple[list[Turn], list[Gold]]], model: Path | None) -> dict[str, float]:
    """The four means with ``log_odds`` added to every guess."""
    detector = Detector(rules(), model=ModelStage(NeuralTagger.load(model, log_odds=log_odds)))
    found = []
    for turns, gold in files.values():
        score = Score()
        for record, predicted in zip(gold, detect_turns(turns, detector, KEY), strict=True):
            score.add(record, predicted.spans)
        found.append(score.as_dict())
    return {key: round(statistics.fmean(f[key] for f in found), 4) for key in MEASURES}


def table(points: list[dict[str, Any]]) -> str:
    lines = ["| log-odds | name | recall | leaked | clean_hit | over |", "|---|---|---|---|---|---|"]
    for found in points:
        values = " | ".join(f"{found[key]:.4f}" for key in MEASURES)
        lines.append(f"| {found['log_odds']:+.1f} | {found['name']} | {values} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, help="rows of each file")
    parser.add_argument("--model", type=Path, help="a model folder; default: the shipped one")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    files = load(arguments.folder, arguments.limit)
    names = {log_odds: str(name) for name, log_odds in LOG_ODDS.items()}
    points = [
        {"log_odds": log_odds, "name": names.get(log_odds, ""), **point(log_odds, files, arguments.model)}
        for log_odds in POINTS
    ]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(
        json.dumps({"files": {n: len(t) for n, (t, _) in files.items()}, "points": points}, indent=1)
    )
    print(table(points))


if __name__ == "__main__":
    main()
