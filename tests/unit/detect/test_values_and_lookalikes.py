"""By kind: what goes in full, in braces, and beside it what looks alike and stays."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def said(row: str) -> tuple[str | None, str, set[int]]:
    """Question, answer and the places of its letters and digits in braces, from ``question | an {answer}``."""
    question, bar, text = row.rpartition(" | ")
    parts = text.replace("}", "{").split("{")
    plain, inside, at = "".join(parts), set(), 0
    for index, part in enumerate(parts):
        if index % 2:
            inside.update(at + i for i, c in enumerate(part) if c.isalnum())
        at += len(part)
    return question if bar else None, plain, inside


def redacted(question: str | None, text: str, detector: Detector) -> set[int]:
    call = detector.conversation(KEY)
    if question is not None:
        call.turn(question, "agent")
    spans = [s for s in call.turn(text, "caller") if s.entity_type not in OFF_BY_DEFAULT]
    return {i for s in spans for i in range(s.start, s.end) if text[i].isalnum()}


@pytest.mark.parametrize(
    "row",
    [
        # an address on the net without its end
        "whats your email | it's {john smith at outlook}", "my email is {ravi k at gmail}",
        "it's {k underscore rao at rediff mail dot com}", "email {priya at acme dot com}",
        # the answer to a security question, and digits that were asked for by their place
        "what was your first car | {ford fiesta}", "favourite pet | {biscuit}", "memorable word | {sunflower}",
        "what's the registration of the vehicle | it's {l r five one v o x}",
        "the reg on your van | {k n seven oh x t p}",
        "it's {joanne} with two n's {fairweather}", "{phillip} with one l and two p's {brandt}",
        "{twelve acacia avenue} sorry that's {twenty one}", "i live at {forty king edward road} sorry {forty four}",
        "the gate code is {four four one} star", "the code for the gate is {one one four} pound",
        "is it mister or missus | {okonkwo}",
        "which bank account number | {three four five five six six two two}", "which store | ask {imogen}",
        "last four digits | {ate ate for too}", "account ending {for to too six}",
        "what is the address | it is located at {fifteen thirty two twentieth street}",
        # names
        "the account is in the name of {marks}", "el apellido es {gutiérrez}", "soy {carlos ruiz} de la oficina",
        "habla {maría josé}", "main {ravi} bol raha hoon", "mera naam {anil das} hai", "{tiffany} will call you back",
        "my friend {wendy} has the same plan", "facetime {beau}", "email {rose} the contract",
        "{nau sau baees, unattees, ikkis, sattavan} mera mobile hai", "i'm {chester} by the way",
    ],
)  # fmt: skip
def test_goes(row: str, detector: Detector) -> None:
    question, text, inside = said(row)
    assert redacted(question, text, detector) == inside


@pytest.mark.parametrize(
    "row",
    [
        "what is the address you are looking at | search for a one room in a two star hotel",
        "your order number please | i ordered two hundred and fifty units at nine ninety nine each",
        "mark the ticket as closed", "the bill is the wrong one",
        "we met at outlook point", "you can see it at acme dot com", "you can also find it at shop dot acme dot org",
        "arrive at nine on the dot",
        "did you forget your password | yes i did", "what is the problem with your password | it keeps resetting",
        "shall i reset the password | go ahead", "have you changed your pin recently | last month i think",
        "the passcode we've just sent", "enter the password you've chosen", "address batayein", "kripya dikhayein",
        "connect it with a k cable please", "i went down the lane sorry 4 times", "pizza with a side salad",
        "is it visa or mastercard | mastercard", "do you have netflix or spotify | spotify",
        "was it fedex or ups | fedex",
        "the amount of your last transaction | thirty pounds fifty",
        "what was the value of the item | three hundred and twelve",
        "which bank is it with | barclays", "what airline was it | lufthansa", "which supermarket | tesco",
        "is the password correct | no it's wrong", "can you send the password reset link",
        "stop in the name of the law", "i'm from chester originally", "ghaziabad mein rehta hoon main",
        "paanch sau rupaye kat gaye", "adios amigo", "danke schön", "enna panrathu theriyala",
        "the tiffany store is closed", "we use johnson controls thermostats", "i ordered from zara and hugo boss",
        "that's fourteen fifty for two", "model number rt ac68u", "build 22631 crashes",
    ],
)  # fmt: skip
def test_stays(row: str, detector: Detector) -> None:
    question, text, _ = said(row)
    assert not redacted(question, text, detector)
