"""Opus in Ogg: decoded, silenced, encoded; as long as before."""

import numpy as np
import pytest

from deid_stream.audio import opus, pcm
from deid_stream.audio.opus import Pcm
from deid_stream.audio.silence import Hole
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.units import Interval

from .sounds import voice


def stream(rate_hz=16000, channels=1, ms=1000):
    fmt = AudioFormat(Encoding.PCM16LE, rate_hz, channels)
    return opus.encode(Pcm(fmt, pcm.encode(np.stack([voice(ms, rate_hz)] * channels, axis=1), fmt)))


def samples(data):
    sound = opus.decode(data)
    return pcm.decode(sound.data, sound.format)


@pytest.mark.parametrize("rate_hz", opus.RATES_HZ)
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_channels_and_length_are_kept(rate_hz, channels):
    sound = opus.decode(stream(rate_hz, channels))
    assert sound.format == AudioFormat(Encoding.PCM16LE, rate_hz, channels)
    assert len(sound.data) == rate_hz * sound.format.frame_bytes


def test_telephone_speech_may_go_in_as_mulaw():
    fmt = AudioFormat(Encoding.MULAW, 8000)
    assert len(samples(opus.encode(Pcm(fmt, pcm.encode(voice(500), fmt))))) == 4000


def test_the_hole_is_silent_and_the_rest_sounds_on():
    data = stream()
    after = samples(opus.redact(data, 160_000, [Hole(0, Interval(164_000, 172_000))])).astype(float)[:, 0]
    before = samples(data).astype(float)[:, 0]
    assert len(after) == len(before)

    def rms(part):
        return np.sqrt(np.mean(np.square(part)))

    assert rms(after[4400:11600]) < rms(before[4400:11600]) / 300
    assert rms(after[:3600]) == pytest.approx(rms(before[:3600]), rel=0.1)


def test_a_record_without_a_hole_is_the_same_object():
    data = stream()
    assert opus.redact(data, 0, [Hole(0, Interval(16_000, 20_000))]) is data


@pytest.mark.parametrize(
    "data",
    [b"", b"OggS", b"\0" * 400, stream()[:60], b"RIFF" + bytes(200)],
)
def test_anything_else_is_refused(data):
    with pytest.raises(AudioFormatError):
        opus.decode(data)


def test_a_rate_that_opus_does_not_have():
    with pytest.raises(AudioFormatError):
        opus.encode(Pcm(AudioFormat(Encoding.PCM16LE, 44100), b"\0\0" * 441))
