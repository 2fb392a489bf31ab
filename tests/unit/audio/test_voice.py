"""The disguise moves pitch and formants, keeps length and level, and does not depend on the cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio.cut.voice import Disguise

from .sounds import silent, voice

SPEECH = voice(1500, pitch_hz=150)


def pitch_hz(samples):
    sound = samples[4000:8000].astype(float)
    lags = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    return 8000 / (30 + np.argmax(lags[30:160]))


@pytest.mark.parametrize("factor", [0.8, 0.86, 1.25])
def test_the_pitch_is_moved(factor):
    moved = Disguise(8000, pitch=factor, formants=1.0).process(SPEECH)
    assert pitch_hz(moved) == pytest.approx(pitch_hz(SPEECH) * factor, rel=0.05)


def centroid(samples):
    power = np.abs(np.fft.rfft(samples[2000:10000].astype(float))) ** 2
    return (np.fft.rfftfreq(8000, 1 / 8000) * power).sum() / power.sum()


def test_the_formants_are_moved():
    wide = centroid(Disguise(8000, 1.0, 1.3).process(SPEECH))
    narrow = centroid(Disguise(8000, 1.0, 0.8).process(SPEECH))
    assert narrow < centroid(SPEECH) < wide


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_length_and_level_are_kept(rate_hz):
    speech = voice(1000, rate_hz)
    moved = Disguise(rate_hz).process(speech)
    assert (len(moved), moved.dtype) == (len(speech), np.int16)
    assert np.sqrt(np.mean(moved.astype(float) ** 2)) == pytest.approx(
        np.sqrt(np.mean(speech.astype(float) ** 2)), rel=0.5
    )


def test_silence_stays_silent():
    assert not Disguise(8000).process(silent(500)).any()


def test_it_is_late_by_its_delay_and_no_more():
    disguise = Disguise(8000, 1.0, 1.0)
    click = silent(400)
    click[1600] = 20000
    assert np.argmax(np.abs(disguise.process(click))) == pytest.approx(1600 + disguise.delay_samples, abs=64)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 3000), max_size=8))
def test_how_the_stream_is_cut_does_not_matter(sizes):
    disguise = Disguise(8000)
    borders = np.minimum(np.cumsum(sizes), len(SPEECH)).astype(int).tolist()
    pieces = [disguise.process(piece) for piece in np.split(SPEECH, borders)]
    assert np.array_equal(np.concatenate(pieces), Disguise(8000).process(SPEECH))


@pytest.mark.parametrize("factors", [(0.1, 1.0), (1.0, 3.0)])
def test_factors_out_of_range_are_refused(factors):
    with pytest.raises(ValueError, match="factors"):
        Disguise(8000, *factors)
