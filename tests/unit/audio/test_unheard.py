"""Speech without a transcript is muted, the ordinary speech of a covered turn is not, silence passes."""

import numpy as np
import pytest

from deid_stream.audio.align.profiles import profile
from deid_stream.audio.hear.unheard import explained, tail_ms, unexplained
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Segment, Word
from deid_stream.units import Interval

from .sounds import joined, noise, silent, voice


def segment(*words, text="some words", start_ms=1000, end_ms=4000):
    return Segment(
        call_id="c", customer_id="k", segment_id="s", text=text, start_ms=start_ms, end_ms=end_ms,
        words=tuple(Word(*word) for word in words),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "stretches"),
    [
        ([("some", 1000, 1400), ("words", 1400, 2000)], [(700, 2300)]),
        ([("some", 1000, 1400), ("words", 2000, 2400)], [(700, 2700)]),
        ([("some", 1000, 1400), ("words", 3500, 4000)], [(700, 1700), (3200, 4300)]),
        ([("some", 1000, 1400), ("a", 1500, 4000)], [(700, 3000)]),
        ([], [(700, 4300)]),
        ([("some", None, None), ("words", 1400, 2000)], [(700, 4300)]),
    ],
    ids=["connected", "a pause", "a gap", "a word that cannot be so long", "no words", "untimed"],
)
def test_what_a_segment_accounts_for(words, stretches):
    assert explained(segment(*words), profile("50ms")) == [Interval(*s) for s in stretches]


def test_a_segment_without_text_explains_nothing():
    assert explained(segment(text="  "), profile("50ms")) == []


WHOLE = Interval(0, 3840)
SPEECH = Recording(joined(silent(960), voice(1920), silent(960))[:, None], 8000)


def muted(covered, recording=SPEECH, window=WHOLE):
    return [(s.start_ms, s.end_ms) for s in unexplained(covered, window, recording, 0)]


def test_speech_that_nothing_covers_is_muted_and_silence_passes():
    (only,) = muted([])
    assert only[0] == pytest.approx(960, abs=60)
    assert only[1] == pytest.approx(2880, abs=100)
    assert muted([], Recording(joined(silent(2000), noise(1840, rms=12))[:, None], 8000)) == []


def test_covered_speech_is_left_alone():
    assert muted([Interval(900, 3000)]) == []


def test_a_gap_in_the_cover_is_muted():
    assert muted([Interval(900, 1500), Interval(2000, 3000)]) == [(1500, 2000)]


@pytest.mark.parametrize("slip", [Interval(900, 2830), Interval(1030, 3000)])
def test_slips_at_the_edge_of_a_turn_are_not_speech(slip):
    assert muted([slip]) == []


def test_spans_name_their_channel_and_reason():
    (span,) = unexplained([], Interval(960, 1440), SPEECH, 0)
    assert (span.channel, span.entity_type, span.end_ms) == (0, "UNTRANSCRIBED", 1440)


def test_window_by_window_is_the_same_as_at_once():
    windows = [muted([Interval(900, 1500)], window=Interval(at, at + 480)) for at in range(0, 3840, 480)]
    pieces = [piece for window in windows for piece in window]
    (whole,) = muted([Interval(900, 1500)])
    assert (pieces[0][0], pieces[-1][1]) == whole
    assert sum(b - a for a, b in pieces) == whole[1] - whole[0]


@pytest.mark.parametrize(
    ("parts", "tail"),
    [
        ([voice(200), silent(400)], 300),
        ([silent(80), voice(150), silent(400)], 0),
        ([voice(40), silent(60), voice(200), silent(400)], 40),
        ([voice(40), silent(30), voice(200), silent(400)], 300),
        ([voice(40), silent(80), voice(60), silent(400)], 300),
        ([silent(400), voice(400)], 300),
        ([silent(900)], 300),
    ],
    ids=["dies away", "a word after a pause", "an end, then a word", "a stop", "a click", "far", "nothing"],
)
@pytest.mark.parametrize("rate_hz", [8_000, 22_050])
def test_the_end_of_a_word_is_told_from_another_word(parts, tail, rate_hz):
    sound = joined(*parts)
    at = np.arange(len(sound) * rate_hz // 8_000) * 8_000 // rate_hz
    assert tail_ms(Recording(sound[at][:, None], rate_hz), 0, 0) == pytest.approx(tail, abs=10)
