"""Digits that their own words prove to be an amount, a date, a time, a quantity or a product; and others like them."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


def gone(text: str, prev: str | None = None) -> list[str]:
    spans = RULES.conversation(KEY).turn(text, "caller", prev)
    return [text[s.start : s.end] for s in spans if s.entity_type not in OFF_BY_DEFAULT]


STAYS = [
    "the claim was processed on the ninth at ten fifteen", "we met on the fifth at eleven thirty",
    "at ten fifteen on monday",
    "and it was fourteen ninety nine in the shop", "it cost nineteen ninety nine last time", "nine ninety nine each",
    "the invoice from 2024-02-03 is unpaid", "it was due on 2024/01/15", "a two by four", "i need two by fours",
    "i am on version 4.2.1.9 of the app", "app version 3.11.0.2 crashes", "version two point four point one",
    "flight six e two one four is delayed", "flight b a one one seven", "platform nine at seven fifteen",
    "error code four oh four", "it says error 0x80070057", "windows eleven", "room four one two", "call nine one one",
    "we work twenty four seven", "a catch twenty two", "meter reading is oh four five two one seven",
    "i'm flying on b a two four nine", "the six forty train was late", "the fifteen oh four service is cancelled",
    "size thirty two thirty four jeans", "waist thirty two leg thirty", "form ten forty and a w two",
    "my four oh one k", "the ten ninety nine from my bank", "i need a ten forty for last year",
    "a five two nine plan", "tres euros con cincuenta", "paanch sau rupaye",
]  # fmt: skip
GOES = {
    "my code is ten fifteen": "ten fifteen",
    "account two zero two four zero two zero three": "two zero two four zero two zero three",
    "the router is at 10.4.2.19": "10.4.2.19",
    "the camera is on one ninety two dot one sixty eight dot four dot two one":
        "one ninety two dot one sixty eight dot four dot two one",
    "the access code for the gate is five oh five one": "five oh five one",
    "room is four four one two": "four four one two",
    "card ending ten forty": "ten forty",
    "the ten ninety nine is my pin": "ten ninety nine",
    "use the 1099 as the code": "1099",
    "file number ten forty": "ten forty",
    "the bus pass number is twelve forty five sixty": "twelve forty five sixty",
    "size four one one one one one one one": "four one one one one one one one",
    "flying on 4539 1488 0343 6467": "4539 1488 0343 6467",
    "version 4539148803436467": "4539148803436467",
    "flight number 4539 1488 0343 6467": "4539 1488 0343 6467",
    "reading 4539 1488 0343 6467": "4539 1488 0343 6467",
    "extension two oh six": "two oh six",
    "the gate code is star four two pound": "four two",
    "ending in four four nine": "four four nine",
    "born on the third of er march eighty eight": "third of er march eighty eight",
}  # fmt: skip
ANSWERS = [
    ("how much was it", "fourteen ninety nine"), ("what time did it arrive", "two forty five"), ("how many",
    "five oh two"),
    ("which flight", "united four eighty two"), ("how many people", "twelve"),
]  # fmt: skip


@pytest.mark.parametrize("text", STAYS)
def test_stays(text: str) -> None:
    assert gone(text) == []


@pytest.mark.parametrize(("text", "value"), GOES.items())
def test_goes(text: str, value: str) -> None:
    assert gone(text) == [value]


@pytest.mark.parametrize(("question", "answer"), ANSWERS)
def test_a_number_that_answers_how_many_stays(question: str, answer: str) -> None:
    assert gone(answer, prev=question) == []


def test_a_security_code_that_was_given_claims_no_later_price() -> None:
    conversation = RULES.conversation(KEY)
    turns = [
        (0, "and the three digits on the back", []), (1, "for to seven", ["for to seven"]),
        (0, "i am charging $4,532.10 to it now", []),
        (1, "wait it said four thousand five hundred thirty two before was it not four five oh", []),
    ]  # fmt: skip
    for who, text, values in turns:
        assert [text[s.start : s.end] for s in conversation.turn(text, who)] == values
