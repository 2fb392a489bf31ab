"""An echo is found at any sign, delay and level; another voice is not an echo."""

import numpy as np
import pytest

from deid_stream.audio.cut.crosstalk import carriers
from deid_stream.audio.hold.reader import Recording
from deid_stream.units import Interval

from .sounds import joined, noise, silent, voice

SPEECH = joined(silent(500), voice(1500), silent(500))
INTERVAL = Interval(600, 1600)


def echo(gain, delay_ms):
    return np.roll((SPEECH * gain).astype(np.int16), delay_ms * 8)


def heard_on(other, interval=INTERVAL):
    found = carriers(Recording(np.stack([SPEECH, other], axis=1), 8000), 0, [0, 1], interval)
    return [carrier.channel for carrier in found]


@pytest.mark.parametrize("gain", [1.0, 0.3, 0.05, -0.3])
@pytest.mark.parametrize("delay_ms", [0, 7, 45, -30])
def test_an_echo_carries_the_span(gain, delay_ms):
    assert heard_on(echo(gain, delay_ms)) == [1]


def test_an_echo_under_noise():
    assert heard_on(echo(0.3, 20) + noise(2500, rms=300)) == [1]


@pytest.mark.parametrize(
    "other",
    [silent(2500), noise(2500, rms=500), joined(silent(500), voice(1500, pitch_hz=197, seed=4), silent(500))],
    ids=["silence", "noise", "another voice"],
)
def test_other_sound_does_not(other):
    assert heard_on(other) == []


def test_a_silent_source_is_carried_by_none():
    assert heard_on(SPEECH, Interval(0, 400)) == []


def test_long_spans_and_spans_at_the_start():
    long = voice(9000)
    reader = Recording(np.stack([long, long], axis=1), 8000)
    assert carriers(reader, 0, [1], Interval(0, 9000)) == [(1, Interval(0, 9000))]


@pytest.mark.parametrize(("delay_ms", "interval"), [(40, (600, 1640)), (-30, (570, 1600)), (0, (600, 1600))])
def test_the_interval_is_widened_by_the_delay(delay_ms, interval):
    sound = noise(2500, rms=3000)
    reader = Recording(np.stack([sound, np.roll(sound, delay_ms * 8)], axis=1), 8000)
    assert carriers(reader, 0, [1], INTERVAL) == [(1, Interval(*interval))]
