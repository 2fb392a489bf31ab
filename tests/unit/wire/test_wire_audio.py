"""Audio records: what the contract asks for, what is refused and by which name, what goes on."""

import sys
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio.codec import opus
from deid_stream.errors import (
    AudioFormatError,
    CodecError,
    DecodeError,
    NoCustomerError,
    OversizedError,
    UnknownTypeError,
)
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.wire.audio import decode_audio, encode_audio
from deid_stream.wire.limits import Limits

SOURCE = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-17",
    "ce_source": b"/media/3",
    "ce_type": b"call.audio.v1",
    "ce_time": b"2026-11-24T08:00:00Z",
    "ce_subject": b"call-1",
    "ce_customerid": b"northwind",
    "ce_channel": b"1",
    "ce_seq": b"17",
    "ce_offsetms": b"1700",
    "content-type": b"audio/basic",
}
PCM = bytes(range(160))


def decode(change=None, *, key=b"call-1", value=PCM, limits=None):
    headers = {name: raw for name, raw in {**SOURCE, **(change or {})}.items() if raw is not None}
    return decode_audio(key, value, tuple(headers.items()), 1_700_000_000_000, 42, limits or Limits())


def encoded(chunk):
    return encode_audio(SanitizedAudio(chunk=chunk, data=chunk.data, redacted_ms=0), "7")


def sent(chunk):
    """The source's own headers on the output record."""
    return {name: raw for name, raw in encoded(chunk)[2] if name not in ("ce_redactedms", "ce_policyversion")}


def test_a_chunk_says_where_it_belongs():
    chunk = decode()
    assert (chunk.call_id, chunk.customer_id, chunk.channel, chunk.seq, chunk.offset_ms) == (
        "call-1",
        "northwind",
        1,
        17,
        1700,
    )
    assert chunk.format == AudioFormat(Encoding.MULAW, 8000, 1)
    assert (chunk.time_ms, chunk.offset) == (1_700_000_000_000, 42)
    assert chunk.data is PCM


def test_an_interleaved_chunk_has_no_channel():
    chunk = decode({"ce_channel": None, "content-type": b"audio/pcm;rate=8000;channels=2;encoding=s16le"})
    assert chunk.channel is None
    assert chunk.format.channels == 2


@pytest.mark.parametrize(
    ("key", "change"), [(None, {}), (b"call-1", {"ce_subject": None})], ids=["subject only", "key only"]
)
def test_key_or_subject_alone_name_the_call(key, change):
    assert decode(change, key=key).call_id == "call-1"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ce_type": b"call.video.v1"}, UnknownTypeError),
        ({"ce_customerid": None}, NoCustomerError),
        ({"ce_customerid": b""}, NoCustomerError),
        ({"ce_customerid": b"two words"}, DecodeError),
        ({"ce_customerid": b"\xff\xfe"}, DecodeError),
        ({"ce_customerid": b"c" * 257}, DecodeError),
        ({"ce_subject": b"call-2"}, DecodeError),
        ({"ce_seq": None}, DecodeError),
        ({"ce_seq": b"-1"}, DecodeError),
        ({"ce_seq": b"1_0"}, DecodeError),
        ({"ce_seq": b" 1"}, DecodeError),
        ({"ce_seq": b"9" * 16}, DecodeError),
        ({"ce_seq": b"1" * 17}, DecodeError),
        ({"ce_offsetms": None}, DecodeError),
        ({"ce_offsetms": b"1.5"}, DecodeError),
        ({"ce_offsetms": b"1700000000000"}, DecodeError),
        ({"ce_channel": b"left"}, DecodeError),
        ({"ce_channel": b"64"}, DecodeError),
        ({"content-type": None}, AudioFormatError),
        ({"content-type": b"video/mp4"}, AudioFormatError),
        ({"content-type": b"audio/L16;rate=0;channels=1"}, AudioFormatError),
        ({"content-type": b"audio/L16;rate=8000;channels=2"}, DecodeError),
    ],
    ids=str,
)
def test_what_is_refused(change, error):
    with pytest.raises(error) as caught:
        decode(change)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("key", "value", "change", "error"),
    [
        (None, PCM, {"ce_subject": None}, DecodeError),
        (b"call-1", None, {}, DecodeError),
        (b"call-1", b"", {}, DecodeError),
        (b"call-1", bytes(161), {"content-type": b"audio/L16;rate=8000"}, AudioFormatError),
        (b"call-1", bytes(1001), {}, OversizedError),
    ],
    ids=["no call", "tombstone", "empty", "odd bytes", "oversized"],
)
def test_records_without_usable_audio(key, value, change, error):
    with pytest.raises(error) as caught:
        decode(change, key=key, value=value, limits=Limits(max_audio_bytes=1000))
    assert type(caught.value) is error


def test_an_error_shows_nothing_of_the_record():
    with pytest.raises(DecodeError) as caught:
        decode({"ce_seq": b"4929 1234", "ce_customerid": b"secret-customer"})
    assert "4929" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_only_the_contracts_headers_go_on():
    assert sent(decode({"ce_callernumber": b"+15005550006", "x-trace": b"abc"})) == SOURCE


