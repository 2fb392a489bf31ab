"""What the neighbours of badly understood words cannot be is theirs; what was made up is nobody's."""

import numpy as np
import pytest

from deid_stream.audio.align.unsure import hasty, spilled
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval

from .sounds import joined, noise, silent, voice

CUT = Interval(1_000, 2_000)
TALKING = Recording(voice(4_000)[:, None], 8_000)
PAUSED_SOUND = joined(silent(900), voice(1_500), silent(1_600))
PAUSED = Recording(PAUSED_SOUND[:, None], 8_000)
"""Speech from 900 to 2,400 ms."""
SOFT = joined(silent(900), voice(1_500, peak=1_500), silent(1_600))
LOSSY = Recording(joined(silent(900), voice(1_500), noise(1_600, rms=20))[:, None], 8_000)
"""The same on a line with a little noise, of which packets were lost at first: it was more silent than its pauses."""
NOISY = Recording((SOFT + noise(4_000, rms=150))[:, None], 8_000)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [((1_400, 1_440), (950, 1_630)), ((1_200, 1_440), (1_200, 1_440))],
    ids=["no time to say it", "time enough"],
)
def test_a_word_that_is_given_no_time_takes_what_its_neighbours_cannot_be(stated, expected):
    words = [Word("hi", 820, 900, 1.0), Word("chloe", *stated, 1.0), Word("in", 1_450, 1_760, 1.0)]
    assert spilled(words, Interval(1, 2), Interval(*stated), TALKING, 0, rough=False) == Interval(*expected)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100])
def test_a_pause_is_told_from_a_word_at_every_rate(rate_hz):
    """At some rates no frame is a whole number of samples."""
    sound = np.interp(np.arange(0, 4, 1 / rate_hz), np.arange(len(PAUSED_SOUND)) / 8_000, PAUSED_SOUND)
    words = [Word("at", 203, 1_000, 1.0), Word("5387", 1_000, 2_000, 0.5), Word("in", 2_003, 3_997, 1.0)]
    cut = spilled(words, Interval(1, 2), CUT, Recording(sound.astype(np.int16)[:, None], rate_hz), 0, rough=False)
    assert cut.end == pytest.approx(2_270, abs=20)


def test_a_word_that_is_given_no_time_takes_no_more_than_it_can_sound():
    words = [Word("hi", 100, 300, 1.0), Word("chloe", 3_000, 3_040, 1.0)]
    cut = spilled(words, Interval(1, 2), Interval(3_000, 3_040), TALKING, 0, rough=False)
    assert cut.end == 3_040
    assert 2_200 <= cut.start <= 2_800


@pytest.mark.parametrize(
    ("before", "said", "after", "rough", "expected"),
    [
        # "on" takes 130 ms, said fast: of the second that is stated the rest may be digits that were not read
        (Word("says", 700, 1_000, 1.0), 0.5, Word("on", 2_000, 3_000, 1.0), False, (920, 2_870)),
        (Word("at", 200, 1_000, 1.0), 0.5, Word("on", 2_000, 2_150, 1.0), False, (330, 2_020)),
        # the doubt may be the neighbour's
        (Word("at", 200, 1_000, 0.6), 1.0, Word("on", 2_000, 2_150, 1.0), False, (330, 2_020)),
        # nobody doubts anything
        (Word("at", 200, 1_000, 1.0), 1.0, Word("on", 2_000, 3_000, 1.0), False, (1_000, 2_000)),
        (Word("at", 200, 1_000, 0.9), 0.9, Word("on", 2_000, 3_000, 0.9), False, (1_000, 2_000)),
        (Word("at", 200, 1_000, 0.9), 0.9, Word("on", 2_000, 3_000, 0.9), True, (330, 2_870)),
        # a recogniser that says nothing of doubt is not doubted
        (Word("at", 200, 1_000), None, Word("on", 2_000, 3_000), True, (1_000, 2_000)),
        (Word("at"), 0.5, Word("on"), False, (1_000, 2_000)),
    ],
)
def test_neighbours_give_what_their_letters_cannot_take(before, said, after, rough, expected):
    words = [before, Word("5387", 1_000, 2_000, said), after]
    assert spilled(words, Interval(1, 2), CUT, TALKING, 0, rough=rough) == Interval(*expected)


