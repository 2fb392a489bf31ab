"""What a recogniser doubts of its own words."""

import pytest

from deid_stream.model.events import Word
from deid_stream.words.confidence import doubted_text, unsure_runs


def words(*confidences):
    return [Word(f"w{n}", confidence=confidence) for n, confidence in enumerate(confidences)]


@pytest.mark.parametrize(
    ("confidences", "runs"),
    [
        ((0.9, 0.95, 0.4), []),
        ((None, None), []),
        ((0.9, 0.1, 0.9), [(1, 2)]),
        ((0.4, 0.1, 0.45, 0.9, 0.2), [(0, 3), (4, 5)]),
    ],
)
def test_an_unsure_word_takes_doubtful_neighbours_along(confidences, runs):
    assert unsure_runs(words(*confidences)) == runs


@pytest.mark.parametrize(
    ("confidences", "doubted"),
    [
        ((0.9, 0.6, 0.95), []),
        ((0.9, 0.4, 0.95), ["w1"]),
        ((0.9, 0.7, 0.4, 0.95), ["w1 w2"]),
        ((0.9, 0.4, 0.9, 0.9, 0.3, 0.9), ["w1 w2 w3 w4"]),
        ((0.4, 0.9, 0.9, 0.9, 0.3), ["w0", "w4"]),
    ],
)
def test_what_is_doubted_of_an_answer(confidences, doubted):
    said = words(*confidences)
    text = " ".join(word.text for word in said)
    assert [text[part.start : part.end] for part in doubted_text(text, said)] == doubted


@pytest.mark.parametrize(
    ("text", "in_words", "doubted"),
    [
        ("you can ?call ?me on fifty", False, []),
        ("i ?live at four", False, []),
        ("?please four ?five", False, ["five"]),
        ("it is ?to seven ?for one", False, ["to seven for"]),
        ("four ?five ?anytime ?after six", False, ["five"]),
        ("it is ?on ?fifty ?one now", False, ["on fifty one"]),
        ("it is ?call ?me", True, ["call me"]),
        ("on the ?quux road", False, ["quux"]),
    ],
    ids=[
        "how an answer begins",
        "where one lives",
        "a digit",
        "digits as words",
        "what follows a digit",
        "what a digit is taken for",
        "a name",
        "another word",
    ],
)
def test_everyday_words_are_no_numbers(text, in_words, doubted):
    said = [Word(token.lstrip("?"), confidence=0.4 if token[0] == "?" else 0.95) for token in text.split()]
    plain = text.replace("?", "")
    assert [plain[p.start : p.end] for p in doubted_text(plain, said, in_words=in_words)] == doubted


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("on ?5217 ?5 ?anytime after", ["5217 5"]),
        ("on ?5217 ?5 ?for after", ["5217 5 for"]),
        ("on ?quux ?anytime after", ["quux anytime"]),
        ("on ?and ?5217 after", ["5217"]),
    ],
    ids=["after a number", "a digit", "after a name", "before a number"],
)
def test_everyday_words_beside_an_unsure_number_are_none_of_it(text, runs):
    said = [Word(token.lstrip("?"), confidence=0.3 if token[0] == "?" else 0.95) for token in text.split()]
    assert [" ".join(word.text for word in said[slice(*run)]) for run in unsure_runs(said)] == runs
