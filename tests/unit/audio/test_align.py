"""Spans of text to stretches of sound: never inward, no further than the reach, and wider the less is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deid_stream.audio.align import forced
from deid_stream.audio.align.believable import TimedWord
from deid_stream.audio.align.drift import NO_DRIFT, Drift
from deid_stream.audio.align.locate import UNALIGNED, locate
from deid_stream.audio.align.profiles import FORCED, MAX_REACH_MS, PROFILES, WIDEST, profile
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval
from deid_stream.words.confidence import UNSURE_ANSWER

from .sounds import joined, noise, silent, voice

TEXT = "my name is Grace Hill thanks"


@pytest.fixture(autouse=True)
def _without_aligner(monkeypatch):
    monkeypatch.setattr(forced, "available", lambda: False)


def segment(times, text=TEXT, start_ms=1000, end_ms=3000):
    words = tuple(Word(token, *pair) for token, pair in zip(text.split(), times, strict=True)) if times else ()
    return Segment(
        call_id="c", customer_id="k", segment_id="s", text=text, start_ms=start_ms, end_ms=end_ms, words=words
    )


def span(wanted, text=TEXT):
    start = text.index(wanted)
    return Span(start, start + len(wanted), EntityType.PERSON, 1.0, "test")


TIMES = [(1000, 1200), (1200, 1500), (1500, 1700), (1700, 2100), (2150, 2500), (2600, 3000)]


def recording(*parts):
    return Recording(joined(*parts)[:, None], 8000)


SPOKEN = recording(silent(1000), voice(2000), silent(1000))


def test_consecutive_words_go_together_with_the_pause_between():
    (found,) = locate(segment(TIMES), [span("Grace Hill")], SPOKEN, 0, profile("exact"))
    assert found.start_ms <= 1700
    assert found.end_ms >= 2500
    assert (found.channel, found.entity_type) == (0, "PERSON")


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        ([Drift(900, 900)] * 6, (800, 3_400)),
        ([Drift(900, 900, within=Interval(1_200, 2_600))] * 6, (1_000, 2_800)),
        # the other word's segment has times of its own
        ([*[NO_DRIFT] * 4, *[Drift(900, 900, within=Interval(2_150, 2_600))] * 2], (1_700, 2_800)),
    ],
    ids=["as far as they may be off", "where they all are", "words of two segments"],
)
def test_words_whose_times_are_off_go_no_further_than_to_where_all_of_them_are(monkeypatch, drift, expected):
    monkeypatch.setattr("deid_stream.audio.align.locate._by_sound", lambda *_: None)
    (found,) = locate(segment(TIMES), [span("Grace Hill")], SPOKEN, 0, profile("exact"), None, drift)
    assert found.start_ms == pytest.approx(expected[0], abs=60)
    assert found.end_ms == pytest.approx(expected[1], abs=60)


def test_two_spans_are_two_stretches():
    first, second = locate(segment(TIMES), [span("name"), span("Hill")], SPOKEN, 0, profile("exact"))
    assert first.end_ms < second.start_ms


@pytest.mark.parametrize("name", list(PROFILES))
def test_edges_move_outward_within_the_reach(name):
    timing = profile(name)
    (found,) = locate(segment(TIMES), [span("Grace")], SPOKEN, 0, timing)
    assert 1700 - timing.widest_ms <= found.start_ms <= 1700
    assert 2100 <= found.end_ms <= 2100 + timing.widest_ms


def test_edges_find_the_quietest_frame():
    # a full stop of 20 ms before and after the word, 80 ms beyond its stated edges
    sound = joined(silent(1000), voice(600), noise(20, rms=3), voice(560), noise(20, rms=3), voice(800))
    (found,) = locate(segment(TIMES), [span("Grace")], recording(sound), 0, profile("100ms"))
    assert 1600 <= found.start_ms <= 1620
    assert 2180 <= found.end_ms <= 2210


def test_a_neighbour_is_a_second_opinion_on_the_border():
    even = recording(noise(4000, rms=2000))

    def start_when_the_word_before_ends(ended_ms):
        times = [*TIMES[:2], (1500, ended_ms), *TIMES[3:]]
        (found,) = locate(segment(times), [span("Grace")], even, 0, profile("100ms"))
        return found.start_ms

    timing = profile("100ms")
    assert start_when_the_word_before_ends(1700) <= 1700 - timing.least_ms
    assert start_when_the_word_before_ends(1600) <= 1650 - timing.least_ms
    assert start_when_the_word_before_ends(1600) >= 1600 - timing.error_ms
    assert start_when_the_word_before_ends(1800) >= 1700 - timing.error_ms + 50


def test_late_recognisers_are_looked_for_earlier():
    even = recording(noise(4000, rms=2000))
    (found,) = locate(segment(TIMES), [span("Grace")], even, 0, profile("late"))
    assert found.start_ms <= 1700 - profile("late").late_ms
    assert found.end_ms >= 2100


def test_without_sound_beyond_the_edge_all_that_may_be_the_border_goes():
    sound = joined(silent(1700), voice(400), silent(900))
    (found,) = locate(segment(TIMES), [span("Grace")], recording(sound), 0, profile("100ms"))
    timing = profile("100ms")
    assert found.start_ms <= 1700 - timing.error_ms
    assert found.end_ms >= 2100 + timing.error_ms


@pytest.mark.parametrize(
    ("name", "early_ms"), [("exact", 0), ("exact", 40), ("50ms", 0), ("50ms", 80), ("100ms", 0), ("100ms", 180)]
)
def test_the_cut_lies_in_the_pause_that_can_be_heard(name, early_ms):
    # the word lasts until 2100, silence until 2600; the recogniser ends it too early
    sound = recording(joined(silent(1000), voice(1100), silent(500), voice(500), silent(900)))
    timing = profile(name)
    times = [*TIMES[:3], (1700, 2100 - early_ms), (2600, 2800), (2800, 3000)]
    (found,) = locate(segment(times), [span("Grace")], sound, 0, timing)
    assert 2100 <= found.end_ms <= 2600


def test_other_speech_right_after_a_turn_is_not_taken_for_it():
    sound = recording(joined(silent(1000), voice(2000, peak=9000), silent(100), voice(900)))
    (found,) = locate(segment(TIMES), [span("thanks")], sound, 0, profile("100ms"))
    assert 3000 <= found.end_ms <= 3100


@pytest.mark.parametrize(("off_ms", "start_ms"), [(-200, 1500), (900, 1700)], ids=["agrees", "lost its way"])
def test_of_poor_times_and_the_aligner_the_aligner_counts_where_they_agree(monkeypatch, off_ms, start_ms):
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [
        TimedWord(word, start + off_ms, end + off_ms) for word, (start, end) in zip(TEXT.split(), TIMES, strict=True)
    ]
    monkeypatch.setattr(forced, "align", lambda *_: placed)
    even = recording(noise(5000, rms=2000))
    (found,) = locate(segment(TIMES), [span("Grace")], even, 0, profile("300ms"))
    reach_ms = FORCED.widest_ms if off_ms < 0 else WIDEST.widest_ms
    assert start_ms - reach_ms <= found.start_ms <= start_ms
    (timed,) = locate(segment(TIMES), [span("Grace")], even, 0, profile("100ms"))
    assert timed.start_ms <= 1700


@pytest.mark.parametrize(
    ("stated", "believed"),
    [
        ([*TIMES[:2], (1500, 2650), (2650, 2690), (2700, 2990), (3000, 3100)], True),
        ([*TIMES[:4], (3000, 3000), (3000, 3000)], True),
        ([*TIMES[:2], (1500, 2650), (2650, 2690), (2890, 2990), (3300, 3400)], False),
        ([(1000, 1050), (1900, 2000), *TIMES[2:5], (3400, 3500)], False),
    ],
    ids=["a word that the one before lasts into", "last words of no length", "two in a row", "the last one"],
)
def test_an_alignment_may_disagree_about_a_single_word_between_others(monkeypatch, stated, believed):
    monkeypatch.setattr("deid_stream.audio.align.locate.spilled", lambda words, said, cut, *_, rough: cut)
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [TimedWord(word, *times) for word, times in zip(TEXT.split(), TIMES, strict=True)]
    monkeypatch.setattr(forced, "align", lambda *_: placed)
    even = recording(noise(5000, rms=2000))
    (found,) = locate(segment(stated, end_ms=stated[-1][1]), [span("Grace")], even, 0, profile("300ms"))
    assert (1700 - FORCED.widest_ms <= found.start_ms <= 1700) is believed


@pytest.mark.parametrize("found", [2, 4, 6], ids=["none of it", "a part", "all"])
def test_an_alignment_that_ends_within_a_value_counts_less_than_the_stated_times(monkeypatch, found):
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [TimedWord(word, *times) for word, times in zip(TEXT.split(), TIMES, strict=True)]
    monkeypatch.setattr(forced, "align", lambda *_: placed[:found])
    even = recording(noise(5000, rms=2000))
    doubted = Span(11, 21, EntityType.PERSON, 0.5, UNSURE_ANSWER)
    (cut,) = locate(segment(TIMES), [doubted], even, 0, profile("300ms"))
    assert cut.start_ms <= 1700
    assert cut.end_ms >= 2500


@pytest.mark.parametrize(("confidence", "kept"), [(0.5, True), (0.97, False), (None, False)])
def test_a_word_that_the_recogniser_doubts_is_cut_where_it_is_stated_too(monkeypatch, confidence, kept):
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [TimedWord(word, *times) for word, times in zip(TEXT.split(), TIMES, strict=True)]
    placed[3] = TimedWord("Grace", 2000, 2100)
    monkeypatch.setattr(forced, "align", lambda *_: placed)
    said = segment(TIMES)
    words = [*said.words[:3], Word("Grace", 1700, 2100, confidence), *said.words[4:]]
    sound = recording(joined(silent(1000), voice(880), silent(60), voice(1060), silent(1000)))
    (found,) = locate(replace(said, words=tuple(words)), [span("Grace")], sound, 0, profile("300ms"))
    assert (found.start_ms <= 1700) is kept


@pytest.mark.parametrize(
    ("value", "confidence", "times", "earlier_ms"),
    [
        ("Grace", 0.7, "300ms", 40),
        ("Grace", 0.9, "300ms", 0),
        ("Grace", None, "300ms", 0),
        ("Grace", 0.7, "100ms", 0),
        ("Grace Hill", 0.7, "300ms", 40),
        ("is Grace", 0.7, "300ms", 0),
    ],
    ids=["in doubt", "certain", "no confidence", "times that are not rough", "its first word", "a later word"],
)
def test_a_value_whose_beginning_a_recogniser_of_rough_times_doubts_begins_earlier_than_it_was_found(
    monkeypatch, value, confidence, times, earlier_ms
):
    monkeypatch.setattr("deid_stream.audio.align.locate.spilled", lambda words, said, cut, *_, rough: cut)
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [TimedWord(word, *times) for word, times in zip(TEXT.split(), TIMES, strict=True)]
    monkeypatch.setattr(forced, "align", lambda *_: placed)
    even = recording(noise(5000, rms=2000))
    said = segment(TIMES)
    doubted = replace(said.words[3], confidence=confidence)
    (plain,) = locate(said, [span(value)], even, 0, profile(times))
    in_doubt = replace(said, words=(*said.words[:3], doubted, *said.words[4:]))
    (found,) = locate(in_doubt, [span(value)], even, 0, profile(times))
    assert plain.start_ms - found.start_ms == earlier_ms
    assert found.end_ms == plain.end_ms


def test_doubted_words_that_the_aligner_did_not_reach_are_cut_where_they_are_stated(monkeypatch):
    """It lost its way between the two."""
    monkeypatch.setattr(forced, "available", lambda: True)
    placed = [TimedWord(word, *times) for word, times in zip(TEXT.split(), TIMES, strict=True)]
    monkeypatch.setattr(forced, "align", lambda *_: placed[:4])
    said = segment(TIMES)
    doubted = [Word(word.text, word.start_ms, word.end_ms, 0.2) for word in said.words[3:5]]
    words = (*said.words[:3], *doubted, *said.words[5:])
    (found,) = locate(replace(said, words=words), [], recording(noise(5000, rms=2000)), 0, profile("300ms"))
    assert found.start_ms <= TIMES[3][0]
    assert found.end_ms >= TIMES[4][1]


def test_rough_times_may_make_a_word_impossibly_short():
    times = moved(3, 1700, 1720)
    assert locate(segment(times), [span("Grace")], SPOKEN, 0, profile("100ms"))[0].end_ms < 2300
    assert locate(segment(times), [span("Grace")], SPOKEN, 0, profile("exact"))[0].end_ms > 2300


MUTED_WHOLE = [AudioSpan(1000 - MAX_REACH_MS, 3000 + MAX_REACH_MS, 0, UNALIGNED)]


def moved(at, *times):
    return [*TIMES[:at], times, *TIMES[at + 1 :]]


@pytest.mark.parametrize(
    "times",
    [moved(3, 1700, 7700), moved(3, 1700, 1700), moved(3, 1700, 1600), moved(3, 6000, 6400), moved(2, 1500, 2050)],
    ids=["six seconds", "zero", "negative", "beyond the segment", "overlapped"],
)
def test_impossible_times_are_not_used(times):
    (found,) = locate(segment(times), [span("Grace")], SPOKEN, 0, profile("50ms"))
    assert found.start_ms <= 1550
    assert found.end_ms >= 2500


def test_words_beyond_the_audio_mute_the_segment():
    short = recording(voice(500), silent(3000))
    assert locate(segment(TIMES), [span("Grace")], short, 0, profile("50ms")) == MUTED_WHOLE


@pytest.mark.parametrize("at_ms", [9_000, 2_000])
def test_a_segment_of_no_length_is_muted_where_it_stands_and_where_its_words_are(at_ms):
    silence = recording(silent(12_000))
    found = locate(segment(TIMES, start_ms=at_ms, end_ms=at_ms), [span("Grace")], silence, 0, profile("50ms"))
    muted = AudioSpan(at_ms - MAX_REACH_MS, at_ms + MAX_REACH_MS, 0, UNALIGNED)
    assert found == sorted([muted, *MUTED_WHOLE])


def test_untimed_words_lie_in_proportion_over_the_speech_and_wide():
    (found,) = locate(segment(None), [span("Grace")], SPOKEN, 0, profile("50ms"))
    assert found.entity_type == "PERSON"
    assert found.start_ms <= 1500
    assert found.end_ms >= 2500


def test_untimed_words_without_speech_mute_the_segment():
    assert locate(segment(None), [span("Grace")], recording(silent(5000)), 0, profile("50ms")) == MUTED_WHOLE


def test_a_span_that_no_word_says_mutes_the_segment():
    spoken = segment([], text="- - -")
    assert locate(spoken, [Span(0, 1, EntityType.PERSON, 1.0, "test")], SPOKEN, 0, profile("50ms")) == MUTED_WHOLE


def test_nothing_to_hide_nothing_to_mute():
    assert locate(segment(TIMES), [], SPOKEN, 0, profile("50ms")) == []


def test_the_reader_is_asked_on_the_given_channel():
    both = Recording(np.stack([silent(4000), SPOKEN.samples[:, 0]], axis=1), 8000)
    (found,) = locate(segment(TIMES), [span("Grace")], both, 1, profile("exact"))
    assert found.channel == 1
    assert locate(segment(TIMES), [span("Grace")], both, 0, profile("exact"))[0].entity_type == UNALIGNED


def test_unknown_providers_get_the_widest_profile():
    assert profile("nobody") is WIDEST
    assert all(p.widest_ms <= MAX_REACH_MS for p in PROFILES.values())


@given(st.integers(-80, 80), st.integers(-80, 80), st.sampled_from(sorted(PROFILES)))
def test_a_span_is_never_cut_shorter_than_its_words_say(early, late, name):
    times = moved(3, 1700 + early, 2100 + late)
    (found,) = locate(segment(times), [span("Grace")], SPOKEN, 0, profile(name))
    assert Interval(found.start_ms, found.end_ms).intersect(Interval(1700 + early, 2100 + late)).length == (
        400 - early + late
    )


def test_days_of_the_month_are_aligned_as_they_are_said():
    written = (
        forced.dictionary_words("22nd"),
        forced.dictionary_words("3rd,"),
        forced.dictionary_words("30th."),
        forced.dictionary_words("40th"),
    )
    assert written == (["twenty", "second"], ["third"], ["thirtieth"], ["four", "zero", "th"])
