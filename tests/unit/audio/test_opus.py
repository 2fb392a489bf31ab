"""Opus in Ogg: decoded and encoded to the sample; a stream with anything in it that nobody hears is refused."""

import struct
import sys

import numpy as np
import pytest

from deid_stream.audio.codec import ogg, opus, pcm
from deid_stream.audio.codec.opus import Pcm
from deid_stream.errors import AudioFormatError, CodecError, OversizedError
from deid_stream.model.events import AudioFormat, Encoding

from .sounds import voice


def stream(rate_hz=16000, channels=1, ms=1000):
    fmt = AudioFormat(Encoding.PCM16LE, rate_hz, channels)
    return opus.encode(Pcm(fmt, pcm.encode(np.stack([voice(ms, rate_hz)] * channels, axis=1), fmt)))


def pages(data):
    """Header and body of each page, as they stand."""
    at = 0
    while at < len(data):
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + len(lacing) + sum(lacing)
        yield bytearray(data[at : at + 27 + len(lacing)]), bytearray(data[at + 27 + len(lacing) : end])
        at = end


def joined(parts):
    """Pages again, with their checksums put right (RFC 3533: CRC-32, polynomial 04C11DB7, nothing reflected)."""
    out = b""
    for head, body in parts:
        head[22:26] = bytes(4)
        crc = 0
        for byte in bytes(head + body):
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        head[22:26] = struct.pack("<I", crc)
        out += bytes(head + body)
    return out


def changed(page, at, value, data=None):
    """One page's body with ``value`` from ``at`` on."""
    parts = list(pages(data or stream(8000, ms=100)))
    parts[page][1][at : at + len(value)] = value
    return joined(parts)


def tagged(*comments):
    packet = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", len(comments))
    packet += b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    parts = list(pages(stream(8000, ms=100)))
    head = parts[1][0][:26] + bytes([1, len(packet)])
    parts[1] = (head, bytearray(packet))
    return joined(parts)


@pytest.mark.parametrize("rate_hz", opus.RATES_HZ)
@pytest.mark.parametrize("channels", [1, 2])
def test_rate_channels_and_length_are_kept(rate_hz, channels):
    sound = opus.decode(stream(rate_hz, channels))
    assert sound.format == AudioFormat(Encoding.PCM16LE, rate_hz, channels)
    assert len(sound.data) == rate_hz * sound.format.frame_bytes


@pytest.mark.parametrize("rate_hz", opus.RATES_HZ)
@pytest.mark.parametrize("frames", [1, 80, 160, 799, 800, 801, 4_444, 16_000])
def test_every_length_comes_back_to_the_sample(rate_hz, frames):
    fmt = AudioFormat(Encoding.PCM16LE, rate_hz)
    data = np.random.default_rng(frames).integers(-8_000, 8_000, frames).astype("<i2").tobytes()
    assert len(opus.decode(opus.encode(Pcm(fmt, data))).data) == 2 * frames


def test_telephone_speech_may_go_in_as_mulaw():
    fmt = AudioFormat(Encoding.MULAW, 8000)
    assert len(opus.decode(opus.encode(Pcm(fmt, pcm.encode(voice(500), fmt)))).data) == 2 * 4000


def test_what_decodes_to_too_much_is_refused_before_it_is_decoded():
    data = stream(48_000, 2)
    assert len(data) < 48_000
    with pytest.raises(OversizedError):
        opus.decode(data, max_bytes=4 * 48_000 - 1)
    assert opus.decode(data, max_bytes=4 * 48_000)


@pytest.mark.parametrize(
    ("content_type", "opus_in_ogg"),
    [
        (b"audio/ogg;codecs=opus", True),
        (b'Audio/Ogg; codecs="opus"', True),
        (b"audio/ogg", False),
        (b"audio/ogg;codecs=vorbis", False),
        (b"audio/opus", False),
        (b"audio/basic", False),
    ],
)
def test_its_content_type(content_type, opus_in_ogg):
    assert opus.is_opus(content_type) is opus_in_ogg


@pytest.mark.parametrize(
    "data",
    [b"", b"OggS", b"\0" * 400, stream()[:60], b"RIFF" + bytes(200), stream()[:-1], stream() + b"x"],
    ids=["empty", "a beginning", "zeros", "cut off", "wav", "one byte short", "one byte more"],
)
def test_anything_else_is_refused(data):
    with pytest.raises(AudioFormatError):
        opus.decode(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tagged(b"TITLE=jane doe"), "tags"),
        (tagged(b"encoder=test", b"METADATA_BLOCK_PICTURE=x"), "tags"),
        (changed(1, 700, b"jane"), "besides tags"),
        (stream() + stream(), "one stream"),
        (joined([*pages(stream(ms=500))][:-1]), "no whole stream"),
        (changed(0, 9, b"\3"), "one or two channels"),
        (changed(0, 16, b"\1\0"), "output gain"),
        (changed(0, 10, struct.pack("<H", 3_840)), "20 ms"),
    ],
    ids=["a title", "a picture", "a tail behind the tags", "two streams", "no end", "three channels", "a gain",
         "80 ms before the start"],
)  # fmt: skip
def test_what_a_listener_would_not_hear_is_refused_by_name(data, says):
    with pytest.raises(AudioFormatError, match=says) as caught:
        opus.decode(data)
    assert "jane" not in str(caught.value)


def test_the_encoders_own_tag_is_let_through():
    assert opus.decode(tagged(b"ENCODER=Lavc libopus"))


def test_sound_that_is_cut_off_at_the_end_is_refused():
    parts = list(pages(stream(8000, ms=200)))
    head = parts[-1][0]
    (end,) = struct.unpack_from("<q", head, 6)
    struct.pack_into("<q", head, 6, end - 4_800)
    with pytest.raises(AudioFormatError, match="20 ms"):
        opus.decode(joined(parts))
    struct.pack_into("<q", head, 6, end + 4_800)
    with pytest.raises(AudioFormatError, match="not as long"):
        opus.decode(joined(parts))


def test_a_damaged_page_is_noticed():
    damaged = bytearray(stream())
    damaged[-20] ^= 1
    with pytest.raises(AudioFormatError):
        opus.decode(bytes(damaged))


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (bytes([0b00000_0_00]), 480),
        (bytes([0b00011_0_01]), 5_760),
        (bytes([0b01101_0_00]), 960),
        (bytes([0b10000_0_10]), 240),
        (bytes([0b11111_0_11, 3]), 2_880),
    ],
    ids=["SILK 10 ms", "two of 60 ms", "hybrid 20 ms", "CELT twice 2.5 ms", "three of 20 ms"],
)
def test_how_long_a_packet_is(packet, samples):
    assert ogg._duration(packet) == samples


def test_a_rate_that_opus_does_not_have():
    with pytest.raises(AudioFormatError):
        opus.encode(Pcm(AudioFormat(Encoding.PCM16LE, 44100), b"\0\0" * 441))


def test_without_the_extra_the_error_says_how_to_mend_it(monkeypatch):
    data = stream()
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(CodecError, match=r"\.\[opus\]"):
        opus.decode(data)
