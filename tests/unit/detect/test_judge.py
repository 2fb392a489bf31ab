"""What the judge does to single guesses of the model, one table for each of its modules: what stays beside what goes.

``{...}`` is the guess, and in what is expected what is left of it.
"""

import pytest

from deid_stream.detect.judge.addresses import grow_addresses
from deid_stream.detect.judge.persons import hides_person, is_city, person
from deid_stream.detect.judge.places import place
from deid_stream.detect.judge.refine import refine
from deid_stream.detect.judge.trim import tidied
from deid_stream.detect.judge.values import date, foreign_evidence, number_evidence, value
from deid_stream.detect.recognizer import View
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.languages import lexicon
from deid_stream.text.normalise import normalise


def guess(marked: str, kind: T, score: float = 0.7, origin: Origin = Origin.MODEL) -> tuple[str, Detection]:
    """The text, and the guess over what is marked in it."""
    before, _, rest = marked.partition("{")
    inside, _, after = rest.partition("}")
    return before + inside + after, Detection(len(before), len(before) + len(inside), kind, score, "neural", origin)


def seen(text: str, *expected: T, language: str = "en", foreign: bool = False) -> View:
    """The turn as recognizers see it."""
    return View(
        normalise(text, lexicon(("hi_latn" if language == "hi" else language,))),
        expected,
        language=language,
        foreign=foreign,
    )


def marked(text: str, found: list[Detection]) -> str:
    """``text`` with every detection in braces, as the resolver trims it; empty where there is none."""
    for detection in sorted(found, reverse=True):
        inside = text[detection.start : detection.end]
        start = detection.start + len(inside) - len(inside.lstrip())
        text = f"{text[:start]}{{{inside.strip()}}}{text[start + len(inside.strip()) :]}"
    return text if found else ""


@pytest.mark.parametrize(
    ("said", "kind", "left"),
    [
        ("it is {anna bell} here", T.PERSON, "it is {anna bell} here"),
        ("so {the name is anna} now", T.PERSON, "so the name is {anna} now"),
        ("{ryan costa as guardian}", T.PERSON, "{ryan costa} as {guardian}"),
        ("my {card number 4539} please", T.CREDIT_CARD, "my card number {4539} please"),
        ("{my email address}", T.EMAIL_ADDRESS, ""),
    ],
)
def test_trim(said: str, kind: T, left: str) -> None:
    text, detection = guess(said, kind)
    everyday = seen(text).everyday
    assert marked(text, list(tidied(text, detection, everyday, cased=False))) == left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("it is {okonkwo}", "it is {okonkwo}"),
        ("it is {anna} bellweather", "it is {anna bellweather}"),
        ("{mrs okonkwo} called", "mrs {okonkwo} called"),
        ("{the weather} is fine", ""),
        ("{monday} then", ""),
        ("{name} please", ""),
        ("it is {ilmara} j krenova and", "it is {ilmara j krenova} and"),
        ("it is {Ilmara} K. Bouts today", "it is {Ilmara K. Bouts} today"),
        ("how about {okonkwo ilmara} s", "how about {okonkwo ilmara s}"),
        ("{ilmara} s account is locked", "{ilmara} s account is locked"),
        ("{ilmara} i need help", "{ilmara} i need help"),
        ("is {ilmara} a plumber", "is {ilmara} a plumber"),
    ],
)
def test_persons(said: str, left: str) -> None:
    text, detection = guess(said, T.PERSON)
    assert marked(text, list(person(seen(text), text, detection))) == left


@pytest.mark.parametrize(
    ("said", "kind", "hides"),
    [
        ("send fifty dollars to {okonkwo}", T.ORGANIZATION, True),
        ("{priya}", T.LOCATION, True),
        ("i am in {london}", T.LOCATION, False),
        ("{anna}", T.DATE_TIME, False),
    ],
)
def test_a_person_that_the_model_takes_for_a_place(said: str, kind: T, hides: bool) -> None:
    assert hides_person(*guess(said, kind)) is hides


@pytest.mark.parametrize(("said", "city"), [("i live in {charlotte}", True), ("ask {charlotte} about it", False)])
def test_a_given_name_that_is_a_city(said: str, city: bool) -> None:
    text, detection = guess(said, T.PERSON, origin=Origin.GAZETTEER)
    _, as_place = guess(said, T.LOCATION)
    assert is_city(text, detection, [as_place]) is city
    assert not is_city(text, detection, [])


@pytest.mark.parametrize(
    ("said", "kind", "expected", "becomes"),
    [
        ("it is {12 rose hill gardens} in town", T.ADDRESS, (), T.ADDRESS),
        ("they have moved to {rose hill}", T.ADDRESS, (), T.LOCATION),
        ("{london}", T.LOCATION, (), T.LOCATION),
        ("{london}", T.LOCATION, (T.ADDRESS,), T.LOCATION),
        ("my address is {camden town}", T.LOCATION, (), T.ADDRESS),
        ("the answer is {42} i think and nothing else", T.ADDRESS, (), None),
    ],
)
def test_places(said: str, kind: T, expected: tuple[T, ...], becomes: T | None) -> None:
    text, detection = guess(said, kind)
    found = list(place(seen(text, *expected), text, detection))
    assert [one.entity_type for one in found] == ([becomes] if becomes else [])


