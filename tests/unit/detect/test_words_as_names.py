"""Names that are everyday words, and everyday words of several languages that are nobody's name, side by side."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import OFF_BY_DEFAULT


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def gone(text: str, detector: Detector) -> list[str]:
    spans = detector.conversation(bytes(32)).turn(text, "caller")
    return [text[s.start : s.end] for s in spans if s.entity_type not in OFF_BY_DEFAULT]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("text georgia", ["georgia"]),
        ("invite mark and joy to the barbecue", ["mark", "joy"]),
        ("which plan is it amber", ["amber"]),
        ("let me hand you over to chase in billing", ["chase"]),
        ("this is april from claims", ["april"]),
        ("sunny are you there", ["sunny"]),
        ("hi this is reed hobson speaking", ["reed hobson"]),
        ("main kavita bol rahi hoon", ["kavita"]),
        ("mera naam gurpreet hai", ["gurpreet"]),
        ("the next question comes from alan whitcombe with northgate partners", ["alan whitcombe"]),
    ],
)
def test_a_name_that_its_sentence_shows_goes(text: str, names: list[str], detector: Detector) -> None:
    assert gone(text, detector) == names


@pytest.mark.parametrize(
    "text",
    [
        "the bill may rise in june",
        "i love the amber one",
        "will it take long",
        "the reed diffuser is broken",
        "may i speak to a supervisor",
        "main subah se wait kar raha hoon",
        "mera recharge kal se pending hai",
        "merci beaucoup à demain",
        "our gross margin improved by forty basis points",
        "the ozempic pen is out of stock",
        "she takes metformin for her parkinson's",
    ],
)
def test_a_word_that_is_nobodys_name_stays(text: str, detector: Detector) -> None:
    assert gone(text, detector) == []
