"""How long an answer may still come: from the sentence that asks to the end of a turn that holds the answer as well."""

import pytest

from deid_stream.model.entities import EntityType as T
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import Span
from deid_stream.session.asking import opened
from deid_stream.session.turns import Turn
from deid_stream.units import FOREVER_MS, Interval


def segment(text: str, start_ms: int) -> Segment:
    """Each word takes 100 ms."""
    words = tuple(Word(word, start_ms + 100 * n, start_ms + 100 * n + 100) for n, word in enumerate(text.split()))
    return Segment(
        call_id="c", customer_id="k", segment_id=text, text=text, start_ms=start_ms, end_ms=start_ms + 100 * len(words),
        words=words,
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
    ],
    ids=["all of it", "second sentence", "third segment", "begun before", "not by itself"],
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
