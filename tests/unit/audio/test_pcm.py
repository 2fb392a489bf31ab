"""Content types, G.711 against the standard's own values, and the quiet gate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.audio.codec import pcm
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

MULAW = AudioFormat(Encoding.MULAW, 8000)
ALAW = AudioFormat(Encoding.ALAW, 8000)


@pytest.mark.parametrize(
    ("text", "fmt"),
    [
        ("audio/basic", AudioFormat(Encoding.MULAW, 8000, 1)),
        (b"audio/basic", AudioFormat(Encoding.MULAW, 8000, 1)),
        ("AUDIO/BASIC; channels=2", AudioFormat(Encoding.MULAW, 8000, 2)),
        ("audio/PCMU", AudioFormat(Encoding.MULAW, 8000, 1)),
        ("audio/PCMA", AudioFormat(Encoding.ALAW, 8000, 1)),
        ("audio/L16;rate=16000;channels=2", AudioFormat(Encoding.PCM16BE, 16000, 2)),
        ("audio/L16; rate=48000", AudioFormat(Encoding.PCM16BE, 48000, 1)),
        ("audio/pcm;rate=44100;channels=1;encoding=s16le", AudioFormat(Encoding.PCM16LE, 44100, 1)),
    ],
)
def test_content_types_of_the_contract(text, fmt):
    assert pcm.parse_content_type(text) == fmt
    assert pcm.parse_content_type(pcm.content_type(fmt)) == fmt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "audio/mpeg",
        "audio/ogg;codecs=opus",
        "text/plain",
        "audio/L16",
        "audio/L16;rate=7999",
        "audio/L16;rate=48001",
        "audio/L16;rate=many",
        "audio/L16;rate=-8000",
        "audio/L16;rate=8000;channels=0",
        "audio/L16;rate=8000;channels=99",
        "audio/pcm;rate=8000;encoding=f32",
        b"audio/\xff",
    ],
)
def test_other_content_types_are_refused_by_name(text):
    with pytest.raises(AudioFormatError):
        pcm.parse_content_type(text)


def test_a_stream_shares_one_format_object():
    assert pcm.parse_content_type(b"audio/basic") is pcm.parse_content_type(b"audio/basic")


@pytest.mark.parametrize(
    ("fmt", "code", "sample"),
    [
        # G.711 tables 1 and 2: extremes and the values about zero, as 16-bit samples
        (MULAW, 0xFF, 0),
        (MULAW, 0x7F, 0),
        (MULAW, 0x80, 32124),
        (MULAW, 0x00, -32124),
        (MULAW, 0xFE, 8),
        (MULAW, 0xEF, 132),
        (ALAW, 0xD5, 8),
        (ALAW, 0x55, -8),
        (ALAW, 0xAA, 32256),
        (ALAW, 0x2A, -32256),
    ],
)
def test_g711_values(fmt, code, sample):
    assert pcm.decode(bytes([code]), fmt)[0, 0] == sample


@pytest.mark.parametrize("fmt", [MULAW, ALAW])
def test_every_g711_code_survives_the_round_trip(fmt):
    codes = bytes(range(256))
    again = pcm.encode(pcm.decode(codes, fmt), fmt)
    differing = [a for a, b in zip(codes, again, strict=True) if a != b]
    assert differing == ([0x7F] if fmt is MULAW else [])  # minus zero is the one code without a sample of its own


@pytest.mark.parametrize("fmt", [MULAW, ALAW])
def test_g711_encodes_to_a_nearby_sample(fmt):
    samples = np.arange(-32768, 32768).astype(np.int16)
    decoded = pcm.decode(pcm.encode(samples, fmt), fmt)[:, 0].astype(int)
    error = np.abs(decoded - samples)
    assert (error <= np.maximum(np.abs(samples.astype(int)) / 16, 16)).all()


@given(
    st.sampled_from([Encoding.PCM16LE, Encoding.PCM16BE]),
    st.integers(1, 3),
    st.lists(st.integers(-32768, 32767), max_size=12),
)
def test_pcm16_is_lossless(encoding, channels, values):
    fmt = AudioFormat(encoding, 16000, channels)
    samples = np.array(values[: len(values) // channels * channels], np.int16).reshape(-1, channels)
    assert np.array_equal(pcm.decode(pcm.encode(samples, fmt), fmt), samples)


def test_l16_is_network_order():
    assert pcm.decode(b"\x01\x02", AudioFormat(Encoding.PCM16BE, 8000))[0, 0] == 0x0102
    assert pcm.decode(b"\x01\x02", AudioFormat(Encoding.PCM16LE, 8000))[0, 0] == 0x0201


@pytest.mark.parametrize(
    ("data", "fmt"),
    [
        (b"", MULAW),
        (b"\0" * 3, AudioFormat(Encoding.PCM16LE, 8000)),
        (b"\0" * 3, AudioFormat(Encoding.MULAW, 8000, 2)),
        (b"\0" * 6, AudioFormat(Encoding.PCM16BE, 8000, 2)),
    ],
)
def test_chunks_that_are_not_whole_frames_are_refused(data, fmt):
    with pytest.raises(AudioFormatError):
        pcm.check(data, fmt)


def test_whole_frames_pass():
    pcm.check(b"\0" * 8, AudioFormat(Encoding.PCM16BE, 8000, 2))


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize(("peak", "quiet"), [(0, True), (50, True), (-50, True), (120, False), (-120, False)])
def test_quiet_gate_is_about_the_loudest_sample(encoding, peak, quiet):
    fmt = AudioFormat(encoding, 8000)
    samples = np.zeros(800, np.int16)
    samples[400] = peak
    assert pcm.is_quiet(pcm.encode(samples, fmt), fmt) is quiet


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_soft_line_has_a_gate_of_its_own(encoding):
    fmt = AudioFormat(encoding, 8000, 2)
    soft = pcm.encode(np.full((800, 2), 24, np.int16), fmt)
    assert [pcm.quiet_channels(soft, fmt, peaks) for peaks in ([64, 64], [64, 16], [16, 32], [8, 8])] == [3, 1, 2, 0]


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize(("loud", "quiet"), [((), 0b111), ((0,), 0b110), ((1,), 0b101), ((0, 1, 2), 0b000)])
def test_interleaved_channels_are_quiet_each_by_itself(encoding, loud, quiet):
    fmt = AudioFormat(encoding, 8000, 3)
    samples = np.zeros((800, 3), np.int16)
    for channel in loud:
        samples[400, channel] = -500
    assert pcm.quiet_channels(pcm.encode(samples, fmt), fmt, [64, 32, 8]) == quiet


def test_full_scale_negative_sample_is_loud():
    fmt = AudioFormat(Encoding.PCM16LE, 8000)
    assert not pcm.is_quiet(pcm.encode(np.array([-32768], np.int16), fmt), fmt)
