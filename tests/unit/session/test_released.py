"""What a revision inherits from what was redacted before: tables of texts before and after."""

import pytest

from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Span
from deid_stream.session.released import ReleasedSegment, adds, covers_of, inherited, united, words_of


def spans(text: str, *values: str) -> list[Span]:
    found = []
    for value in values:
        at = text.index(value)
        found.append(Span(at, at + len(value), EntityType.CREDIT_CARD, 0.9, "test", 1))
    return sorted(found)


def released(text: str, *values: str, in_doubt: bool = False) -> ReleasedSegment:
    covers = covers_of(text, spans(text, *values))
    return ReleasedSegment("s", 0, 0, 0, 1_000, len(words_of(text)), covers, in_doubt)


def hidden(text: str, found: list[Span] | None) -> list[str] | None:
    return None if found is None else [text[span.start : span.end] for span in found]


@pytest.mark.parametrize(
    ("before", "values", "after", "expected"),
    [
        ("four", ["four"], "Four.", ["Four"]),
        ("my card is four five", ["four five"], "My card is 45.", ["45"]),
        ("my card is four five three", ["four five three"], "My card is 4, 5, 3.", ["4, 5, 3"]),
        ("i am anna bell", ["anna bell"], "I'm Anna Bell.", ["Anna Bell"]),
        ("i am anna bell", ["anna bell"], "I am Hannah Bell", ["Hannah Bell"]),
        ("i am anna and fine", ["anna"], "I am Anna Marie and fine", ["Anna"]),  # beside it: for the detector
        ("four five three nine", ["four five three nine"], "four five oh three nine", ["four five oh three nine"]),
        ("i am anna", ["anna"], "thank you", ["thank you"]),
        ("anna rang bob", ["anna", "bob"], "Anna rang Bob.", ["Anna", "Bob"]),
        ("i am anna", ["anna"], "", []),
        ("all is well", [], "All is well.", []),
    ],
)
def test_what_went_goes_again(before: str, values: list[str], after: str, expected: list[str]) -> None:
    assert hidden(after, inherited(released(before, *values), before, after)) == expected


@pytest.mark.parametrize(
    ("before", "values", "in_doubt", "after", "expected"),
    [
        ("four five", ["five"], False, "Four. Five.", ["Five"]),
        ("four five", ["five"], False, "45", None),
        ("all is well", [], False, "All's well.", []),
        ("all is well", [], True, "All is well.", []),
        ("all is well", [], True, "All's well.", None),
    ],
)
def test_without_the_text_equal_numbers_of_words_are_the_same_words(
    before: str, values: list[str], in_doubt: bool, after: str, expected: list[str] | None
) -> None:
    assert hidden(after, inherited(released(before, *values, in_doubt=in_doubt), None, after)) == expected


@pytest.mark.parametrize("before", [None, "four"])
def test_of_what_an_older_version_released_nothing_is_known(before: str | None) -> None:
    assert inherited(ReleasedSegment("s", 0, 0, 0, 1_000), before, "Four.") is None


def test_texts_too_long_to_compare_are_hidden_whole() -> None:
    text = " ".join(["word"] * 600)
    assert inherited(released(text + " anna", "anna"), text + " anna", text + " more anna") is None
    assert inherited(released("anna " + "x " * 9, "anna"), "anna " + "x " * 9, "Anna " + "x " * 10) is not None


@pytest.mark.parametrize(
    ("found", "kept", "expected"),
    [
        ([(0, 4)], [(0, 4)], [(0, 4)]),
        ([(0, 4)], [(5, 9)], [(0, 4), (5, 9)]),
        ([(0, 6)], [(4, 9)], [(0, 9)]),
        ([(2, 3)], [(0, 9)], [(0, 9)]),
        ([], [(0, 9)], [(0, 9)]),
        ([(0, 2), (7, 9)], [(1, 8)], [(0, 9)]),
    ],
)
def test_found_and_kept_are_united(found: list, kept: list, expected: list) -> None:
    name, card = EntityType.PERSON, EntityType.CREDIT_CARD
    joined = united(
        [Span(a, b, name, 0.5, "x") for a, b in found], [Span(a, b, card, 1.0, "revision") for a, b in kept]
    )
    assert [(span.start, span.end) for span in joined] == expected
    if found and len(joined) == 1:
        assert joined[0].entity_type is name


def test_more_to_hide_is_told_from_the_same() -> None:
    text = "my name is anna bell"
    known = released(text, "anna")
    assert adds(spans(text, "anna bell"), text, known)
    assert not adds(spans(text, "anna"), text, known)
    assert not adds([], text, known)
