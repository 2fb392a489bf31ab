"""The spoken side of the training sentences says what the written side says (the part that needs no training extra)."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.train import spoken

DIGIT = {word: str(i) for i, word in enumerate(spoken.ONES[:10])} | {"oh": "0", "o": "0"}
DIGIT |= {heard: DIGIT[word] for word, heard in spoken.DIGIT_HEARD_AS.items()}
NUMBER = {spoken.cardinal(n): str(n) for n in range(10, 100)}


def read_back(said: str) -> str:
    """The digits that a spoken run stands for."""
    out, words = "", said.split()
    while words:
        times = {"double": 2, "triple": 3, "treble": 3}.get(words[0])
        if times:
            out, words = out + DIGIT[words[1]] * times, words[2:]
        elif " ".join(words[:2]) in NUMBER:
            out, words = out + NUMBER[" ".join(words[:2])], words[2:]
        elif words[0] in NUMBER:
            out, words = out + NUMBER[words[0]], words[1:]
        else:
            out, words = out + DIGIT[words[0]], words[1:]
    return out


@given(st.text("0123456789", min_size=1, max_size=16), st.integers(0, 10_000))
def test_spoken_digits_mean_the_written_ones(run: str, seed: int) -> None:
    # "twenty" before a single digit is ambiguous in speech itself ("twenty five"), so what counts is the digits alone
    said = spoken.digits(run, Random(seed))
    ambiguous = any(a in spoken.TENS[2:] and b in spoken.ONES[1:10] for a, b in pairwise(said.split()))
    assert ambiguous or read_back(said) == run


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It's $45.50, due by 5 pm.", "it's forty five dollars and fifty cents due by five p m"),
        ("the 22nd of May", "the twenty second of may"),
        ("₹150000", "one lakh fifty thousand rupees"),
        ("12%", "twelve percent"),
        ("Zoë O'Brien", "zoe o'brien"),
        ("Hi!", "hi"),
    ],
)
def test_sentences_are_written_as_a_recogniser_would(written: str, said: str) -> None:
    assert spoken.sentence(written, Random(1)) == said


@pytest.mark.parametrize(("year", "ways"), [(1986, {"nineteen eighty six"}), (1905, {"nineteen oh five"})])
def test_years(year: int, ways: set[str]) -> None:
    assert {spoken.year(year, Random(seed)) for seed in range(20)} == ways


def test_an_address_is_spelled_in_its_domain() -> None:
    assert spoken.email("a.b@gmail.com", Random(3)).endswith(" at gmail dot com")
