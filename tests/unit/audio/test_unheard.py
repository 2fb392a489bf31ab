"""Speech without a transcript is muted, the ordinary speech of a covered turn is not, silence passes."""

import numpy as np
import pytest

from deid_stream.audio.align.profiles import profile
from deid_stream.audio.hear.unheard import explained, tail_ms, unexplained
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan
from deid_stream.units import Interval

from .sounds import joined, noise, silent, voice


def segment(*words, text="some words and more", start_ms=1000, end_ms=4000):
    return Segment(
        call_id="c", customer_id="k", segment_id="s", text=text, start_ms=start_ms, end_ms=end_ms,
        words=tuple(Word(*word) for word in words),
    )  # fmt: skip


SILENT = Recording(silent(6000)[:, None], 8000)
TALKING = Recording(voice(6000)[:, None], 8000)
PAUSED = Recording(joined(silent(950), voice(1100), silent(500), voice(500), silent(3000))[:, None], 8000)
"""Speech from 950 to 2050 and from 2550 to 3050 ms."""


@pytest.mark.parametrize(
    ("words", "recording", "stretches"),
    [
        ([("some", 1000, 1400), ("words", 1400, 2000)], PAUSED, [(700, 2300)]),
        ([("some", 1000, 1400), ("words", 1630, 2000)], PAUSED, [(700, 2300)]),
        ([("some", 1000, 1400), ("words", 2600, 3000)], PAUSED, [(700, 1460), (2300, 3300)]),
        ([("some", 1000, 1400), ("words", 1600, 2000)], TALKING, [(940, 2060)]),
        ([("some", 1000, 1400), ("a", 1500, 4000)], PAUSED, [(700, 1460)]),
        ([("some", 1000, 1400), ("words", 1500, 2500)], PAUSED, [(700, 2500)]),
        ([("a", 3100, 4000)], PAUSED, [(3040, 3920)]),
        ([("some", 1000, 1400), (",", 1400, 1400), ("#####", 1400, 4000)], PAUSED, [(700, 1460)]),
        ([("in", 1000, 2500), ("the", 2500, 2500), ("morning", 2500, 2500)], PAUSED, [(700, 2500)]),
        ([("in", 1000, 3700), ("the", 3700, 3700), ("a", 3700, 3700)], TALKING, []),
        ([], PAUSED, [(700, 4300)]),
        ([("some", None, None), ("words", 1400, 2000)], PAUSED, [(700, 2300)]),
        ([], TALKING, []),
        ([("some", None, None), ("words", 3400, 3800)], TALKING, [(3340, 3860)]),
        ([("[NAME]", None, None), ("words", None, None)], PAUSED, []),
    ],
    ids=[
        "connected", "a short pause", "a gap", "no pause after them", "a word that cannot sound so long",
        "a word that lasts into a pause", "a word where nothing sounds", "no letters", "no times at the end",
        "too few words for the time", "no words", "untimed",
        "no words and too much speech", "untimed and too much speech", "a placeholder has no letters",
    ],
)  # fmt: skip
def test_what_a_segment_accounts_for(words, recording, stretches):
    found = explained(segment(*words), profile("50ms"), recording, 0)
    assert found == [Interval(*stretch) for stretch in stretches]


@pytest.mark.parametrize("text", ["...", "-", "[inaudible]", "[CREDIT_CARD_1]", "####", "<PHONE> {{PII}}"])
@pytest.mark.parametrize("recording", [SILENT, PAUSED], ids=["silent", "speech"])
def test_a_segment_without_letters_explains_nothing(text, recording):
    assert explained(segment(text=text), profile("50ms"), recording, 0) == []
    assert explained(segment(*((word, 1000, 2000) for word in text.split())), profile("50ms"), recording, 0) == []


OKAY = pytest.mark.parametrize(
    "words", [[], [("okay", None, None)], [("okay", 1000, 3500)]], ids=["none", "untimed", "timed"]
)


@OKAY
def test_a_word_does_not_explain_a_card_number(words):
    assert explained(segment(*words, text="okay", end_ms=3500), profile("100ms"), TALKING, 0) == []


@OKAY
def test_a_word_explains_itself_and_the_silence_about_it(words):
    spoken = Recording(joined(silent(2000), voice(600), silent(3000))[:, None], 8000)
    (known,) = explained(segment(*words, text="okay", end_ms=3500), profile("100ms"), spoken, 0)
    assert known.start <= 2000
    assert known.end >= 2600


