"""What was asked before a turn, and how long an answer may still come: from the sentence that asks to the end of a turn
that holds the answer as well."""

import msgspec
import pytest

from deid_stream.model.entities import EntityType as T
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import Span
from deid_stream.session.asking import opened, overheard
from deid_stream.session.turns import Turn
from deid_stream.units import FOREVER_MS, Interval


def segment(text: str, start_ms: int, channel: int = 0) -> Segment:
    """Each word takes 100 ms; "-" stands for as long a pause."""
    said = [(word, start_ms + 100 * n) for n, word in enumerate(text.split())]
    words = tuple(Word(word, at_ms, at_ms + 100) for word, at_ms in said if word != "-")
    text, length = " ".join(word.text for word in words), len(said)
    return Segment(
        call_id="c", customer_id="k", segment_id=text, text=text, start_ms=start_ms, end_ms=start_ms + 100 * length,
        words=words, channel=channel,
    )  # fmt: skip


def turn(*texts: str) -> Turn:
    segments = tuple(segment(text, 5_000 * n) for n, text in enumerate(texts))
    return Turn(0, 0, segments)


def said(whole: Turn, value: str, entity_type: T) -> Span:
    start = whole.text.index(value)
    return Span(start, start + len(value), entity_type, 0.9, "neural")


def same(found: T, wanted: T) -> bool:
    return found is wanted


@pytest.mark.parametrize(
    ("texts", "from_ms"),
    [
        (["What is your address?"], 0),
        (["Hello, how may I help? What is your address?"], 500),
        (["I see.", "Thank you. And your date of birth?", "What is your address?"], 10_000),
        (["Tell me what", "address you live at please"], 5_000),
        (["Nothing of it"], 0),
        (["So your home.address? "], 200),
    ],
    ids=["all of it", "second sentence", "third segment", "begun before", "not by itself", "within a word"],
)
def test_an_answer_counts_from_the_sentence_that_asks(texts: list[str], from_ms: int) -> None:
    assert opened(turn(*texts), [T.ADDRESS], [], same) == Interval(from_ms, FOREVER_MS)


def test_a_segment_whose_words_are_not_its_text_asks_from_its_start() -> None:
    asks = segment("How may I help? What is your address?", 700)
    whole = Turn(0, 0, (Segment(
        call_id="c", customer_id="k", segment_id="s", text=asks.text, start_ms=700, end_ms=1_500, words=asks.words[:3]
    ),))  # fmt: skip
    assert opened(whole, [T.ADDRESS], [], same).start == 700


@pytest.mark.parametrize(
    ("types", "found", "closed"),
    [
        ([T.DATE_OF_BIRTH], [("3rd of May", T.DATE_OF_BIRTH)], True),
        ([T.DATE_OF_BIRTH], [("3rd of May", T.ID_NUMBER)], False),
        ([T.DATE_OF_BIRTH, T.ADDRESS], [("3rd of May", T.DATE_OF_BIRTH)], False),
        ([T.PERSON], [("Ann", T.PERSON)], False),
        ([T.DATE_OF_BIRTH], [], False),
    ],
    ids=["the answer", "something else", "half of it", "said before the question", "nothing"],
)
def test_what_stands_behind_its_question_has_been_answered(
    types: list[T], found: list[tuple[str, T]], closed: bool
) -> None:
    whole = turn("Thanks Ann. And your name and date of birth?", "It was the 3rd of May")
    window = opened(whole, types, [said(whole, *value) for value in found], same)
    assert window.end == (whole.end_ms if closed else FOREVER_MS)


ASKED_TWICE = "May I have your name please - - - - and your card number then"
"""The pause is from 600 to 1,000 ms."""


