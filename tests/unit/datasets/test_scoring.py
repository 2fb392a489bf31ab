"""The four measures, on turns small enough to count by hand."""

import pytest

from deid_stream.datasets.reader import Gold, GoldSpan, Predicted, PredictedSpan
from deid_stream.datasets.scoring import Score, score
from deid_stream.errors import DecodeError
from deid_stream.model.entities import EntityType as T

TEXT = "i am ann lee in rome"
NAME = GoldSpan(5, 12, "PERSON")
CITY = GoldSpan(16, 20, "LOCATION", core=False)


def scored(text: str, gold: list[GoldSpan], *predicted: tuple[int, int]) -> dict[str, object]:
    result = Score()
    result.add(Gold("1", text, tuple(gold)), [PredictedSpan(a, b, T.PERSON) for a, b in predicted])
    return {k: v for k, v in result.as_dict().items() if k in ("recall", "leaked", "clean_hit", "over")}


@pytest.mark.parametrize(("predicted", "recall", "leaked", "over"), [
    ([], 0, 1, 0),
    ([(5, 12)], 1, 0, 0),
    ([(5, 8)], 0, 0.5, 0),
    ([(5, 8), (9, 12)], 1, 0, 0),
    ([(2, 12)], 1, 0, 0.4),
    ([(5, 12), (16, 20)], 1, 0, 0),
    ([(0, 20)], 1, 0, 1),
])  # fmt: skip
def test_by_letters_and_digits(predicted: list[tuple[int, int]], recall: float, leaked: float, over: float) -> None:
    got = scored(TEXT, [NAME, CITY], *predicted)
    assert got == {"recall": recall, "leaked": round(leaked, 5), "clean_hit": 0, "over": over}


def test_a_clean_turn_is_hit_or_not() -> None:
    assert scored("no thanks", [])["clean_hit"] == 0
    assert scored("no thanks", [], (0, 2))["clean_hit"] == 1


def test_types_that_are_off_by_default_redact_nothing() -> None:
    result = Score()
    result.add(Gold("1", TEXT), [PredictedSpan(0, 20, T.ORGANIZATION)])
    assert result.clean_hit == 0


def test_by_label() -> None:
    result = Score()
    result.add(Gold("1", TEXT, (NAME, GoldSpan(0, 1, "AGE"))), [PredictedSpan(5, 12, T.PERSON)])
    assert result.by_label["PERSON"].recall == 1
    assert result.by_label["AGE"].recall == 0
    assert result.total.recall == 0.5


def test_every_gold_row_needs_a_prediction() -> None:
    two_spans = Gold("1", TEXT, (NAME, GoldSpan(0, 1, "AGE")))
    with pytest.raises(DecodeError, match="row 2 "):
        score([two_spans, Gold("2", TEXT)], {"1": Predicted("1")})
