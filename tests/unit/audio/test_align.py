"""Spans of text to stretches of sound: never inward, no further than the reach, and wider the less is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio import align, forced
from deid_stream.audio.align import MAX_REACH_MS, locate, profile
from deid_stream.audio.edges import with_unclaimed_sound
from deid_stream.audio.profiles import PROFILES, WIDEST
from deid_stream.audio.reader import Recording
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval

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
    assert start_when_the_word_before_ends(1600) >= 1600 - timing.error_ms - timing.beyond_ms
    assert start_when_the_word_before_ends(1800) >= 1700 - timing.error_ms - timing.beyond_ms + 100


def test_late_recognisers_are_looked_for_earlier():
    even = recording(noise(4000, rms=2000))
    (found,) = locate(segment(TIMES), [span("Grace")], even, 0, profile("late"))
    assert found.start_ms <= 1700 - profile("late").late_ms
    assert found.end_ms >= 2100


def test_without_sound_beyond_the_edge_all_that_may_be_the_border_goes():
    sound = joined(silent(1700), voice(400), silent(900))
    (found,) = locate(segment(TIMES), [span("Grace")], recording(sound), 0, profile("100ms"))
    timing = profile("100ms")
    assert found.start_ms == 1700 - timing.error_ms - timing.beyond_ms
    assert found.end_ms >= 2100 + timing.error_ms


@pytest.mark.parametrize(
    ("neighbours", "found"),
    [
        ((None, None), (900, 2100)),
        ((960, 2050), (960, 2050)),
        ((1000, 2000), (1000, 2000)),
        ((1100, 1900), (1000, 2000)),
    ],
    ids=["nobody's", "a neighbour's from there on", "the words meet", "they overlap"],
)
def test_sound_next_to_a_word_that_no_other_claims_is_its_own(neighbours, found):
    hiss = noise(100, rms=400)
    sound = joined(silent(900), hiss, voice(1000, peak=12000), hiss, silent(900))
    assert with_unclaimed_sound(recording(sound), 0, Interval(1000, 2000), neighbours, 150) == found


def test_unclaimed_sound_counts_only_as_far_as_allowed_and_where_it_can_be_heard():
    loud = recording(joined(voice(3000)))
    assert with_unclaimed_sound(loud, 0, Interval(1000, 2000), (None, None), 150) == (850, 2150)
    faint = recording(joined(noise(1000, rms=20), voice(1000), noise(1000, rms=20)))
    assert with_unclaimed_sound(faint, 0, Interval(1000, 2000), (None, None), 150) == (1000, 2000)


UNALIGNED = [AudioSpan(1000 - MAX_REACH_MS, 3000 + MAX_REACH_MS, 0, align.UNALIGNED)]


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
    assert locate(segment(TIMES), [span("Grace")], short, 0, profile("50ms")) == UNALIGNED


def test_untimed_words_lie_in_proportion_over_the_speech_and_wide():
    (found,) = locate(segment(None), [span("Grace")], SPOKEN, 0, profile("50ms"))
    assert found.entity_type == "PERSON"
    assert found.start_ms <= 1500
    assert found.end_ms >= 2500


def test_untimed_words_without_speech_mute_the_segment():
    assert locate(segment(None), [span("Grace")], recording(silent(5000)), 0, profile("50ms")) == UNALIGNED


def test_a_span_that_no_word_says_mutes_the_segment():
    spoken = segment([], text="- - -")
    assert locate(spoken, [Span(0, 1, EntityType.PERSON, 1.0, "test")], SPOKEN, 0, profile("50ms")) == UNALIGNED


def test_nothing_to_hide_nothing_to_mute():
    assert locate(segment(TIMES), [], SPOKEN, 0, profile("50ms")) == []


def test_the_reader_is_asked_on_the_given_channel():
    both = Recording(np.stack([silent(4000), SPOKEN.samples[:, 0]], axis=1), 8000)
    (found,) = locate(segment(TIMES), [span("Grace")], both, 1, profile("exact"))
    assert found.channel == 1
    assert locate(segment(TIMES), [span("Grace")], both, 0, profile("exact"))[0].entity_type == align.UNALIGNED


def test_unknown_providers_get_the_widest_profile():
    assert profile("nobody") is WIDEST
    assert all(p.widest_ms <= MAX_REACH_MS for p in PROFILES.values())


@settings(deadline=None)
@given(st.integers(-80, 80), st.integers(-80, 80), st.sampled_from(sorted(PROFILES)))
def test_a_span_is_never_cut_shorter_than_its_words_say(early, late, name):
    times = moved(3, 1700 + early, 2100 + late)
    (found,) = locate(segment(times), [span("Grace")], SPOKEN, 0, profile(name))
    assert Interval(found.start_ms, found.end_ms).intersect(Interval(1700 + early, 2100 + late)).length == (
        400 - early + late
    )
