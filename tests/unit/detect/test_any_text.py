"""No text breaks the detector, moves an offset or makes it slow."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.detect.detector import Conversation, Detector, DetectorSettings
from deid_stream.errors import UnsupportedLanguageError
from deid_stream.model.spans import Span

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))
PIECES = st.sampled_from(
    "4111 1111 one two double oh at dot com gmail @ . , - + ( ) / : \n \t my name is card number main street apt 5 the"
    " corner of and mrs dob 12/03/1986 $ rupees pm a i o b for bombay 😀 İ ß ﷽ ९८ é 中文 \u200b \x00 ' ’ # %".split(" ")
)


def found(conversation: Conversation, text: str, who: int) -> list[Span] | None:
    """The spans of a turn; None where it is withheld, which no other error may do."""
    try:
        return conversation.turn(text, who)
    except UnsupportedLanguageError:
        return None


@settings(max_examples=300)
@given(st.lists(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=15).map(" ".join)), min_size=1, max_size=4))
def test_spans_are_sorted_apart_and_within_their_text(turns: list[str]) -> None:
    conversation = RULES.conversation(KEY)
    for number, text in enumerate(turns):
        last = 0
        for span in found(conversation, text, number % 2) or ():
            assert last <= span.start < span.end <= len(text)
            assert span.value_id >= 1
            last = span.end


@settings(max_examples=100)
@given(st.lists(st.lists(PIECES, max_size=12).map(" ".join), min_size=1, max_size=4))
def test_the_same_turns_give_the_same_spans(turns: list[str]) -> None:
    first, second = RULES.conversation(KEY), RULES.conversation(KEY)
    for number, text in enumerate(turns):
        assert found(first, text, number % 2) == found(second, text, number % 2)


@settings(max_examples=200)
@given(
    st.integers(0, 10**19),
    st.sampled_from(["{}", "it is {}", "so {} okay", "{} 😀", "İİ {}", "read back {} please"]),
    st.sampled_from(["", " ", "-"]),
)
def test_eight_or_more_bare_digits_always_go(number: int, frame: str, separator: str) -> None:
    digits = separator.join(str(number).zfill(8))
    text = frame.format(digits)
    spans = RULES.conversation(KEY).turn(text, 0)
    at = text.index(digits)
    covered = {i for s in spans for i in range(s.start, s.end)}
    assert all(i in covered for i in range(at, at + len(digits)) if text[i].isdecimal())


UNITS = [
    "a", "1", "1 ", "one ", "a1", "@", "a@", "a.", ".", " ", "\n", "1,", "$1 ", "mr a ", "x ", "1 street ", "12:",
    "dot at ", "ab12" + "1" * 60 + " ", "gb12 " + "a1 " * 20, "12-34-56 ", "expires 1 ", "my name is is is ",
    "price is was is ", "corner of a and ", "password is is ", "b for b ", "one hundred thousand ", "a.b.c.d.e.f.g.com",
    "1:2:3:4:5:6:7:8",
]  # fmt: skip


def seconds(unit: str, length: int) -> float:
    text = (unit * length)[:length]
    start = time.process_time()
    RULES.conversation(KEY).turn(text, 0)
    return time.process_time() - start


@pytest.mark.parametrize("unit", UNITS)
def test_ten_times_the_text_takes_about_ten_times_the_time(unit: str) -> None:
    assert seconds(unit, 20_000) < 40 * seconds(unit, 2_000) + 0.3


@pytest.mark.parametrize("unit", ["a", "one ", "my name is ann and my card is 4111 1111 1111 1111 "])
def test_a_hundred_thousand_characters_are_read(unit: str) -> None:
    assert seconds(unit, 100_000) < 20
