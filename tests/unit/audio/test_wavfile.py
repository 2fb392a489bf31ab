"""WAV in and out, bytes kept; files that are not what they say are refused by name."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio import pcm
from deid_stream.audio.wavfile import Wav, build_wav, parse_wav, read_wav, write_wav
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

from .sounds import voice


@settings(deadline=None)
@given(
    st.sampled_from([Encoding.MULAW, Encoding.ALAW, Encoding.PCM16LE]),
    st.integers(1, 3),
    st.sampled_from([8000, 16000, 44100]),
    st.binary(min_size=6, max_size=60),
)
def test_the_bytes_come_back(encoding, channels, rate_hz, data):
    fmt = AudioFormat(encoding, rate_hz, channels)
    data = data[: len(data) // fmt.frame_bytes * fmt.frame_bytes]
    assert parse_wav(build_wav(Wav(fmt, data))) == Wav(fmt, data)


def test_network_order_is_swapped_for_wav():
    big = AudioFormat(Encoding.PCM16BE, 8000)
    again = parse_wav(build_wav(Wav(big, b"\x01\x02")))
    assert again == Wav(AudioFormat(Encoding.PCM16LE, 8000), b"\x02\x01")


@pytest.mark.parametrize(("encoding", "subtype"), [(Encoding.MULAW, "ULAW"), (Encoding.ALAW, "ALAW")])
def test_other_programs_read_it(encoding, subtype):
    fmt = AudioFormat(encoding, 8000)
    data = pcm.encode(voice(300), fmt)
    with soundfile.SoundFile(io.BytesIO(build_wav(Wav(fmt, data)))) as file:
        assert (file.subtype, file.samplerate, file.channels) == (subtype, 8000, 1)
        assert np.array_equal(file.read(dtype="int16"), pcm.decode(data, fmt)[:, 0])


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_16"])
def test_files_of_other_programs_are_read(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", np.stack([voice(200), voice(200, seed=3)], axis=1), 16000, subtype)
    wav = read_wav(tmp_path / "a.wav")
    expected, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (wav.format.rate_hz, wav.format.channels) == (16000, 2)
    assert np.array_equal(pcm.decode(wav.data, wav.format), expected)
    write_wav(tmp_path / "b.wav", wav)
    assert read_wav(tmp_path / "b.wav") == wav


def floats(*samples):
    form = struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32)
    data = np.array(samples, "<f4").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_float_is_brought_to_sixteen_bits_and_clipped():
    wav = parse_wav(floats(0.0, 0.5, -1.0, 7.0, -7.0))
    assert pcm.decode(wav.data, wav.format)[:, 0].tolist() == [0, 16384, -32768, 32767, -32768]


@pytest.mark.parametrize("sample", [float("nan"), float("inf"), float("-inf")])
def test_samples_that_are_not_numbers_are_refused(sample):
    with pytest.raises(AudioFormatError, match="NaN"):
        parse_wav(floats(0.0, sample))


GOOD = build_wav(Wav(AudioFormat(Encoding.PCM16LE, 8000), b"\0\1" * 50))


def with_field(offset, form, value):
    return GOOD[:offset] + struct.pack(form, value) + GOOD[offset + struct.calcsize(form) :]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"RIFF",
        b"OggS" + GOOD[4:],
        GOOD[:36],
        GOOD[:12] + GOOD[36:],
        with_field(20, "<H", 85),
        with_field(22, "<H", 0),
        with_field(24, "<I", 4000),
        with_field(24, "<I", 96000),
        with_field(32, "<H", 4),
        with_field(34, "<H", 24),
        with_field(40, "<I", 1),
    ],
    ids=[
        "empty", "only a name", "another container", "no data", "data before fmt", "MP3 inside", "no channel",
        "rate too low", "rate too high", "frame size lies", "24 bits", "less than a frame",
    ],
)  # fmt: skip
def test_broken_files_are_refused(raw):
    with pytest.raises(AudioFormatError):
        parse_wav(raw)


def test_a_recording_cut_off_is_read_to_the_last_whole_frame():
    assert len(parse_wav(GOOD[:-3]).data) == 96
    assert len(parse_wav(with_field(40, "<I", 0xFFFFFFFF)).data) == 100
