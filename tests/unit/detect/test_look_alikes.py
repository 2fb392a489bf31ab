"""Digits and terms that are written otherwise than they are read: drawn out, in other scripts, with words between."""

import pytest

from deid_stream.detect.detector import MODEL_OFF, Detector, DetectorSettings

RULES = Detector.load(DetectorSettings(model=MODEL_OFF))


def left(text, **lists):
    """``text`` without what is found in it."""
    spans = RULES.conversation(bytes(32), **lists).turn(text, "caller")
    for span in reversed(spans):
        text = text[: span.start] + "_" + text[span.end :]
    return text


@pytest.mark.parametrize(
    "said",
    [
        "four and five and three and nine",
        "four or five or three or nine or one",
        "four with five with three with nine",
        "4 and 5 and 3 and 9 and 1",
        "four. and five. and three. and nine",
        "four okay so that is five okay so that is three okay so that is nine",
        "fourrr fiiive threee niiine",
        "fouur fivve thrree ninee",
        "f\u043eur fiv\u0435 thr\u0435\u0435 nin\u0435",
        "\u03bfne f\u03bfur seven nine",
        "\u2163\u2164\u2162\u2168",
        "\u2173 \u2174 \u2172 \u2178",
        "\u56db\u4e94\u4e09\u4e5d",
        "\u3024\u3025\u3023\u3029",
    ],
)
def test_digits_in_disguise_go(said):
    assert left(f"my number is {said}") == "my number is _"


CAPITALS = {
    "circled": 0x24B6,
    "squared": 0x1F130,
    "circled, filled": 0x1F150,
    "squared, filled": 0x1F170,
    "flags": 0x1F1E6,
}
SMALL = {"circled": 0x24D0, "in brackets": 0x249C}


@pytest.mark.parametrize("said", ["four five three nine", "anna dot bell at example dot com"])
@pytest.mark.parametrize(
    ("first", "of"),
    [*((code, "A") for code in CAPITALS.values()), *((code, "a") for code in SMALL.values())],
    ids=[*(f"capitals, {name}" for name in CAPITALS), *(f"small, {name}" for name in SMALL)],
)
def test_letters_as_signs_go(said, first, of):
    signs = {ord(of) + n: first + n for n in range(26)}
    shown = (said.upper() if of == "A" else said).translate(signs)
    assert left(f"it is {shown} thanks") == "it is _ thanks"


def test_numerals_and_signs_that_are_no_value_stay():
    for said in ("chapter \u2163 and chapter \u2164", "vitamin \u24b7 and \u24b8", "option \u249c please"):
        assert left(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "i have two and three and four of them",
        "it is four or five or six people",
        "that is sooo good and freee",
        "one two threes a crowd",
        "yeah a well seen tree on the roof",
        "two pounds and three pounds and four pounds and five pounds",
    ],
)
def test_ordinary_numbers_stay(said):
    assert left(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "project um bluebird",
        "project uh, bluebird",
        "project you know bluebird",
        "project the bluebird",
        "pr\u043eject bluebird",
        "\u0440r\u043ej\u0435\u0441t bl\u057d\u0435bird",
        "Project\u00a0Bluebird",
    ],
)
def test_denied_terms_in_disguise_go(said):
    assert left(f"we spoke of {said} today", deny=["project bluebird"]) == "we spoke of _ today"


def test_what_only_resembles_a_denied_term_stays():
    for said in ("a project and a bluebird", "bluebird project", "project for bluebirds"):
        assert left(said, deny=["project bluebird"]) == said


def test_an_allowed_term_is_not_found_over_fillers():
    assert left("my number is 0800 um 123456", allow=["0800 123456"]) == "my number is _"
