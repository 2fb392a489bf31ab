"""WAV files keep their codec and their bytes, and nothing but format and samples."""

import struct

import pytest
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
        (riff((b"fmt ", fmt(3, bits=32)), (b"data", bytes(4))), "ffmpeg"),
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
