"""Which turns the model is spared: those in which every word is settled without it."""

import pytest

from deid_stream.detect.model.stage import settled
from deid_stream.detect.recognizer import View
from deid_stream.model.entities import EntityType as T
from deid_stream.text.normalise import normalise


@pytest.mark.parametrize(
    ("said", "spared"),
    [
        ("the barista splashed the espresso on the upholstery", True),
        ("nkosi splashed espresso on the upholstery", False),
        ("the pilot project is ready", True),
        ("could church call me when it is ready", False),  # a surname, too
        ("i spoke to law about it", False),
        ("i spoke to the law office about it", True),
        ("ask coral about the report", False),
        ("the rose splashed on the upholstery", False),  # a name, too
        ("is there a good place to eat with a screen", True),
        ("it is a nice place at 12 orchard", False),  # a number, and no everyday word after it
        ("we need 12 of the wet chairs", True),
        ("we need 12 of the 14 wet chairs", False),  # two numbers may be one value
        ("my roll number is 42", False),
        ("i was born in 82", False),
        ("it will be ready when you need it", True),
        ("thanks will", False),
        ("my bill is wrong again", True),
        ("i think bill is wrong again", False),
        ("how long will that take", True),
        ("is long in today", False),
        ("i will pick it up", True),
        ("pick it up will", False),
        ("could you wait until the light turns green", True),
        ("could you ask green to wait", False),
        ("have a great day", True),
        ("thanks day", False),
        ("my password is espresso", False),
        ("send it to mama", False),
    ],
)
def test_the_model_is_spared_what_dictionaries_explain(said: str, spared: bool) -> None:
    assert settled(View(normalise(said)), ()) is spared


@pytest.mark.parametrize(
    ("asked", "said", "spared"),
    [
        (T.PERSON, "yes that is right", True),
        (T.PERSON, "the barista splashed espresso", False),
        (T.PERSON, "sky", False),  # a word that is a name, too
        (T.PERSON, "it is s o", False),  # spelled
        (T.PERSON, "could you check whether that has been processed already please", True),  # no answer, and no names
        (T.ADDRESS, "okay", True),
        (T.ADDRESS, "the hotel in singapore", False),
        (T.PASSWORD, "okay", False),  # any word may be one
        (T.CREDIT_CARD, "could you please give me a moment while i open my account", True),
        (T.CREDIT_CARD, "the barista splashed the espresso", True),  # no digit, so no card
        (T.CREDIT_CARD, "nkosi splashed espresso", False),
        (T.ID_NUMBER, "the barista splashed the espresso", False),  # a code may be a word
        (T.ID_NUMBER, "yes that is right", True),
        (T.CREDIT_CARD, "okay so that is 9.909 when 8.54", False),
        (T.PHONE_NUMBER, "it is 40% and 12.50", False),
    ],
)
def test_what_was_asked_for_and_not_found_is_looked_for(asked: T, said: str, spared: bool) -> None:
    assert settled(View(normalise(said), (asked,)), ()) is spared
