"""Where a name is told, whatever words a recogniser wrote for it; and where the same words tell none."""

import pytest

from deid_stream.detect.rules.told import begins, landmark, mailed, thanked, told
from deid_stream.units import Interval


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Thanks for holding, you are through to lock me. What can I do?", ["lock me"]),
        ("you're speaking with oh key foe from sales", ["oh key foe"]),
        ("Thanks for holding, your three to row hand. What can I do?", ["row hand"]),
        ("you're threw two lock me", ["lock me"]),
        ("Thanks for holding your 3-2 alleyway. What can I do?", ["alleyway"]),
        ("your 3 -2 lock me", ["lock me"]),
        ("Good evening, all the way soon speaking. How may I help?", ["all the way soon"]),
        ("Good evening. Always on speaking.", ["Always on"]),
        ("Close speaking.", ["Close"]),
        ("My name is closed fare with her and I have been a customer", ["closed fare with her"]),
        ("my full name is dip a lie", ["dip a lie"]),
        ("Could I take your full name please? Sure. It is closed fare. Do you have it?", ["closed fare"]),
        ("Who am I speaking with? It's lock me.", ["lock me"]),
    ],
)
def test_the_place_of_a_name_is_told_whatever_stands_there(text, names):
    assert [text[part.start : part.end] for part in told(text, asked=False)] == names


@pytest.mark.parametrize(
    "text",
    [
        "my name is on the letter",
        "my name is spelled with a k",
        "my name is not on the list of people who may call",
        "my name is a strange one that nobody writes as I do",
        "you are through to customer care",
        "your three to the office arrive today",
        "you are true to your word",
        "your 3-2-1 plan",
        "your 32 inch screen",
        "you have three to choose from",
        "you are through to the billing department",
        "who am I speaking with",
        "are you still speaking",
        "Generally speaking, we open at nine.",
        "I will keep speaking.",
        "it is about my bill",
        "Did you change your name? I see. We moved. It is closed on Monday.",
        "thank you, that is all",
    ],
)
def test_other_things_are_said_in_the_same_words(text):
    assert told(text, asked=False) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Sure. It is pre-ancadestment. Do you have it?", ["pre-ancadestment"]),
        ("it's close fare with her", ["close fare with her"]),
        ("it is on the account", []),
        ("I'm calling about my bill", []),
        ("that is correct", []),
        ("Thank you. That is all done for you now.", []),
        ("it is all way soon and I live there", ["all way soon"]),
    ],
)
def test_an_answer_to_who_is_there_begins_otherwise_too(text, names):
    assert [text[part.start : part.end] for part in told(text, asked=True)] == names
    assert told(text, asked=False) == []


@pytest.mark.parametrize(
    ("text", "asked", "begun"),
    [
        ("That would be all the way from |ademy at example.com", True, "all"),
        ("My name is not the |Petrova and I have", False, "not"),
        ("it is not the |Petrova", True, "not"),
        ("That would be always from .|Ademy, at example.com", True, "always"),
        ("My name is known. |Petrova called", True, "Petrova"),
        ("it is not the |Petrova", False, "Petrova"),
        ("it is here. Ask |Petrova", True, "Petrova"),
        ("it is a very long way to go from here |Petrova", True, "Petrova"),
        ("it is |Petrova", True, "Petrova"),
    ],
)
def test_a_value_begins_where_it_is_announced(text, asked, begun):
    at = text.index("|")
    text = text.replace("|", "")
    assert text[begins(text, at, asked=asked) :].startswith(begun)


@pytest.mark.parametrize(
    ("before", "address", "goes_on", "after"),
    [
        ("i live at ", "5 palm lane", " near the old mill", ". thanks"),
        ("i live at ", "5 palm lane near", " the old mail", ""),
        ("i live at ", "5 palm lane", ", opposite the town hall", ", on the left"),
        ("", "flat 2 hill road behind", " saint mary's", ""),
    ],
)
def test_a_landmark_belongs_to_its_address(before: str, address: str, goes_on: str, after: str) -> None:
    said = Interval(len(before), len(before + address))
    assert landmark(before + address + goes_on + after, said) == len(before + address + goes_on)


@pytest.mark.parametrize(
    "text",
    [
        "5 palm lane and i am near the shop",
        "5 palm lane. near the shop i saw him",
        "5 palm lane near where my sister used to live with us",
        "5 palm lane on the second floor",
        "5 palm lane near",
    ],
)
def test_what_else_is_said_is_no_landmark(text: str) -> None:
    assert landmark(text, Interval(0, 11)) == 11


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Thank you, say that, it's all done for you now.", ["say that"]),
        ("Great. Thanks no like that that is all done.", ["no like that"]),
        ("Thank you, this one, what that is all.", ["this one"]),
        ("Thank you very much, that is all.", []),
        ("Thank you sir that's all done.", []),
        ("Thank you. That is all done.", []),
        ("I thank you and your team that is all", []),
        ("Thank you we have looked at it for a long while now and that is all", []),
    ],
)
def test_a_name_is_told_between_thanks_and_a_sentence(text: str, names: list[str]) -> None:
    assert [text[part.start : part.end] for part in thanked(text)] == names


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (
            "I think that would be samuel dot what tilde example dot com all in",
            ["samuel dot what tilde example dot com"],
        ),
        ("My e-mail is nadia.petrova ex example.com", ["nadia.petrova ex example.com"]),
        ("That would be support dot example dot com", []),
        ("It is www dot help and example dot com", []),
        ("That is on the web at example.com", []),
        ("The site is slow. It is fine. We looked at example.com", []),
    ],
)
def test_an_address_whose_sign_was_misheard_is_told_by_its_dots(text: str, addresses: list[str]) -> None:
    assert [text[part.start : part.end] for part in mailed(text)] == addresses


def test_an_answer_that_is_misheard_from_its_first_words_tells_a_name() -> None:
    assert told("Sure, it has locked me, thank you, Sim.", asked=True)
    assert not told("Sure, it has locked me, thank you, Sim.", asked=False)


@pytest.mark.parametrize(
    ("text", "asked", "unnamed", "found"),
    [
        ("My name is always in a gaming and I have been", True, True, ["always in a gaming"]),
        ("My name is always in a gaming and I have been", True, False, []),
        ("My name is always in a gaming and I have been", False, True, []),
        ("Sure, it is always in a gaming.", True, True, ["always in a gaming"]),
        ("Sure, it is always in a gaming.", True, False, []),
        ("Sure, it is not your petrova.", True, True, ["not your petrova"]),
        ("Sure, it is not your petrova.", True, False, []),
        ("Sure, it is fine.", True, True, []),
        ("It is none of your business", True, True, []),
        ("My name is not for you", True, True, []),
        ("My name is on the letter", True, True, []),
        ("I am looking for my bill", True, True, []),
    ],
    ids=[
        "no other name",
        "another name was found",
        "not asked",
        "it is",
        "it is, and a name",
        "sounds like a denial",
        "a denial beside a name",
        "a denial",
        "none",
        "refused",
        "a place",
        "no cue",
    ],
)
def test_where_no_name_was_found_in_an_answer_any_words_after_my_name_is_are_one(text, asked, unnamed, found):
    assert [text[slice(*part)] for part in told(text, asked=asked, unnamed=unnamed)] == found