WHOLE = Interval(0, 3840)
SPEECH = Recording(joined(silent(960), voice(1920), silent(960))[:, None], 8000)


def muted(covered, recording=SPEECH, window=WHOLE):
    return [(s.start_ms, s.end_ms) for s in unexplained(covered, window, recording, 0)]


def test_speech_that_nothing_covers_is_muted_and_silence_passes():
    (only,) = muted([])
    assert only[0] == pytest.approx(960, abs=60)
    assert only[1] == pytest.approx(2880, abs=100)
    assert muted([], Recording(noise(3840, rms=12)[:, None], 8000)) == []


def test_noise_that_begins_is_taken_for_speech_for_one_cell_at_most():
    begun = muted([], Recording(joined(silent(2000), noise(1840, rms=12))[:, None], 8000))
    assert sum(end - start for start, end in begun) <= 480


def test_covered_speech_is_left_alone():
    assert muted([Interval(900, 3000)]) == []


def test_a_gap_in_the_cover_is_muted():
    assert muted([Interval(900, 1500), Interval(2000, 3000)]) == [(1500, 2000)]


@pytest.mark.parametrize("slip", [Interval(900, 2830), Interval(1030, 3000)])
def test_slips_at_the_edge_of_a_turn_are_not_speech(slip):
    assert muted([slip]) == []


SOFT = Recording(joined(voice(480), silent(480), voice(1920, peak=200), silent(960))[:, None], 8000)


@pytest.mark.parametrize(
    ("uncovered_ms", "recording", "spans"),
    [
        (20, SPEECH, [(1900, 1920)]),
        (20, SOFT, []),
        (40, SOFT, [(1880, 1920)]),
        (60, SPEECH, [(1860, 1920)]),
        (100, SPEECH, [(1820, 1920)]),
    ],
)
def test_at_a_cell_border_what_may_go_on_is_muted_and_a_breath_is_not(uncovered_ms, recording, spans):
    assert muted([Interval(900, 1920 - uncovered_ms)], recording, Interval(960, 1920)) == spans


@pytest.mark.parametrize(
    ("window", "said"),
    [(Interval(960, 1440), Interval(1420, 1740)), (Interval(1440, 1920), Interval(1100, 1460))],
    ids=["begins at its end", "ends at its start"],
)
def test_soft_speech_that_crosses_a_cell_border_goes_whole(window, said):
    loud = joined(voice(600), silent(said.start - 600))
    crossing = Recording(joined(loud, noise(said.length, rms=20), silent(2_000))[:, None], 8000)
    assert muted([], crossing, window) == [said.intersect(window)]


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


@pytest.mark.parametrize("said_ms", [30, 70, 95])
def test_less_than_a_syllable_that_the_end_of_the_sound_cuts_off_is_muted(said_ms):
    recording = Recording(joined(silent(1000), voice(said_ms, peak=20_000))[:, None], 8000)
    spans = unexplained([], Interval(960, 1440), recording, 0)
    assert sum(span.end_ms - span.start_ms for span in spans) >= said_ms - 20


class Lossy(Recording):
    """Some of it never came."""

    def __init__(self, samples, *lost):
        super().__init__(samples[:, None], 8000)
        self.lost = [Interval(*part) for part in lost]
        for part in self.lost:
            self.samples[8 * part.start : 8 * part.end] = 0

    def missing(self, channel, part):
        return [common for common in map(part.intersect, self.lost) if common.length]


@pytest.mark.parametrize("side", ["before", "after"])
def test_less_than_a_syllable_beside_audio_that_never_came_is_muted(side):
    sound = joined(silent(1100), voice(60), silent(1000))
    gap = (1000, 1100) if side == "before" else (1160, 1260)
    (span,) = unexplained([], Interval(960, 1440), Lossy(sound.copy(), gap), 0)
    assert (span.start_ms, span.end_ms) == (1100, 1160)
    assert unexplained([], Interval(960, 1440), Lossy(sound.copy()), 0) == []
    assert unexplained([], Interval(960, 1440), Lossy(sound.copy(), (1300, 1400)), 0) == [], "the gap is elsewhere"


