"""WAV files keep their codec and their bytes, and nothing but format and samples."""

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.datasets.wav import WavFile, read_wav, write_wav
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

CODECS = [Encoding.MULAW, Encoding.ALAW, Encoding.PCM16LE]


def riff(*chunks, size=None):
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", size if size and name == b"data" else len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(tag=1, channels=1, rate=8000, bits=16, extra=b""):
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + extra


def written(tmp_path, raw):
    path = tmp_path / "x.wav"
    path.write_bytes(raw)
    return path


@given(
    encoding=st.sampled_from(CODECS),
    channels=st.integers(1, 4),
    rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    frames=st.integers(0, 50),
    data=st.data(),
)
def test_what_is_written_is_read_back(tmp_path_factory, encoding, channels, rate_hz, frames, data):
    audio_format = AudioFormat(encoding, rate_hz, channels)
    size = frames * audio_format.frame_bytes
    wav = WavFile(audio_format, data.draw(st.binary(min_size=size, max_size=size)))
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    write_wav(path, wav)
    assert read_wav(path) == wav


def test_other_chunks_do_not_travel(tmp_path):
    path = written(tmp_path, riff((b"LIST", b"INFOIARTjane doe"), (b"fmt ", fmt()), (b"data", b"\1\0\2\0")))
    out = tmp_path / "out.wav"
    write_wav(out, read_wav(path))
    assert b"jane" not in out.read_bytes()
    assert read_wav(out).data == b"\1\0\2\0"


def test_extensible_names_its_codec_inside(tmp_path):
    extra = struct.pack("<HHI", 22, 16, 3) + struct.pack("<H", 1) + bytes(14)
    wav = read_wav(written(tmp_path, riff((b"fmt ", fmt(0xFFFE, 2, extra=extra)), (b"data", bytes(8)))))
    assert wav.format == AudioFormat(Encoding.PCM16LE, 8000, 2)
    assert wav.frames == 2


def test_an_unfinished_data_size_means_the_rest(tmp_path):
    wav = read_wav(written(tmp_path, riff((b"fmt ", fmt()), (b"data", b"\1\0\2\0"), size=0xFFFFFFFF)))
    assert wav.data == b"\1\0\2\0"


def test_a_frame_cut_off_at_the_end_is_left_out(tmp_path):
    assert read_wav(written(tmp_path, riff((b"fmt ", fmt()), (b"data", b"\1\0\2")))).data == b"\1\0"


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"", "not a RIFF"),
        (b"OggS" + bytes(40), "not a RIFF"),
        (riff((b"data", b"\0\0")), "before their format"),
        (riff((b"fmt ", fmt())), "no samples"),
        (riff((b"fmt ", b"\1\0")), "format chunk of 2 bytes"),
        (riff((b"fmt ", fmt(3, bits=64)), (b"data", bytes(8))), "ffmpeg"),
        (riff((b"fmt ", fmt(1, bits=8)), (b"data", bytes(4))), "ffmpeg"),
        (riff((b"fmt ", fmt(channels=0)), (b"data", bytes(4))), "0 channels"),
        (riff((b"fmt ", fmt(rate=4000)), (b"data", bytes(4))), "4000 Hz"),
    ],
)
def test_what_is_no_such_file_is_refused_by_name(tmp_path, raw, named):
    with pytest.raises(AudioFormatError, match=named):
        read_wav(written(tmp_path, raw))


def test_big_endian_cannot_be_a_wav(tmp_path):
    with pytest.raises(AudioFormatError, match="little-endian"):
        write_wav(tmp_path / "x.wav", WavFile(AudioFormat(Encoding.PCM16BE, 8000), b"\0\0"))


def floats(*samples):
    return riff((b"fmt ", fmt(3, bits=32)), (b"data", struct.pack(f"<{len(samples)}f", *samples)))


def test_float_is_read_as_sixteen_bits_and_clipped(tmp_path):
    wav = read_wav(written(tmp_path, floats(0.0, 0.5, -1.0, 7.0, -3e38)))
    assert wav.format == AudioFormat(Encoding.PCM16LE, 8000, 1)
    assert struct.unpack("<5h", wav.data) == (0, 16384, -32768, 32767, -32768)


@pytest.mark.parametrize("sample", [float("nan"), float("inf"), float("-inf")])
def test_samples_that_are_not_numbers_are_refused_by_name(tmp_path, sample):
    with pytest.raises(AudioFormatError, match="NaN"):
        read_wav(written(tmp_path, floats(0.0, sample)))


def test_a_frame_size_that_lies_is_refused(tmp_path):
    header = struct.pack("<HHIIHH", 1, 2, 8000, 32000, 2, 16)
    with pytest.raises(AudioFormatError, match="a frame has 2 bytes"):
        read_wav(written(tmp_path, riff((b"fmt ", header), (b"data", bytes(8)))))


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_16"])
def test_other_programs_write_and_read_the_same(tmp_path, subtype):
    samples = np.arange(-4000, 4000).astype(np.int16).reshape(-1, 2)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype)
    write_wav(tmp_path / "b.wav", read_wav(tmp_path / "a.wav"))
    with soundfile.SoundFile(tmp_path / "b.wav") as file:
        assert (file.subtype, file.samplerate, file.channels) == (subtype, 16_000, 2)
        assert np.array_equal(file.read(dtype="int16"), soundfile.read(tmp_path / "a.wav", dtype="int16")[0])