@pytest.mark.parametrize(
    ("said", "kind", "left"),
    [
        ("reference {4539 xk}", T.ID_NUMBER, True),
        ("{thank you very much}", T.ID_NUMBER, False),
        ("the answer is {seven}", T.PHONE_NUMBER, True),
    ],
)
def test_values(said: str, kind: T, left: bool) -> None:
    text, detection = guess(said, kind)
    assert bool(list(value(seen(text), text, detection, []))) is left


@pytest.mark.parametrize(
    ("said", "becomes"),
    [("{priya dot nair at okaxis}", T.UPI_ID), ("{priya dot nair at gmail dot com}", T.EMAIL_ADDRESS)],
)
def test_an_address_of_a_payment_service_is_no_mail(said: str, becomes: T) -> None:
    text, detection = guess(said, T.EMAIL_ADDRESS, 1.0)
    assert [found.entity_type for found in value(seen(text), text, detection, [])] == [becomes]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("born {on the 3rd of march}", "born on the {3rd of march}"),
        ("{may 1982}", "{may 1982}"),
        ("{last tuesday}", ""),
        ("{a while ago}", ""),
    ],
)
def test_dates(said: str, left: str) -> None:
    text, detection = guess(said, T.DATE_OF_BIRTH)
    assert marked(text, list(date(text, detection))) == left


@pytest.mark.parametrize(
    ("said", "expected", "enough"),
    [
        ("it ends in {4539} i think", (), True),
        ("we have {two} of them left", (), False),
        ("we have {two} of them left", (T.ID_NUMBER,), True),
        ("the account number is {77}", (), True),
        ("about {12 people} came", (), False),
    ],
)
def test_a_few_digits_need_evidence(said: str, expected: tuple[T, ...], enough: bool) -> None:
    text, detection = guess(said, T.ID_NUMBER)
    assert number_evidence(seen(text, *expected), text, detection) is enough


@pytest.mark.parametrize(
    ("said", "kind", "enough"),
    [
        ("mujhe {priya} se baat karni hai", T.PERSON, True),
        ("mujhe {paisa} wapas chahiye", T.PERSON, False),
        ("write to {anna@example.com}", T.EMAIL_ADDRESS, True),
        ("{kuch bhi nahi}", T.EMAIL_ADDRESS, False),
        ("ghar {42 mg road} par hai", T.ADDRESS, True),
        ("{4539} hai", T.ID_NUMBER, True),
        ("{haan ji} bilkul", T.ID_NUMBER, False),
    ],
)
def test_words_of_another_language_need_more_evidence(said: str, kind: T, enough: bool) -> None:
    text, detection = guess(said, kind)
    assert foreign_evidence(seen(text, language="hi", foreign=True), text, detection) is enough


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("i live at {12 rose hill} gardens london", "i live at {12 rose hill gardens london}"),
        ("it is flat 4 {rose hill}", "it is {flat 4 rose hill}"),
        ("{12 rose hill} and the parcel comes monday", "{12 rose hill} and the parcel comes monday"),
        ("12 rose drive {toronto} on canada 27539", "12 rose drive {toronto on canada 27539}"),
        ("{12 rose drive toronto} on monday", "{12 rose drive toronto} on monday"),
        ("we met at maarit and {hersnapvej 75}", "we met at {maarit and hersnapvej 75}"),
        ("the corner of maarit and {hersnapvej 75}", "the corner of {maarit and hersnapvej 75}"),
        ("i live with maarit and {hersnapvej 75} is right", "i live with maarit and {hersnapvej 75} is right"),
        ("all of maarit and {hersnapvej 75}", "all of maarit and {hersnapvej 75}"),
        ("leave it at {forty one} the crescent please", "leave it at {forty one the crescent} please"),
        ("yeah it's {nineteen} a the old bakery", "yeah it's {nineteen a the old bakery}"),
        ("it's {19} the paddocks on the left", "it's {19 the paddocks} on the left"),
        ("we were at {41} the other day", "we were at {41} the other day"),
        ("it's {41} the house was sold", "it's {41} the house was sold"),
    ],
)
def test_addresses_grow_over_what_belongs_to_them(said: str, left: str) -> None:
    text, detection = guess(said, T.ADDRESS)
    assert marked(text, grow_addresses(text, [detection], "en")) == left


@pytest.mark.parametrize(
    ("said", "kind", "origin", "left", "rule_id"),
    [
        ("it is {okonkwo}", T.PERSON, Origin.MODEL, "it is {okonkwo}", None),
        ("{the weather} is fine", T.PERSON, Origin.MODEL, "", "judge/person"),
        ("we have {two} of them left", T.ID_NUMBER, Origin.MODEL, "", "judge/number"),
        ("{last tuesday}", T.DATE_OF_BIRTH, Origin.MODEL, "", "judge/date"),
        ("the answer is {42} i think and nothing else", T.ADDRESS, Origin.MODEL, "", "judge/place"),
        ("it is {two}", T.PERSON, Origin.QUESTION, "it is {two}", None),
        ("it is [{NAME}]", T.PERSON, Origin.PLACEHOLDER, "it is [{NAME}]", None),
        ("always {the weather}", T.ID_NUMBER, Origin.CUSTOMER, "always {the weather}", None),
    ],
)
def test_what_is_let_go_names_its_judge(said: str, kind: T, origin: Origin, left: str, rule_id: str | None) -> None:
    text, detection = guess(said, kind, origin=origin)
    view = seen(text)
    assert marked(text, refine(view, [detection])) == left
    assert view.removed == ([rule_id] if rule_id else [])