def test_what_never_came_counts_as_speech_where_a_text_has_no_times():
    sound = joined(silent(950), voice(1100), silent(500), voice(500), silent(3000))
    few = segment()
    assert explained(few, profile("50ms"), Lossy(sound.copy()), 0) != []
    assert explained(few, profile("50ms"), Lossy(sound.copy(), (1200, 1300), (1500, 1700)), 0) == (
        explained(few, profile("50ms"), Lossy(sound.copy()), 0)
    ), "no more than was there"
    assert explained(few, profile("50ms"), Lossy(sound.copy(), (2050, 2550), (3100, 3900)), 0) == []


@pytest.mark.parametrize(("word", "end_ms"), [("recorded", 1700), ("okay", 1360)], ids=["long enough", "too short"])
def test_a_sound_after_a_closed_mouth_is_the_words_own_where_its_letters_take_as_much(word, end_ms):
    loud = {"rms": 2000}
    sound = joined(silent(1000), noise(300, **loud), silent(60), noise(250, **loud), silent(2000))
    said = segment((word, 1000, 1400), text=word, start_ms=1000, end_ms=1700)
    found = explained(said, profile("100ms"), Recording(sound[:, None], 8000), 0)
    assert found[-1].end == end_ms


@pytest.mark.parametrize(
    ("words", "stretches"),
    [
        ([("know", 1000, 1900), ("so", 1900, 2200)], [(700, 1300), (1900, 2500)]),
        ([("know", 1000, 1300), ("so", 1300, 2200)], [(700, 1300), (1900, 2500)]),
        ([("know", 1000, 1600), ("so", 1600, 2200)], [(700, 1300), (1900, 2500)]),
        ([("know", 1000, 1300), ("so", 1900, 2200)], [(700, 1300), (1900, 2500)]),
        ([("know", 1000, 2000)], [(700, 1300)]),
        ([("what", 1000, 1900), ("so", 1450, 2200)], [(700, 1300), (1450, 1750)]),
        ([("know", 2700, 2700)], []),
        ([("unforgettable", 1000, 2200)], [(700, 2500)]),
        ([("forgotten", 1000, 2200)], [(700, 1750)]),
        ([("know", 1000, 1450), ("what", 1450, 1800), ("so", 1800, 2200)], [(700, 2500)]),
    ],
    ids=[
        "lasts to the next", "begins where the one before ends", "both", "exact", "lasts into others",
        "all last into others", "said outside the segment", "long enough", "drawn out over pauses",
        "all three are read",
    ],
)  # fmt: skip
def test_a_word_that_nobody_has_read_is_not_explained_by_those_whose_times_reach_into_it(words, stretches):
    """Three words of 300 ms, 150 ms apart."""
    said = joined(voice(300), silent(150))
    recording = Recording(joined(silent(1000), said, said, said, silent(3000))[:, None], 8000)
    found = explained(segment(*words, end_ms=2200), profile("exact"), recording, 0)
    assert found == [Interval(*stretch) for stretch in stretches]


@pytest.mark.parametrize(
    ("goes_on_ms", "stretches"), [(90, [(900, 1700)]), (300, [(1200, 1700)])], ids=["its own", "another word"]
)
def test_a_word_that_is_not_where_it_is_stated_is_no_longer_sound_than_its_times_may_be_off(goes_on_ms, stretches):
    """A sound ends where the word is stated to begin, and nothing sounds in its time."""
    recording = Recording(joined(silent(1200 - goes_on_ms), voice(goes_on_ms), silent(3000))[:, None], 8000)
    found = explained(segment(("why", 1200, 1400), end_ms=1400), profile("100ms"), recording, 0)
    assert found == [Interval(*stretch) for stretch in stretches]


@pytest.mark.parametrize(
    ("muted", "expected"),
    [((500, 950), (950, 1440)), ((500, 770), (770, 1440)), ((500, 760), (960, 1440)), ((500, 1_000), (960, 1440))],
    ids=["a breath before it", "less than two syllables before it", "further off", "meeting it"],
)
def test_nothing_is_heard_between_speech_that_nobody_read_and_what_is_silenced_just_before(muted, expected):
    (span,) = unexplained([], Interval(960, 1440), TALKING, 0, [AudioSpan(*muted, 0, "PERSON")])
    assert (span.start_ms, span.end_ms) == expected
