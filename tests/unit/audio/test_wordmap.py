"""Text to recogniser words, however differently both are written, and times that cannot be true."""

import pytest

from deid_stream.audio.align.wordmap import believable, places, words_of
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval


def words(text):
    return [Word(token) for token in text.split()]


def said(text, spoken, wanted):
    start = text.index(wanted)
    low, high = words_of(places(text, words(spoken)), start, start + len(wanted))
    return " ".join(spoken.split()[low:high])


@pytest.mark.parametrize(
    ("text", "spoken", "wanted", "expected"),
    [
        ("my name is Grace Hill.", "my name is Grace Hill.", "Grace Hill", "Grace Hill."),
        ("My name is Grace, thanks", "my name is grace thanks", "Grace", "grace"),
        ("call four one one, please", "Call four one one please.", "four one one", "four one one"),
        ("it's O'Brien - yes", "it's O'Brien - yes", "O'Brien", "O'Brien"),
        ("e-mail me", "e mail me", "e-mail", "e mail"),
        ("e mail me", "e-mail me", "mail", "e-mail"),
        ("number 4111 2222 thanks", "number four one one one double two thanks", "2222", "four one one one double two"),
        ("I owe $40, Jane", "I owe forty dollars Jane", "Jane", "Jane"),
        ("straße zehn Müller", "STRASSE zehn müller", "straße", "STRASSE"),
        ("well it is Anna", "well um it is Anna", "Anna", "Anna"),
        ("well it is Anna Bell ok", "well it is Anna ok", "Bell", "Anna ok"),
        ("well it is Anna Bell", "well it is Anna", "Bell", "Anna"),
        ("मेरा नाम राघवन है", "मेरा नाम राघवन है", "राघवन", "राघवन"),
    ],
)
def test_words_that_say_a_stretch(text, spoken, wanted, expected):
    assert said(text, spoken, wanted) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 3)])
def test_no_letters_no_words(start, end):
    assert words_of(places("ab - cd", words("ab - cd")), start, end).length == 0


def test_every_word_of_an_ordinary_segment_has_its_place():
    text = "Yes, it is O'Brien: four-one."
    assert [text[a:b] for a, b in places(text, words("yes it is O'BRIEN four one"))] == [
        "Yes", "it", "is", "O'Brien", "four", "one"
    ]  # fmt: skip


def segment(*times, text=None):
    spoken = [Word(name, start, end) for name, start, end in times]
    return Segment(
        call_id="c",
        customer_id="k",
        segment_id="s",
        text=text or " ".join(word.text for word in spoken),
        start_ms=1000,
        end_ms=5000,
        words=tuple(spoken),
    )


GOOD = [("is", 1000, 1200), ("four", 1250, 1550), ("two", 1550, 1800), ("ok", 2300, 2600)]


def changed(at, *times):
    return segment(*GOOD[:at], (GOOD[at][0], *times), *GOOD[at + 1 :])


def test_ordinary_times_are_believed():
    assert believable(segment(*GOOD), Interval(1, 3), 25) == [("four", 1250, 1550), ("two", 1550, 1800)]


@pytest.mark.parametrize(
    "bad",
    [
        changed(1, 1250, 7250),
        changed(1, 1250, 1250),
        changed(1, 1250, 1100),
        changed(1, None, None),
        changed(1, 1250, 1255),
        changed(1, 200, 500),
        changed(2, 5200, 5500),
        changed(2, 1250, 1550),
        changed(0, 1000, 1900),
        changed(2, 1000, 1250),
        changed(3, 1250, 1400),
    ],
    ids=[
        "six seconds", "zero", "negative", "untimed", "too short", "before the segment", "after the segment",
        "same as the one before", "neighbour over it", "out of order", "next one before it",
    ],
)  # fmt: skip
def test_times_that_cannot_be_true_are_not_trusted(bad):
    assert believable(bad, Interval(1, 3), 25) is None


@pytest.mark.parametrize(
    "fair",
    [
        changed(1, 1130, 1600),
        changed(3, 2300, 2300),
        segment(("is", 1000, 1200), ("4111111111111111", 1250, 4800), ("ok", 4800, 4990)),
    ],
    ids=["rough edges", "an empty neighbour", "a long number in one word"],
)
def test_rough_but_possible_times_are_trusted(fair):
    assert believable(fair, Interval(1, 2), 50) is not None
