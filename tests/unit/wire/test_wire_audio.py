"""Audio records: what the contract asks for, what is refused and by which name, what goes on."""

import base64
import json
import sys
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.audio.codec import opus
from deid_stream.errors import (
    AudioFormatError,
    CodecError,
    DecodeError,
    MissingError,
    NoCustomerError,
    OversizedError,
    UnknownTypeError,
    WrongKeyError,
)
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.wire.audio import decode_audio, encode_audio
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import ignore

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


def decode(change=None, *, key=b"call-1", value=PCM, limits=None, note=ignore):
    headers = {name: raw for name, raw in {**SOURCE, **(change or {})}.items() if raw is not None}
    return decode_audio(key, value, tuple(headers.items()), 1_700_000_000_000, 42, limits or Limits(), note)


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


def test_the_key_alone_names_the_call():
    assert decode({"ce_subject": None}).call_id == "call-1"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ce_type": b"call.video.v1"}, UnknownTypeError),
        ({"ce_customerid": None}, NoCustomerError),
        ({"ce_customerid": b""}, NoCustomerError),
        ({"ce_customerid": b"two words"}, DecodeError),
        ({"ce_customerid": b"\xff\xfe"}, DecodeError),
        ({"ce_customerid": b"c" * 257}, DecodeError),
        ({"ce_subject": b"call-2"}, WrongKeyError),
        ({"ce_specversion": None}, MissingError),
        ({"ce_specversion": b"1.1"}, DecodeError),
        ({"ce_id": None}, MissingError),
        ({"ce_id": b"\xff"}, DecodeError),
        ({"ce_id": b"e" * 257}, DecodeError),
        ({"ce_source": b""}, MissingError),
        ({"ce_type": None}, MissingError),
        ({"ce_seq": None}, MissingError),
        ({"ce_seq": b"-1"}, DecodeError),
        ({"ce_seq": b"1_0"}, DecodeError),
        ({"ce_seq": b" 1"}, DecodeError),
        ({"ce_seq": b"9" * 16}, DecodeError),
        ({"ce_seq": b"1" * 17}, DecodeError),
        ({"ce_offsetms": None}, MissingError),
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
    assert caught.value.mend


@pytest.mark.parametrize(
    ("key", "value", "change", "error"),
    [
        (None, PCM, {"ce_subject": None}, WrongKeyError),
        (None, PCM, {}, WrongKeyError),
        (b"call-1", None, {}, DecodeError),
        (b"call-1", b"", {}, DecodeError),
        (b"call-1", bytes(161), {"content-type": b"audio/L16;rate=8000"}, AudioFormatError),
        (b"call-1", bytes(1001), {}, OversizedError),
    ],
    ids=["no call", "no key", "tombstone", "empty", "odd bytes", "oversized"],
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


@pytest.mark.parametrize(
    ("event_id", "channel", "kept"),
    [
        (b"call-1/1/17", b"1", False),
        (b"call-1/x/17", None, False),
        (b"call-1/1/017", b"1", True),
        (b"call-1/0/17", b"1", True),
        (b"call-1/1/18", b"1", True),
        (b"call-2/1/17", b"1", True),
        (b"e-17", b"1", True),
    ],
)
def test_an_id_that_can_be_made_again_is_not_held(event_id, channel, kept):
    chunk = decode({"ce_id": event_id, "ce_channel": channel})
    assert bool(chunk.id) == kept
    assert sent(chunk)["ce_id"] == event_id


def test_a_header_given_twice_goes_on_once_as_it_was_read():
    headers = (*SOURCE.items(), ("ce_seq", b"18"))
    chunk = decode_audio(b"call-1", PCM, headers, 0, 0, Limits())
    assert chunk.seq == 18
    assert [raw for name, raw in encoded(chunk)[2] if name == "ce_seq"] == [b"18"]


def test_the_subject_is_filled_in():
    assert sent(decode({"ce_subject": None, "ce_time": None}))["ce_subject"] == b"call-1"


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in SOURCE if name not in ("ce_subject", "ce_time", "ce_channel", "ce_customerid")),
        {"ce_seq": b"1.0"},
        {"ce_offsetms": b"soon"},
        {"ce_channel": b"left"},
        {"ce_customerid": b"two words"},
        {"ce_customerid": None},
        {"ce_type": b"call.video.v1"},
        {"content-type": b"video/mp4"},
        {"ce_specversion": b"0.3"},
        {"ce_id": b"\xff"},
    ],
    ids=str,
)
def test_an_error_names_the_header(change):
    with pytest.raises(DecodeError) as caught:
        decode(change)
    assert caught.value.at == next(iter(change))
    assert caught.value.mend, "what to do about it, for the dead letter"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"2026-11-24T08:00:00Z", True), (b"2026-11-24t08:00:00.123456+05:30", True), (b"2026-11-24T08:00:60Z", True),
        (b"yesterday", False), (b"2026-11-24", False), (b"2026-13-24T08:00:00Z", False), (b"4111111111111111", False),
        (b"2026-11-24T08:00:00.4111111111111111Z", False), (b"2026-11-24T08:00:00", False),
    ],
)  # fmt: skip
def test_a_time_is_rfc_3339_or_is_left_out_and_counted(said, kept):
    noted = []
    chunk = decode({"ce_time": said}, note=noted.append)
    assert sent(chunk).get("ce_time") == (said if kept else None)
    assert noted == ([] if kept else ["ce_time"])


