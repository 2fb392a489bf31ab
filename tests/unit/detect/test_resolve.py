"""From guesses to spans: the union is covered, each character once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.detect.resolve import resolve
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection

TEXT = "call john smith on 555 123 4567 or john@example.com, 12 main street, leeds!"


def guess(part: str, entity_type: T, score: float = 0.8) -> Detection:
    at = TEXT.index(part)
    return Detection(at, at + len(part), entity_type, score, "test")


@pytest.mark.parametrize(("guesses", "expected"), [
    ([], []),
    ([guess("john smith", T.PERSON)], [("PERSON", "john smith")]),
    ([guess("john", T.PERSON), guess("smith", T.PERSON)], [("PERSON", "john smith")]),
    ([guess("555 123 4567", T.ID_NUMBER), guess("555 123 4567", T.PHONE_NUMBER)], [("PHONE_NUMBER", "555 123 4567")]),
    ([guess("john@", T.PERSON), guess("john@example.com", T.EMAIL_ADDRESS)], [("EMAIL_ADDRESS", "john@example.com")]),
    ([guess("12 main", T.ID_NUMBER), guess("main street", T.ADDRESS)],
     [("ID_NUMBER", "12"), ("ADDRESS", "main street")]),
    ([guess("12 main street", T.ADDRESS), guess("leeds", T.ADDRESS)], [("ADDRESS", "12 main street, leeds")]),
    ([guess("ohn smit", T.PERSON)], [("PERSON", "john smith")]),
    ([guess(", ", T.PERSON), guess("!", T.PERSON)], []),
])  # fmt: skip
def test_table(guesses: list[Detection], expected: list[tuple[str, str]]) -> None:
    assert [(s.entity_type.value, TEXT[s.start : s.end]) for s in resolve(TEXT, guesses)] == expected


DETECTIONS = st.builds(
    lambda a, b, t, s: Detection(min(a, b), max(a, b), t, s, "test"),
    st.integers(0, len(TEXT)),
    st.integers(0, len(TEXT)),
    st.sampled_from(list(T)),
    st.floats(0.5, 1),
)


@given(st.lists(DETECTIONS, max_size=8))
def test_every_guessed_letter_and_digit_is_covered_once(guesses: list[Detection]) -> None:
    spans = resolve(TEXT, guesses)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    covered = {i for s in spans for i in range(s.start, s.end)}
    wanted = {i for g in guesses for i in range(g.start, g.end) if TEXT[i].isalnum()}
    assert wanted <= covered


@given(st.lists(DETECTIONS, max_size=6), st.randoms())
def test_the_order_of_guesses_does_not_matter(guesses: list[Detection], random: object) -> None:
    shuffled = list(guesses)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(TEXT, shuffled) == resolve(TEXT, guesses)
