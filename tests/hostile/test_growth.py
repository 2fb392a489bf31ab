"""The detector's work on texts that were made to be slow (by command: ``python -m tests.hostile.growth``)."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from tests.hostile import growth

BOUND = 1.6
"""Between what grows in proportion (1) and with the square (2): a busy machine cannot take one for the other."""
UNITS = growth.UNITS[::6]


@pytest.fixture(scope="module")
def rules() -> Detector:
    return Detector.load(DetectorSettings(model="off"))


@pytest.mark.parametrize("unit", UNITS)
def test_the_work_grows_in_proportion_to_the_text(rules: Detector, unit: str) -> None:
    # what is measured again and again is not a neighbour's
    assert min(growth.exponent(rules, unit, 1_000, 4) for _ in range(2)) < BOUND


def test_work_that_grows_with_the_square_is_found() -> None:
    class Slow:
        def conversation(self, _key: bytes) -> "Slow":
            return self

        def turn(self, text: str, _who: int) -> int:
            return sum(1 for _ in text for _ in text)

    assert growth.exponent(Slow(), "ab", 200, 4) > BOUND  # type: ignore[arg-type]
