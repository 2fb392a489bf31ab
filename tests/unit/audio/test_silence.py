"""Holes are overwritten in the codec, nothing else changes, and the cut into chunks never shows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.audio.codec import pcm
from deid_stream.audio.cut import silence
from deid_stream.audio.cut.silence import Hole
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.units import Interval

FORMATS = [
    AudioFormat(Encoding.MULAW, 8000, 1),
    AudioFormat(Encoding.MULAW, 8000, 2),
    AudioFormat(Encoding.ALAW, 8000, 1),
    AudioFormat(Encoding.PCM16LE, 16000, 2),
    AudioFormat(Encoding.PCM16BE, 48000, 1),
]
OPERATORS = ["silence", "tone", "noise"]


def speech(fmt, frames):
    values = np.random.default_rng(7).integers(-9000, 9000, (frames, fmt.channels))
    return pcm.encode(values.astype(np.int16), fmt)


@pytest.mark.parametrize(
    ("encoding", "silent"),
    [
        (Encoding.MULAW, b"\xff"),
        (Encoding.ALAW, b"\xd5"),
        (Encoding.PCM16LE, b"\0\0"),
        (Encoding.PCM16BE, b"\0\0"),
    ],
)
def test_silence_is_written_in_the_codec(encoding, silent):
    fmt = AudioFormat(encoding, 8000)
    data = speech(fmt, 10)
    width = len(silent)
    assert silence.redact(data, fmt, 100, [Hole(0, Interval(102, 105))]) == (
        data[: 2 * width] + silent * 3 + data[5 * width :]
    )


def test_a_chunk_without_a_hole_is_the_same_object():
    fmt = FORMATS[0]
    data = speech(fmt, 10)
    assert silence.redact(data, fmt, 100, []) is data
    assert silence.redact(data, fmt, 100, [Hole(0, Interval(0, 100)), Hole(0, Interval(110, 120))]) is data


def test_only_the_named_channel_is_touched():
    fmt = AudioFormat(Encoding.MULAW, 8000, 2)
    data = speech(fmt, 10)
    redacted = silence.redact(data, fmt, 0, [Hole(1, Interval(0, 10))])
    assert redacted[0::2] == data[0::2]
    assert redacted[1::2] == b"\xff" * 10


def test_a_channel_that_is_not_there_is_refused():
    with pytest.raises(AudioFormatError):
        silence.redact(speech(FORMATS[0], 10), FORMATS[0], 0, [Hole(1, Interval(0, 10))])


@given(
    st.sampled_from(FORMATS),
    st.sampled_from(OPERATORS),
    st.integers(0, 10_000_000),
    st.lists(st.integers(0, 600), min_size=2, max_size=2),
    st.lists(st.integers(1, 599), max_size=6, unique=True),
)
def test_laws(fmt, operator, start, edges, cuts):
    frames = 600
    data = speech(fmt, frames)
    low, high = sorted(edges)
    hole = Hole(fmt.channels - 1, Interval(start + low, start + high), 1500.0)
    whole = silence.redact(data, fmt, start, [hole], operator)

    assert len(whole) == len(data)

    before, after = pcm.decode(data, fmt), pcm.decode(whole, fmt)
    assert np.array_equal(before[:low], after[:low])
    assert np.array_equal(before[high:], after[high:])
    assert np.array_equal(before[:, : fmt.channels - 1], after[:, : fmt.channels - 1])

    borders = [0, *sorted(cuts), frames]
    pieces = [
        silence.redact(data[a * fmt.frame_bytes : b * fmt.frame_bytes], fmt, start + a, [hole], operator)
        for a, b in pairwise(borders)
    ]
    assert b"".join(pieces) == whole


def filled(operator, level):
    fmt = AudioFormat(Encoding.PCM16LE, 8000)
    data = silence.redact(bytes(16000), fmt, 80_000, [Hole(0, Interval(80_000, 88_000), level)], operator)
    return pcm.decode(data, fmt)[:, 0].astype(float)


@pytest.mark.parametrize("level", [200.0, 2000.0])
def test_the_tone_is_one_kilohertz_at_the_level_of_what_it_replaces(level):
    wave = filled("tone", level)
    assert np.argmax(np.abs(np.fft.rfft(wave))) == 1000
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(level, rel=0.02)


def test_a_tone_never_clips():
    assert np.abs(filled("tone", 30_000.0)).max() < 12_000


def test_tone_and_noise_fade_at_the_edges_of_the_hole():
    for operator in ("tone", "noise"):
        wave = np.abs(filled(operator, 2000.0))
        assert wave[:4].max() < wave[1000:1100].max() / 10
        assert wave[-4:].max() < wave[1000:1100].max() / 10


def test_comfort_noise_is_quiet_white_and_does_not_repeat():
    wave = filled("noise", 9000.0)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(silence.NOISE_LEVEL, rel=0.05)
    correlation = np.correlate(wave, wave, "full")[len(wave) :] / (wave @ wave)
    assert np.abs(correlation).max() < 0.06


def test_noise_of_two_channels_differs():
    fmt = AudioFormat(Encoding.PCM16LE, 8000, 2)
    data = silence.redact(bytes(3200), fmt, 0, [Hole(c, Interval(0, 800)) for c in (0, 1)], "noise")
    left, right = pcm.decode(data, fmt).T
    assert not np.array_equal(left, right)


def test_level_of_nothing_is_zero():
    assert silence.level(np.zeros(0, np.int16)) == 0.0
    assert silence.level(np.full(10, -300, np.int16)) == 300.0
