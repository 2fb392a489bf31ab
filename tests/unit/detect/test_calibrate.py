"""Where the thresholds of trained weights are moved to."""

import json
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from models.train import calibrate
from models.train.sentences import Example


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({0.0: (0.03, 0.01), 0.5: (0.02, 0.01), 1.0: (0.01, 0.03)}, 0.5),
        ({-0.5: (0.02, 0.01), 0.0: (0.02, 0.02), 0.5: (0.02, 0.03)}, -0.5),
        ({-0.5: (0.02, 0.01), 0.0: (0.01, 0.02), 0.5: (0.02, 0.01)}, 0.0),  # equal ones: the nearest to none
    ],
)
def test_the_point_is_taken_where_leaks_and_vain_hits_are_least_together(
    points: dict[float, tuple[float, float]], expected: float
) -> None:
    assert calibrate.best(points) == expected


def test_every_threshold_moves_by_the_same_odds(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    labels = [{"entity_type": "PERSON", "threshold": 0.3}, {"entity_type": "URL", "threshold": 0.5}]
    path.write_text(json.dumps({"labels": labels, "any_of_default": 0.5, "reach": 0.3}))
    calibrate.move(path, 0.5)
    moved = json.loads(path.read_text())
    assert [label["threshold"] for label in moved["labels"]] == [0.2063, 0.3775]
    assert (moved["any_of_default"], moved["reach"]) == (0.3775, 0.3)


def test_what_is_held_out_is_held_out_in_both_styles() -> None:
    rows = [(f"turn-{n}", Example(f"turn {n}", (), ""), heard) for n in range(500) for heard in (False, True)]
    held, rest = calibrate.split(rows)
    assert 20 < len(held) < 70
    assert not {name for name, _, _ in held} & {name for name, _, _ in rest}
    assert all(Random(name).random() < calibrate.HELD_OUT for name, _, _ in held)
