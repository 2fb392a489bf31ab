"""Speech is found, silence and steady noise are not, and the answer depends on media time alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio.hear import vad
from deid_stream.audio.hold.reader import Recording
from deid_stream.units import Interval, merge

from .sounds import joined, noise, silent, voice


def speech(sound, rate_hz=8000):
    return vad.speech(Recording(sound[:, None], rate_hz), 0, Interval(0, len(sound) * 1000 // rate_hz))


def covered(found, start, end):
    return sum(i.intersect(Interval(start, end)).length for i in found) / (end - start)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("peak", [600, 8000, 32000])
def test_a_voice_between_silences(rate_hz, peak):
    sound = joined(silent(1000, rate_hz), voice(2000, rate_hz, peak), silent(1000, rate_hz))
    found = speech(sound, rate_hz)
    assert covered(found, 1000, 3000) > (0.97 if peak > 1000 else 0.93)
    assert covered(found, 0, 900) == 0
    assert covered(found, 3200, 4000) == 0


def test_a_voice_over_line_noise():
    sound = joined(silent(2000), voice(2000), silent(2000)) + noise(6000, rms=80)
    found = speech(sound)
    assert covered(found, 2000, 4000) > 0.95
    assert covered(found, 0, 1900) < 0.1


@pytest.mark.parametrize(
    "sound",
    [silent(3000), silent(0), np.full(24000, 40, np.int16), noise(3000, rms=15)],
    ids=["zeros", "nothing", "offset", "faint hiss"],
)
def test_silence_is_not_speech(sound):
    assert speech(sound) == []


def test_clipped_speech_is_speech():
    sound = np.clip(voice(2000, peak=32000).astype(int) * 8, -32768, 32767).astype(np.int16)
    assert covered(speech(sound), 0, 2000) > 0.97


CALL = joined(silent(700), voice(900), noise(1300), voice(400, seed=5), silent(500), voice(1500, pitch_hz=210))


@settings(max_examples=40)
@given(st.integers(0, 5000), st.integers(1, 3000), st.lists(st.integers(1, 2999), max_size=3))
def test_windows_of_one_recording_agree(start, length, cuts):
    reader = Recording(CALL[:, None], 8000)
    window = Interval(start, start + length)
    borders = [start, *sorted(start + cut for cut in cuts if cut < length), start + length]
    pieces = [vad.speech(reader, 0, Interval(a, b)) for a, b in pairwise(borders)]
    whole = [i.intersect(window) for i in vad.speech(reader, 0, Interval(0, 9600))]
    assert covered(merge(p for piece in pieces for p in piece), *window) == pytest.approx(
        covered(whole, *window), abs=(len(borders) * vad.JOIN_MS) / length
    )


def test_an_empty_window_holds_nothing():
    assert vad.speech(Recording(CALL[:, None], 8000), 0, Interval(100, 100)) == []
