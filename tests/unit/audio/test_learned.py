"""Timing errors are learned from pauses that can be heard."""

import numpy as np
import pytest

from deid_stream.audio.learned import TimedWord, learned_profile, timing_error_ms
from tests.support.made_calls import make_call


def call(seed=5, turns=12):
    made = make_call(seed, turns=turns)
    words = [TimedWord(c, w.start_ms, w.end_ms) for c, own in made.words.items() for w in own]
    return np.stack(list(made.signal.values()), axis=1), words


@pytest.mark.parametrize(
    ("jitter_ms", "profile"), [(0, "exact"), (30, "exact"), (60, "50ms"), (130, "100ms"), (280, "300ms")]
)
@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_profile_fits_the_jitter(seed, jitter_ms, profile):
    samples, words = call(seed)
    rng = np.random.default_rng(seed)
    shifted = [
        TimedWord(w.channel, w.start_ms + int(rng.choice([-1, 1])) * jitter_ms, w.end_ms + jitter_ms) for w in words
    ]
    assert learned_profile(samples, 8_000, shifted) == profile


def test_ends_that_last_into_the_pause_are_no_error():
    samples, words = call()
    assert timing_error_ms(samples, 8_000, [w._replace(end_ms=w.end_ms + 120) for w in words]) < 20


def test_ends_that_come_early_are():
    samples, words = call()
    assert timing_error_ms(samples, 8_000, [w._replace(end_ms=w.end_ms - 60) for w in words]) >= 60


@pytest.mark.parametrize("turns", [1, 2])
def test_too_few_pauses_teach_nothing(turns):
    samples, words = call(turns=turns)
    assert learned_profile(samples, 8_000, words) is None


def test_silence_teaches_nothing():
    samples, words = call()
    assert learned_profile(np.zeros_like(samples), 8_000, words) is None
    assert learned_profile(samples[:0], 8_000, words) is None