@pytest.mark.parametrize(
    ("said", "sent_as", "encoding"),
    [
        (b"audio/basic", b"audio/basic", Encoding.MULAW),
        (b"Audio/Basic;note=4111111111111111", b"audio/basic", Encoding.MULAW),
        (b"audio/basic;encoding=4111111111111111", b"audio/basic", Encoding.MULAW),
        (b"audio/x-mulaw", b"audio/x-mulaw", Encoding.MULAW),
        (b"audio/x-mulaw;rate=8000", b"audio/x-mulaw;rate=8000", Encoding.MULAW),
        (b"audio/x-alaw", b"audio/x-alaw", Encoding.ALAW),
        (b"audio/pcmu", b"audio/PCMU", Encoding.MULAW),
        (b"audio/PCMA; rate=8000; x=y", b"audio/PCMA;rate=8000", Encoding.ALAW),
        (b"audio/L16;rate=8000;channels=1", b"audio/L16;rate=8000;channels=1", Encoding.PCM16BE),
        (b'audio/pcm; RATE="8000"; encoding=S16LE', b"audio/pcm;rate=8000;encoding=s16le", Encoding.PCM16LE),
    ],
)
def test_a_content_type_goes_on_with_what_is_known_of_it(said, sent_as, encoding):
    chunk = decode({"content-type": said})
    assert sent(chunk)["content-type"] == sent_as
    assert chunk.format.encoding is encoding


class TestStructured:
    """``application/cloudevents+json``: the whole event is the value."""

    KIND = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
    EVENT: ClassVar = {
        "specversion": "1.0",
        "id": "e-17",
        "source": "/media/3",
        "type": "call.audio.v1",
        "time": "2026-11-24T08:00:00Z",
        "subject": "call-1",
        "customerid": "northwind",
        "channel": 1,
        "seq": "17",
        "offsetms": 1700,
        "datacontenttype": "audio/basic",
        "data_base64": base64.b64encode(PCM).decode(),
    }

    def read(self, change=None, kind=KIND):
        event = {name: said for name, said in (self.EVENT | (change or {})).items() if said is not None}
        return decode_audio(b"call-1", json.dumps(event).encode(), kind, 1_700_000_000_000, 42, Limits())

    def test_it_is_the_same_chunk(self):
        chunk, binary = self.read(), decode()
        assert chunk.data == PCM
        assert sent(chunk) == sent(binary)
        assert (chunk.seq, chunk.offset_ms, chunk.channel) == (binary.seq, binary.offset_ms, binary.channel)

    @pytest.mark.parametrize(
        ("change", "at"),
        [
            ({"seq": None}, "ce_seq"),
            ({"id": None}, "ce_id"),
            ({"subject": "call-2"}, "key"),
            ({"data_base64": "not Base64!"}, "$.data_base64"),
            ({"data_base64": None}, "$.data"),
            ({"seq": [1]}, "$.seq"),
            ({"My Card 4111": [1]}, "$.*"),
            ({"datacontenttype": None}, "content-type"),
        ],
        ids=str,
    )
    def test_its_errors_name_the_attribute(self, change, at):
        with pytest.raises(DecodeError) as caught:
            self.read(change)
        assert caught.value.at == at

    @pytest.mark.parametrize("kind", [b"application/cloudevents-batch+json", b"application/cloudevents+avro"])
    def test_other_formats_are_refused_by_name(self, kind):
        with pytest.raises(DecodeError) as caught:
            self.read(kind=(("content-type", kind),))
        assert caught.value.at == "content-type"


def test_sanitized_audio_keeps_the_source_and_says_what_was_done():
    data = bytes(160)
    key, value, headers = encode_audio(SanitizedAudio(chunk=decode(), data=data, redacted_ms=20), "7")
    assert key == b"call-1/1/17"
    assert value is data
    assert dict(headers) == SOURCE | {"ce_redactedms": b"20", "ce_policyversion": b"7"}
    assert isinstance(headers, list)


def test_interleaved_audio_has_x_for_its_channel_in_the_record_id():
    chunk = decode({"ce_channel": None})
    assert encode_audio(SanitizedAudio(chunk=chunk, data=PCM, redacted_ms=0), "7")[0] == b"call-1/x/17"


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

    @pytest.mark.parametrize("more", [b";note=\x86", b"; title=\xc3\xa9", b";x"])
    def test_what_else_its_content_type_says_stays_behind(self, more):
        chunk = decode({"content-type": self.KIND["content-type"] + more}, value=self.OGG)
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
