"""Which words a recogniser's doubt silences."""

import pytest

from deid_stream.model.events import Word
from deid_stream.units import Interval
from deid_stream.words.confidence import doubted_text, unsure_runs


def said(text):
    """Words as "word.confidence in percent"; 300 ms each."""
    pairs = [part.rsplit(".", 1) for part in text.split()]
    return [Word(word, 300 * at, 300 * at + 300, int(percent) / 100) for at, (word, percent) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("through.99 my.37 clergy.35 and.71", [(1, 3)]),
        ("through.98 vanqueathed.27 them.50 and.60 you.93", [(1, 4)]),
        ("thank.95 you.98 Mohawk.58 for.18 that.99", [(2, 4)]),
        ("that.98 through.99 saved.38 and.73", [(2, 3)]),
        # everyday words are badly heard at times, and a segment's beginning more often than not
        ("it.90 for.30 that.99", []),
        ("it.90 for.20 that.99", [(1, 2)]),
        ("com.99 all.35 in.60 lower.43 case.35", []),
        ("In.10 the.99 long.99", []),
        ("Yes.05 it.30 is.99", []),
        ("Hello.05 clergy.30 is.99", [(0, 2)]),
        ("Fatima.30 speaking.99", [(0, 1)]),
        ("all.99 done.99", []),
        ("all.99 done.45", []),
    ],
)
def test_unsure_words_go_with_the_doubtful_ones_beside_them(text, runs):
    assert unsure_runs(said(text)) == [Interval(*run) for run in runs]


def test_words_without_confidence_are_not_doubted():
    assert unsure_runs([Word("clergy", 0, 300)]) == []


def test_what_was_said_before_the_question_is_no_answer_to_it():
    words = said("moved.30 house.30 last.99 live.99 at.99 Palmgrove.30")
    text = " ".join(word.text for word in words)
    assert doubted_text(text, words) == [Interval(0, 11), Interval(25, 34)]
    assert doubted_text(text, words, Interval(600, 9_000)) == [Interval(25, 34)]
    assert doubted_text(text, words, Interval(0, 600)) == [Interval(0, 11)]
    assert doubted_text(text, words, Interval(3_000, 9_000)) == []
