"""Where the thresholds of trained weights stand, found on turns that are neither trained on nor measured on.

    python -m models.train.calibrate MODEL_FOLDER [DATA_FOLDER]

``python -m models.train`` does the same after it has trained. Weights of different seeds are sure of their guesses to
different degrees; a fixed threshold is a different point of each one's curve. So a number of log-odds is added to all
guesses of these weights, which is the same as moving every threshold: the one at which what stays in clear and what is
redacted needlessly are least together (as shares of letters and digits, each the mean over the held-out files).
"""

import json
import sys
from pathlib import Path
from random import Random

from deid_stream.detect.detector import Detector, rules
from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.model.sensitivity import shifted
from deid_stream.detect.model.stage import ModelStage
from deid_stream.model.entities import ON_BY_DEFAULT
from deid_stream.model.spans import Span
from models.train import carriers, export, heldout, score
from models.train.sentences import Example

POINTS = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
"""Log-odds that are tried. Wider ones lie beyond `strict` and `light`."""
HELD_OUT = 0.04
_KEY = bytes(32)


def split(rows: list[tuple[str, Example, bool]]) -> tuple[list, list]:
    """One turn in twenty-five, by its id and in both styles, is never trained on."""
    held = [row for row in rows if Random(row[0]).random() < HELD_OUT]
    names = {row[0] for row in held}
    return held, [row for row in rows if row[0] not in names]


def sets(held: list[tuple[str, Example, bool]]) -> dict[str, list[score.Turn]]:
    """The held-out turns that answer no question, since only their own words are known here, and the made set."""
    alone = [row for row in held if not row[1].hint]
    made = [(f"{style}{i}", row, style == "asr") for style in ("written", "asr") for i, row in enumerate(_made(style))]
    by_style = {f"made, {name}": turns for name, turns in score.held_out(made).items()}
    return score.held_out(alone) | by_style


def _made(style: str) -> list[Example]:
    return [row for row in heldout.rows(style) if not row.hint]


def point(folder: Path, turns: dict[str, list[score.Turn]], log_odds: float) -> tuple[float, float]:
    """(leaked, over) of the whole detector with ``log_odds`` added to every guess of the model, means over the sets."""
    detector = Detector(rules(), model=ModelStage(NeuralTagger.load(folder, log_odds=log_odds)))

    def find(text: str, _: str | None) -> list[Span]:
        return [s for s in detector.conversation(_KEY).turn(text, "caller") if s.entity_type in ON_BY_DEFAULT]

    totals = [score.measure(rows, find)[0] for rows in turns.values()]
    leaked = sum(t["left"] / max(1, t["chars"]) for t in totals) / len(totals)
    over = sum(t["over"] / max(1, t["outside"]) for t in totals) / len(totals)
    return leaked, over


def best(points: dict[float, tuple[float, float]]) -> float:
    """The point with the least sum; of equal ones the nearest to none."""
    return min(points, key=lambda log_odds: (round(sum(points[log_odds]), 4), abs(log_odds)))


def calibrate(folder: Path, held: list[tuple[str, Example, bool]]) -> float:
    """Moves the thresholds in ``folder``'s ``config.json``; returns the log-odds. The model must be as it was written:
    what it was moved by before adds up."""
    turns = sets(held)
    points = {log_odds: point(folder, turns, log_odds) for log_odds in POINTS}
    for log_odds, (leaked, over) in points.items():
        print(f"log-odds {log_odds:+.2f}: leaked {leaked:.4f}, over {over:.4f}", flush=True)
    log_odds = best(points)
    move(folder / "config.json", log_odds)
    return log_odds


def move(path: Path, log_odds: float) -> None:
    config = json.loads(path.read_text("utf-8"))
    for label in config["labels"]:
        label["threshold"] = round(shifted(label["threshold"], log_odds), 4)
    config["any_of_default"] = round(shifted(config["any_of_default"], log_odds), 4)
    path.write_text(json.dumps(config, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    chosen, _ = split(carriers.read(Path(sys.argv[2]))) if len(sys.argv) > 2 else ([], [])
    print(f"moved by {calibrate(Path(sys.argv[1]), chosen):+.2f}")
    if Path(sys.argv[1]).resolve() == export.SHIPPED:
        export.pin(export.SHIPPED)
