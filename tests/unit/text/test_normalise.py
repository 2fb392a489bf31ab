"""What was said, as it would be written: the tables are the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.errors import DetectionError
from deid_stream.text.normalise import ends_in_word, normalise
from deid_stream.text.tokens import PLAIN

DIGITS = {
    "nine eight double four at the desk": "9844 at the desk",
    "triple nine": "999",
    "treble nine four": "9994",
    "oh one two": "012",
    "nought nought seven": "007",
    "one two three four": "1234",
    "4 1 1 1 22 33": "4111 22 33",
    "plus nine one nine eight": "+9198",
    "ｆｏｕｒ ｆｉｖｅ": "45",
    "𝐟𝐨𝐮𝐫 𝐟𝐢𝐯𝐞": "45",
    "f\u200bour fi\u00adve s\u200fix": "456",
    "four\u2060 fi\u202eve": "45",
    "fo\u0308ur f\u0301i\u0301ve": "45",
    "four one, sorry, four two": "41, sorry, 42",
    "one two dash three four": "12-34",
    "x 5 o 2": "x502",
}
NUMBERS = {
    "forty two": "42",
    "forty-two": "42",
    "ten thirty": "10 30",
    "nineteen eighty six": "19 86",
    "one hundred and seven": "107",
    "four thousand five hundred": "4,500",
    "twenty five hundred": "2,500",
    "one lakh twenty thousand five hundred": "120,500",
    "two crore": "20,000,000",
    "two hundred fifty thousand": "250,000",
    "five hundred two hundred": "500 200",
    "twelfth of march": "12th of march",
    "twenty third": "23rd",
    "one hundred sixty third avenue": "163rd avenue",
    "four point five stars": "4.5 stars",
    "seven point one five": "7.15",
}
LETTERS = {
    "r a g h a v a n": "raghavan",
    "S-M-I-T-H": "SMITH",
    "b for bombay p as in peter four two": "bp42",
    "lima one three uniform november": "l13un",
    "s w one a one a a": "sw1a1aa",
    "double u double l e": "wlle",
    "w six five oh three": "w6503",
}
ADDRESSES = {
    "john dot smith at gmail dot com": "john.smith@gmail.com",
    "r a j u underscore one at gmail dot com": "raju_1@gmail.com",
    "mary hyphen ann at my company dot org": "mary-ann@my company.org",
    "raju at the rate of yahoo dot co dot in ok": "raju@yahoo.co.in ok",
    "raju at okaxis": "raju@okaxis",
    "kiran at ok icici": "kiran@okicici",
    "kiran at ok hdfc bank": "kiran@okhdfcbank",
    "kiran at hdfc bank": "kiran@hdfcbank",
    "www dot example dot com": "www.example.com",
}
HINDI = {
    "ek do teen char paanch": "12345",
    "nau aath saat": "987",
}
UNTOUCHED = [
    "i am a man",
    "do you have a teen char",
    "meet me at the park",
    "it is in november",
    "oh okay",
    "dot your i's",
    "mike called",
    "double check please",
    "thank you",
    "",
]


@pytest.mark.parametrize(("said", "written"), [*(DIGITS | NUMBERS | LETTERS | ADDRESSES | HINDI).items()])
def test_written_form(said: str, written: str) -> None:
    assert normalise(said).text == written


@pytest.mark.parametrize("said", UNTOUCHED)
def test_what_is_no_number_stays(said: str) -> None:
    assert normalise(said).text == said


@pytest.mark.parametrize(("said", "part", "source"), [
    ("my number is double four two thanks", "442", "double four two"),
    ("on the twelfth of march", "12th", "twelfth"),
    ("b for bombay one", "b1", "b for bombay one"),
    ("write john at gmail dot com", "john@gmail.com", "john at gmail dot com"),
    ("pay four thousand five hundred now", "4,500", "four thousand five hundred"),
])  # fmt: skip
def test_the_way_back(said: str, part: str, source: str) -> None:
    written = normalise(said)
    at = written.text.index(part)
    start, end = written.to_source(at, at + len(part))
    assert said[start:end] == source
    assert part in written.between(start, end)


def test_other_scripts_digits_are_digits() -> None:
    assert normalise("९८७६ ५").text == "9876 5"


def test_only_text_is_text() -> None:
    with pytest.raises(DetectionError):
        normalise(b"four")  # type: ignore[arg-type]


WORDS = st.sampled_from(
    "one two nine oh double triple ten forty hundred thousand lakh and point first a i b at dot"
    " gmail com 7 42 ek do teen"
    " for bombay plus dash , . - \n 😀 é ﷽".split(" ")
)


@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=25).map(" ".join)))
def test_every_text_maps_back(text: str) -> None:
    """Each written character stands for source characters that exist, in order, and none is invented."""
    written = normalise(text)
    last = 0
    for at in range(len(written.text)):
        start, end = written.to_source(at, at + 1)
        assert last <= start < end <= len(text)
        last = start


@given(st.lists(st.sampled_from("zero one two three four five six seven eight nine".split()), min_size=1, max_size=20))
def test_digits_said_one_by_one_are_all_kept(words: list[str]) -> None:
    names = "zero one two three four five six seven eight nine".split()
    assert normalise(" ".join(words)).text == "".join(str(names.index(w)) for w in words)


@given(st.integers(1, 99_999))
def test_cardinals_read_back(number: int) -> None:
    assert normalise(_spoken(number)).text.replace(",", "") == str(number)


def _spoken(number: int) -> str:
    small = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen"
        " eighteen nineteen"
    ).split()
    tens = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10] + (f" {small[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{small[number // 100]} hundred" + (f" and {_spoken(number % 100)}" if number % 100 else "")
    return f"{_spoken(number // 1000)} thousand" + (f" {_spoken(number % 1000)}" if number % 1000 else "")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("could i take the card number", True),
        ("two tickets please.", True),
        ("it is the fifth one, okay?", True),
        ("i will", True),
        ("the code is five nine six", False),
        ("room twenty-two", False),
        ("that is fiiive", False),
        ("it is twonine.", False),
        ("flat b", False),
        ("it's", False),  # the written form may cut it otherwise
        ("naïve", False),
        ("", False),
    ],
)
def test_the_last_word_alone_shows_that_no_number_ends_the_text(said: str, word: bool) -> None:
    assert ends_in_word(said) is word


@given(
    st.lists(st.sampled_from("d as in delta o oh x at ok hdfc bank five two for 5 ninety y uno do eighteight".split()))
)
def test_a_text_that_ends_in_a_word_is_written_with_that_word_last(words: list[str]) -> None:
    said = " ".join(words)
    if ends_in_word(said):
        assert not PLAIN.findall(normalise(said).text)[-1].isdecimal()