def test_what_a_stream_repeats_is_kept_once():
    first, second = decode(), decode({"ce_seq": b"18", "ce_offsetms": b"1800", "ce_id": b"e-18"})
    assert first.headers is second.headers
    assert decode({"ce_source": b"/media/4"}).headers is not first.headers


def test_a_header_given_twice_goes_on_once_as_it_was_read():
    headers = (*SOURCE.items(), ("ce_seq", b"18"))
    chunk = decode_audio(b"call-1", PCM, headers, 0, 0, Limits())
    assert chunk.seq == 18
    assert [raw for name, raw in encoded(chunk)[2] if name == "ce_seq"] == [b"18"]


def test_what_a_cloud_event_must_have_is_filled_in():
    chunk = decode(dict.fromkeys(("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time")))
    headers = sent(chunk)
    assert headers["ce_id"] == b"call-1/1/17"
    assert headers["ce_subject"] == b"call-1"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"call.audio.v1"


def test_sanitized_audio_keeps_the_source_and_says_what_was_done():
    data = bytes(160)
    key, value, headers = encode_audio(SanitizedAudio(chunk=decode(), data=data, redacted_ms=20), "7")
    assert key == b"call-1/1/17"
    assert value is data
    assert dict(headers) == SOURCE | {"ce_redactedms": b"20", "ce_policyversion": b"7"}
    assert isinstance(headers, list)


def test_a_permit_goes_with_training_audio_only():
    audio = SanitizedAudio(chunk=decode(), data=PCM, redacted_ms=0)
    assert dict(encode_audio(audio, "7", "northwind/7")[2])["ce_permit"] == b"northwind/7"
    assert "ce_permit" not in dict(encode_audio(audio, "7")[2])


def test_interleaved_audio_has_x_for_its_channel_in_the_record_id():
    chunk = decode({"ce_channel": None})
    assert encode_audio(SanitizedAudio(chunk=chunk, data=PCM, redacted_ms=0), "7")[0] == b"call-1/x/17"


@settings(deadline=None)
@given(
    st.none() | st.binary(max_size=12),
    st.none() | st.binary(max_size=40),
    st.lists(st.tuples(st.sampled_from([*SOURCE, "x-other"]), st.none() | st.binary(max_size=12)), max_size=14),
)
def test_whatever_comes_is_a_chunk_or_a_decode_error(key, value, changes):
    headers = [*SOURCE.items(), *changes]
    try:
        chunk = decode_audio(key, value, headers, 0, 0, Limits())
    except DecodeError:
        return
    names = [name for name, _ in encoded(chunk)[2]]
    assert set(names) <= {*SOURCE, "ce_redactedms", "ce_policyversion"}
    assert len(names) == len(set(names))
    assert chunk.data is value


class TestOpus:
    KIND: ClassVar = {"content-type": b"audio/ogg;codecs=opus"}
    FORMAT = AudioFormat(Encoding.PCM16LE, 16_000)
    OGG = opus.encode(opus.Pcm(FORMAT, bytes(2 * 1_600)))

    def test_it_is_decoded_on_arrival_and_keeps_its_bytes(self):
        chunk = decode(self.KIND, value=self.OGG)
        assert chunk.format == self.FORMAT
        assert len(chunk.data) == 2 * 1_600
        assert chunk.encoded is self.OGG

    def test_untouched_it_goes_out_as_it_came_and_else_in_its_own_codec(self):
        chunk = decode(self.KIND, value=self.OGG)
        assert encoded(chunk)[1] is self.OGG
        other = encode_audio(SanitizedAudio(chunk=chunk, data=bytes(2 * 1_600), redacted_ms=100), "7")[1]
        assert other is not self.OGG
        assert opus.decode(other).data == bytes(2 * 1_600)
        assert sent(chunk)["content-type"] == self.KIND["content-type"]

    @pytest.mark.parametrize(
        ("change", "value", "limits", "error"),
        [
            ({}, PCM, Limits(), AudioFormatError),
            ({"content-type": b"audio/ogg"}, OGG, Limits(), AudioFormatError),
            ({}, OGG, Limits(max_audio_bytes=3_199), OversizedError),
            (
                {},
                opus.encode(opus.Pcm(AudioFormat(Encoding.PCM16LE, 16_000, 2), bytes(400))),
                Limits(),
                DecodeError,
            ),
        ],
        ids=["not Ogg", "no codec named", "larger than the limit when decoded", "two channels where one is named"],
    )
    def test_what_is_refused(self, change, value, limits, error):
        with pytest.raises(error):
            decode(self.KIND | change, value=value, limits=limits)

    def test_without_the_extra_it_is_refused_by_name(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "soundfile", None)
        with pytest.raises(CodecError) as caught:
            decode(self.KIND, value=self.OGG)
        assert caught.value.code == "codec"