@pytest.mark.parametrize(
    ("held", "answer", "found"),
    [
        ([segment(ASKED_TWICE, 0, 1)], [segment("quux here", 700)], ("1", [T.PERSON], 0)),
        ([segment("Right. " + ASKED_TWICE, 0, 1)], [segment("quux here", 800)], ("1", [T.PERSON], 100)),
        ([segment(ASKED_TWICE, 0, 1)], [segment("hello", -900), segment("quux here", 700)], ("1", [T.PERSON], 0)),
        ([segment(ASKED_TWICE, 0, 1)], [segment("quux", 1_350)], ("1", [T.PERSON, T.CREDIT_CARD], 0)),
        (
            [segment("Your name? And your card number? - - - thank you then", 0, 1)],
            [segment("oh it is", 650)],
            ("1", [T.CREDIT_CARD], 200),
        ),
        ([segment(ASKED_TWICE, 0, 1)], [segment("quux here too - - - - -", 700)], None),
        ([segment(ASKED_TWICE, 0, 1)], [segment("quux", -200)], None),
        ([segment("It is a fine day - - - and your card number then", 0, 1)], [segment("yes", 600)], None),
        ([segment(ASKED_TWICE, 0, 0)], [segment("quux here", 700)], None),
        ([msgspec.structs.replace(segment(ASKED_TWICE, 0, 1), words=())], [segment("quux here", 700)], None),
        ([segment("Your name? " + "well " * 38 + "- - -", 0, 1)], [segment("quux", 4_000)], ("1", [T.PERSON], 0)),
        ([segment("Your name? " + "well " * 40 + "- - -", 0, 1)], [segment("quux", 4_200)], None),
        ([], [segment("quux here", 700)], None),
    ],
    ids=[
        "before the answer",
        "behind a word",
        "before the last segment",
        "both before",
        "the last of two",
        "ends before the answer",
        "begins after it",
        "asks only after it",
        "who answers",
        "no times",
        "just in reach",
        "long ago",
        "nothing held",
    ],
)
def test_a_question_is_heard_in_a_segment_that_lasts_beyond_its_answer(held, answer, found) -> None:
    heard = overheard(Turn(0, 0, tuple(answer)), held)
    assert (heard and (heard.by, list(heard.types), heard.from_ms)) == found


def untimed(text: str, came_ms: int, channel: int = 0) -> Segment:
    """It came at a media time, and was said at some time in the five seconds before."""
    stretch = {"start_ms": max(0, came_ms - 5_000 - 90 * len(text)), "end_ms": came_ms}
    return msgspec.structs.replace(segment(text, 0, channel), words=(), timed=False, **stretch)


@pytest.mark.parametrize(
    ("held", "answer", "found"),
    [
        ([untimed("And your name?", 10_000, 1)], untimed("quux here", 13_000), [T.PERSON]),
        # the longer text has the longer stretch, which begins before the question's
        ([untimed("And your name?", 10_000, 1)], untimed("quux here " * 20, 13_000), [T.PERSON]),
        ([untimed("And your name?", 10_000, 1)], segment("quux here", 12_000), [T.PERSON]),
        (
            [untimed("A name?", 9_000, 1), untimed("And your card number?", 10_000, 1)],
            untimed("a", 13_000),
            [T.CREDIT_CARD],
        ),
        ([untimed("A name?", 10_000, 1), untimed("And your card number?", 9_000, 1)], untimed("a", 13_000), [T.PERSON]),
        ([untimed("And your name?", 14_000, 1)], untimed("quux here", 13_000), None),
        ([untimed("And your name?", 10_000, 0)], untimed("quux here", 13_000), None),
        ([untimed("It is a fine day", 10_000, 1)], untimed("quux here", 13_000), None),
    ],
    ids=[
        "came before",
        "whatever was said",
        "an answer with times",
        "the last of two",
        "whichever is held first",
        "came after it",
        "who answers",
        "no question",
    ],
)
def test_a_question_without_times_is_heard_in_a_turn_that_lasts_on(held, answer, found) -> None:
    heard = overheard(Turn(0, 0, (answer,)), held)
    assert (heard and list(heard.types)) == found
    assert heard is None or heard.from_ms <= answer.start_ms


def test_of_many_segments_that_last_beyond_an_answer_those_that_begin_last_are_looked_at() -> None:
    held = [segment(ASKED_TWICE, 0, 1), *(segment("so it goes on and on here now", 10 + n, 1) for n in range(4))]
    assert overheard(Turn(0, 0, (segment("quux", 650),)), held[:4]) is not None
    assert overheard(Turn(0, 0, (segment("quux", 650),)), held) is None
