"""Word times that cannot be true are not trusted."""

import pytest

from deid_stream.audio.align.believable import anchors_at, in_order
from deid_stream.audio.align.believable import believable as judged
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval
from deid_stream.words.placement import place


def believable(segment, said, error_ms):
    placed = place(segment.text, [word.text for word in segment.words])
    return judged(segment, said, placed, error_ms)


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


@pytest.mark.parametrize(
    ("after", "relied_on"),
    [((1550, 1800), True), ((1550, 1550), False), ((None, None), True)],
    ids=["a word of its own time", "a word of no length", "a word without times"],
)
def test_a_word_in_whose_time_another_may_be_said_bounds_nothing(after, relied_on):
    words = segment(GOOD[0], ("four", 1250, 1550), ("two", *after), GOOD[3]).words
    assert anchors_at(words, 1) is relied_on


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


def test_punctuation_has_no_time_and_a_placeholder_may_last():
    times = [("is", 1000, 1200), (",", None, None), ("[NAME]", 1250, 4800), (".", None, None), ("ok", 4800, 4990)]
    spoken = segment(*times)
    assert believable(spoken, Interval(2, 3), 25) == [("[NAME]", 1250, 4800)]


@pytest.mark.parametrize(
    ("starts", "kept"),
    [
        ((100, 500, 900), (100, 500, 900)),
        ((100, 500, 420, 900), (100, 500, 420, 900)),
        ((100, 500, 300, 900), (100, 900)),
        ((900, 500, 100), ()),
        ((900, 900, 700, 500, 300), ()),
        ((900, 700, 500, None, 300), ()),
        ((2_000, 100, 500, 900), (100, 500, 900)),
        ((100, 500, None, 900, 0), (100, 500, None, 900)),
        ((100, 0), (100, 0)),
        ((600, 100), ()),
        ((None, None), (None, None)),
    ],
    ids=[
        "in order", "rough", "two changed places", "backwards", "backwards, some at one time",
        "backwards, one without a time", "the first is last", "the last is first", "two, rough",
        "two", "no times",
    ],
)  # fmt: skip
def test_words_out_of_order(starts, kept):
    words = [Word("and", start, None if start is None else start + 300) for start in starts]
    assert tuple(word.start_ms for word in in_order(words, 0) if word is not None) == kept


@pytest.mark.parametrize(
    ("starts", "error_ms", "left"),
    [
        ((100, 500, 300, 900), 100, (100, None, None, 900)),
        ((100, 500, 300, 900), 90, (100, 900)),
        ((100, 500, 420, 900), 100, (100, 500, 420, 900)),
        ((100, 1_000, 300, 900), 100, (100, 900)),
        ((600, 500, 400, 300, 200), 100, ()),
    ],
    ids=["by the usual error", "by more", "by less than counts", "far apart", "all of them"],
)  # fmt: skip
def test_words_that_rough_times_put_out_of_order_are_said_between_their_neighbours(starts, error_ms, left):
    words = [Word("and", start, start + 300, confidence=0.9) for start in starts]
    ordered = [word for word in in_order(words, error_ms) if word is not None]
    assert tuple(word.start_ms for word in ordered) == left
    assert all(word.confidence == 0.9 for word in ordered)
