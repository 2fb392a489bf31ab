"""Timing errors are learned from pauses that can be heard."""

import numpy as np
import pytest

from deid_stream.audio.align.learned import TimedWord, learned_profile, timing_errors
from tests.support.made_calls import make_timeline


def call(seed=5, turns=12):
    made = make_timeline(seed, turns=turns)
    words = [TimedWord(c, w.start_ms, w.end_ms) for c, own in made.words.items() for w in own]
    return np.stack(list(made.signal.values()), axis=1), words


@pytest.mark.parametrize(("error_ms", "profile"), [(0, "exact"), (50, "50ms"), (100, "100ms"), (300, "300ms")])
@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_profile_fits_the_error(seed, error_ms, profile):
    samples, words = call(seed, turns=24)
    rng = np.random.default_rng(seed)
    shifted = [
        TimedWord(w.channel, *(ms + int(rng.uniform(-error_ms, error_ms)) for ms in (w.start_ms, w.end_ms)))
        for w in words
    ]
    assert learned_profile(samples, 8_000, shifted) == profile


def test_times_that_run_late_are_known():
    samples, words = call(turns=24)
    rng = np.random.default_rng(5)
    late = [TimedWord(w.channel, *(ms + int(rng.normal(150, 110)) for ms in (w.start_ms, w.end_ms))) for w in words]
    assert learned_profile(samples, 8_000, late) == "late"


def test_single_blunders_do_not_count():
    samples, words = call()
    blunder = [*words[:-1], words[-1]._replace(start_ms=words[-1].start_ms - 280)]
    assert learned_profile(samples, 8_000, blunder) == "exact"


def test_ends_that_last_into_the_pause_are_no_error():
    samples, words = call()
    assert max(timing_errors(samples, 8_000, [w._replace(end_ms=w.end_ms + 120) for w in words]).ends) < 20


def test_ends_that_come_early_are():
    samples, words = call()
    assert min(timing_errors(samples, 8_000, [w._replace(end_ms=w.end_ms - 60) for w in words]).ends) >= 50


@pytest.mark.parametrize("turns", [1, 2])
def test_too_few_pauses_teach_nothing(turns):
    samples, words = call(turns=turns)
    assert learned_profile(samples, 8_000, words) is None


def test_silence_teaches_nothing():
    samples, words = call()
    assert learned_profile(np.zeros_like(samples), 8_000, words) is None
    assert learned_profile(samples[:0], 8_000, words) is None


@pytest.mark.parametrize(("error_ms", "profile"), [(0, "exact"), (100, "100ms")])
def test_steady_noise_hides_no_pauses(error_ms, profile):
    samples, words = call(turns=24)
    rng = np.random.default_rng(5)
    loud = np.abs(samples[samples != 0].astype(float)).mean()
    noisy = (samples + rng.normal(0, 0.15 * loud, samples.shape)).astype(np.int16)
    shifted = [
        TimedWord(w.channel, *(ms + int(rng.uniform(-error_ms, error_ms)) for ms in (w.start_ms, w.end_ms)))
        for w in words
    ]
    assert learned_profile(noisy, 8_000, shifted) == profile
