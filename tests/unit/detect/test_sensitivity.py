"""Sensitivity: more or less of what the model only guesses goes; what has a form always goes."""

from typing import get_args

import pytest

from deid_stream.config import SensitivityName
from deid_stream.detect.detector import Detector, DetectorSettings, Sensitivity
from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.model.sensitivity import LOG_ODDS, shifted

TEXT = "so gail or fuse told me that mandolin and aide are with swiish"
"""Words of which the model is unsure."""


@pytest.mark.parametrize(
    ("threshold", "log_odds", "expected"),
    [
        (0.5, 0.0, 0.5),
        (0.3, 0.0, 0.3),
        (0.5, 1.0, 0.2689),
        (0.5, -1.0, 0.7311),
        (0.3, 1.0, 0.1362),
        (0.3, -1.0, 0.5381),
    ],
)
def test_a_threshold_moves_by_log_odds(threshold: float, log_odds: float, expected: float) -> None:
    assert shifted(threshold, log_odds) == pytest.approx(expected, abs=1e-4)


def test_the_points_lie_in_order_and_the_default_is_the_model_as_it_was_measured() -> None:
    assert LOG_ODDS[Sensitivity.STRICT] > LOG_ODDS[Sensitivity.BALANCED] == 0.0 > LOG_ODDS[Sensitivity.LIGHT]
    assert DetectorSettings().sensitivity is Sensitivity.BALANCED
    assert set(LOG_ODDS) == set(Sensitivity)


def test_the_setting_names_every_point() -> None:
    assert get_args(SensitivityName) == tuple(Sensitivity)


def test_the_model_takes_more_the_more_is_added() -> None:
    taken = [
        sum(d.end - d.start for d in NeuralTagger.load(log_odds=log_odds).tag(TEXT)) for log_odds in (-8.0, 0.0, 8.0)
    ]
    assert taken[0] < taken[1] < taken[2]


@pytest.mark.parametrize("sensitivity", list(Sensitivity))
def test_what_has_a_form_goes_at_every_point(sensitivity: Sensitivity) -> None:
    conversation = Detector.load(DetectorSettings(sensitivity=sensitivity)).conversation(bytes(32))
    text = "my card is 4111 1111 1111 1111"
    assert [text[s.start : s.end] for s in conversation.turn(text, "caller")] == ["4111 1111 1111 1111"]
