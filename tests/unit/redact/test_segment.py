"""Text and words are redacted from the same spans, and nothing of a value is left in either (law 3)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.model.entities import EntityType
from deid_stream.model.events import Word
from deid_stream.model.spans import Span
from deid_stream.redact.apply import redact_segment


def redacted(text, spoken, *values, operator="numbered", heard=()):
    spans = []
    for value in values:
        start = text.index(value)
        spans.append(Span(start, start + len(value), EntityType.PERSON, 0.9, "test", 1))
    words = [Word(word, 100 * n, 100 * n + 80, 0.5) for n, word in enumerate(spoken.split())]
    return redact_segment(
        text, words, sorted(spans), channel=0, operator_of=lambda _: operator, key=b"k" * 32, heard=heard
    )


@pytest.mark.parametrize(
    ("text", "spoken", "value", "expected"),
    [
        ("my name is anna bell ok", "my name is anna bell ok", "anna bell", "my name is [PERSON_1] ok"),
        ("I am anna and I want help", "i i am anna and i want help", "anna", "i * am [PERSON_1] and i want help"),
        ("The name is anna and", "the the name is anna and", "anna", "the * name is [PERSON_1] and"),
        ("it is Anna's car", "it is Anna's car", "Anna", "it is [PERSON_1]'s car"),
        ("it is anna-bell", "it is anna-bell", "bell", "it is anna-[PERSON_1]"),
        ("thank you", "thank 4111111111111111 you", "", "thank * you"),
        ("", "my card is 4111", "", "* * * *"),
        ("card 4111 2222 ok", "card four one one one double two double two ok", "4111 2222", "card [PERSON_1] ok"),
        ("card 4111 and one", "card four one one one one and one", "4111", "card [PERSON_1] and one"),
        ("I owe $40 now", "i owe forty dollars now", "", "i owe 40 now"),
        ("I owe $40, Anna", "i owe forty dollars anna", "Anna", "i owe 40 [PERSON_1]"),
        ("at 10:15 Dr. Bell", "at ten fifteen doctor bell", "Bell", "at 10:15 Dr [PERSON_1]"),
        ("well it is Anna ok", "well um it is Anna ok", "Anna", "well * it is [PERSON_1] ok"),
        ("it is Hannah ok", "it is Anna ok", "", "it is * ok"),
        ("my name is", "my name is [NAME]", "", "my name is *"),
        ("yes, anna, ok", "yes , anna , ok", "anna", "yes , [PERSON_1] , ok"),
        ("anna", "an na", "anna", "[PERSON_1]"),
        ("मेरा नाम राघवन है", "मेरा नाम राघवन है", "राघवन", "मेरा नाम [PERSON_1] है"),
    ],
)
def test_words_follow_the_text(text, spoken, value, expected):
    assert " ".join(word.text for word in redacted(text, spoken, *filter(None, [value])).words) == expected


def test_a_redacted_run_keeps_its_times():
    (word,) = redacted("anna bell", "anna bell", "anna bell").words
    assert (word.start_ms, word.end_ms, word.confidence) == (0, 180, 0.5)


@pytest.mark.parametrize("operator", ["numbered", "label", "mask", "remove", "pseudonym"])
def test_a_value_that_stands_again_is_masked(operator):
    text = "anna here yes Anna it is 4111 2222 or 4111-2222 or four one one one two two two two"
    left = redacted(text, text, "anna", "4111 2222", operator=operator)
    everything = f"{left.text} {' '.join(word.text for word in left.words)}".casefold()
    assert "anna" not in everything
    assert "4111" not in everything
    assert "four one" not in everything
    assert left.remains


@pytest.mark.parametrize(
    ("text", "value", "stays"),
    [
        ("my name is Will and I will call", "Will", "will"),
        ("my name is Al al", "Al", "al"),
        ("it is 123 of 123", "123", "of 123"),
        ("anna knows annabel", "anna", "annabel"),
        ("4111 and 4 of 11", "4111", "4 of 11"),
    ],
)
def test_what_only_looks_alike_stays(text, value, stays):
    assert stays in redacted(text, text, value).text


def test_a_value_that_only_the_words_had_is_looked_for_too():
    left = redacted("thank you anna", "thank bell you anna", heard=("anna",))
    assert left.text == "thank you ****"
    assert left.disagreements == 1


def test_entities_point_at_what_was_written():
    left = redacted("so anna and then bell", "so anna and then bell", "anna", "bell")
    assert [left.text[e.start : e.end] for e in left.entities] == ["[PERSON_1]", "[PERSON_1]"]


PLAIN = "the bill for last month looks high to me and one more two four".split()
VALUES = ("zorblax", "quuxley", "frobnitz", "4111 1111 2222", "four one one one nine nine", "Vexwright Trome")
CHANGES = ("drop", "double", "split", "merge", "swap", "replace", "format", "none", "none", "none")


def disturbed(spoken, rng):
    """The words as another recogniser might list them."""
    words = list(spoken)
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(words)) if words else 0
        match rng.choice(CHANGES) if words else "none":
            case "drop":
                del words[at]
            case "double":
                words.insert(at, words[at])
            case "split":
                middle = max(1, len(words[at]) // 2)
                words[at : at + 1] = [words[at][:middle], words[at][middle:]]
            case "merge":
                words[at : at + 2] = ["".join(words[at : at + 2])]
            case "swap" if at + 1 < len(words):
                words[at], words[at + 1] = words[at + 1], words[at]
            case "replace":
                words[at] = rng.choice([*PLAIN, "4", "zorblax", "[NAME]"])
            case "format":
                words[at] = words[at].upper() + rng.choice([",", ".", "!"])
    return [word for word in words if word]


@given(st.integers(0, 2**32))
@settings(max_examples=1000)
def test_no_letters_of_a_value_are_left_in_any_field(seed):
    rng = random.Random(seed)
    text, spans = "", []
    for _ in range(rng.randint(1, 12)):
        value = rng.choice(VALUES) if rng.random() < 0.3 else ""
        if value:
            spans.append(Span(len(text), len(text) + len(value), EntityType.PERSON, 0.9, "test", 1))
        text += (value or rng.choice(PLAIN)) + " "
    words = [Word(word, 100 * n, 100 * n + 90) for n, word in enumerate(disturbed(text.split(), rng))]
    left = redact_segment(text, words, spans, channel=0, operator_of=lambda _: "numbered", key=b"k" * 32)
    said = " ".join(word.text for word in left.words)
    kept = "".join(c for c in left.text.replace("PERSON_1", "") if c.isalnum()).casefold()
    for span in spans:
        value = text[span.start : span.end]
        for field in (left.text, said):
            compact = "".join(c for c in field if c.isalnum()).casefold()
            assert "".join(c for c in value if c.isalnum()).casefold() not in compact
    for word in left.words:
        letters = "".join(c for c in word.text.replace("PERSON_1", "") if c.isalnum()).casefold()
        assert letters in kept, "a word is the text's own letters"