@pytest.mark.parametrize(
    ("sound", "after", "expected_ms"),
    [
        (TALKING, [Word("in", 2_000, 4_000, 1.0)], 3_870),
        # the word lasts into the pause after it; of its 400 ms of sound, 130 are its own
        (PAUSED, [Word("in", 2_000, 4_000, 1.0)], 2_270),
        (LOSSY, [Word("in", 2_000, 4_000, 1.0)], 2_270),
        # three words are said in the time of one, and nothing is left of it
        (PAUSED, [Word("in", 2_000, 4_000, 1.0), Word("the", 4_000, 4_000), Word("mail", 4_000, 4_000)], 2_000),
        # a soft digit cannot be told from the noise
        (NOISY, [Word("in", 2_000, 4_000, 1.0)], 3_870),
    ],
    ids=["speech to its end", "a pause", "a pause after lost packets", "words without a time", "noise"],
)
def test_a_word_gives_what_sounds_in_its_time_beyond_its_letters(sound, after, expected_ms):
    words = [Word("5387", 1_000, 2_000, 0.5), *after]
    cut = spilled(words, Interval(0, 1), CUT, sound, 0, rough=False)
    assert cut.start <= CUT.start
    assert cut.end == pytest.approx(expected_ms, abs=20)


def test_at_the_ends_of_a_segment_there_are_no_neighbours():
    assert spilled([Word("5387", 1_000, 2_000, 0.1)], Interval(0, 1), CUT, TALKING, 0, rough=True) == CUT


@pytest.mark.parametrize(
    ("length_ms", "confidence", "expected"),
    [
        (0, 0.5, True),
        (20, 0.5, True),
        (0, 0.95, False),  # only the times are rough
        (0, None, False),
        (200, 0.1, False),  # badly understood, and said
    ],
)
def test_words_that_nobody_could_say_so_fast_were_made_up(length_ms, confidence, expected):
    words = tuple(Word("video", 500 * i, 500 * i + length_ms, confidence) for i in range(6))
    made = Segment(call_id="c", customer_id="a", segment_id="s", text="x", start_ms=0, end_ms=3_000, words=words)
    assert hasty(made) is expected


def test_a_word_or_two_say_nothing():
    words = tuple(Word("video", 0, 0, 0.1) for _ in range(3))
    made = Segment(call_id="c", customer_id="a", segment_id="s", text="x", start_ms=0, end_ms=3_000, words=words)
    assert not hasty(made)


@pytest.mark.parametrize(
    ("before", "confidence", "sound", "expected_ms"),
    [
        # the sound begins at 900 ms: a recogniser hears the second digit as the first
        ([], 0.1, PAUSED, 900),
        ([Word("yes", 200, 600, 1.0)], 0.1, PAUSED, 335 + 40),
        # who is sure of the first word knows where it begins
        ([], 0.9, PAUSED, 1_200),
        ([], None, PAUSED, 1_200),
        # no pause shows where it began
        ([], 0.1, TALKING, 1_200),
    ],
    ids=["nothing before it", "a word before it", "certain", "no confidence", "no pause"],
)
def test_a_doubted_first_word_begins_where_its_sound_does(before, confidence, sound, expected_ms):
    words = [*before, Word("5387", 1_300, 2_000, confidence)]
    said = Interval(len(before), len(before) + 1)
    cut = spilled(words, said, Interval(1_200, 2_000), sound, 0, rough=False)
    assert cut.start == pytest.approx(expected_ms, abs=10)
