"""The one dispatch: every kind of record, and nothing that reading a record raises gets out of it."""

import json

import pytest

from deid_stream.errors import DecodeError, InternalError
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Segment
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.wire import decode as module
from deid_stream.wire.decode import Decoded, decode
from deid_stream.wire.limits import MAX_FAULTS, Limits, bounded, share, whole

COMMON = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/x"), ("ce_customerid", b"a"))
SEGMENT = {"segment_id": "s", "start_ms": 0, "end_ms": 5, "text": "hi"}


def read(kind, value, *headers, key=b"c"):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return decode(kind, key, raw, (*COMMON, *headers), 1_000, 7, Limits())


@pytest.mark.parametrize(
    ("kind", "value", "headers", "event"),
    [
        (EVENTS_KIND, {}, [("ce_type", b"call.started.v1")], CallStarted),
        (EVENTS_KIND, {}, [("ce_type", b"call.ended.v1")], CallEnded),
        (TRANSCRIPTS_KIND, SEGMENT, [("ce_type", b"call.transcript.v1")], Segment),
        (
            AUDIO_KIND,
            b"\xff" * 80,
            [("ce_type", b"call.audio.v1"), ("ce_seq", b"0"), ("ce_offsetms", b"0"), ("content-type", b"audio/basic")],
            AudioChunk,
        ),
    ],
)
def test_every_kind_has_its_reader(kind, value, headers, event):
    (found,) = read(kind, value, *headers).sound()
    assert type(found) is event
    assert (found.call_id, found.time_ms, found.offset) == ("c", 1_000, 7)


def test_a_fault_is_part_of_the_answer():
    decoded = read(TRANSCRIPTS_KIND, b"{", ("ce_type", b"call.transcript.v1"))
    assert decoded.events == ()
    assert [type(fault) for fault in decoded.faults] == [DecodeError]
    with pytest.raises(DecodeError):
        decoded.sound()


def test_what_nobody_foresaw_is_a_fault_that_tells_the_type_only(monkeypatch):
    def broken(*_arguments):
        raise ValueError("my card is 4111 1111 1111 1111")

    monkeypatch.setitem(module._READERS, TRANSCRIPTS_KIND, broken)
    (fault,) = read(TRANSCRIPTS_KIND, SEGMENT).faults
    assert isinstance(fault, InternalError)
    assert (fault.code, fault.exception) == ("internal", "ValueError")
    assert "4111" not in f"{fault} {fault.mend} {fault.at}"
    assert fault.__cause__ is None


def whisper(*segments):
    return read(
        TRANSCRIPTS_KIND, {"segments": segments}, ("ce_type", b"call.transcript.v1"), ("ce_dataschema", b"whisper")
    )


def test_one_bad_segment_fails_alone():
    good, bad = {"id": 0, "start": 0, "end": 1, "text": "hi"}, {"id": 1, "start": 2.0, "end": 1.98, "text": "ann"}
    decoded = whisper(good, bad)
    assert [segment.text for segment in decoded.events] == ["hi"]
    assert [fault.at for fault in decoded.faults] == ["$.segments[1].end_ms"]


def test_many_bad_segments_are_told_as_one():
    decoded = whisper(*[{"id": i, "start": 2, "end": 1, "text": "ann"} for i in range(100)])
    assert len(decoded.faults) == MAX_FAULTS + 1
    assert str(decoded.faults[-1]).startswith("80 more segments")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (b"deepgramm", "did you mean deepgram?"),
        (b"https://schemas.example/asembly-ai/v3", "did you mean assemblyai?"),
        (b"https://schemas.example/parrot/v1", "known: assemblyai, aws"),
        (b"\xff\xfe", "known: assemblyai"),
    ],
)
def test_an_unknown_provider_is_named_as_unknown(schema, says):
    (fault,) = read(TRANSCRIPTS_KIND, SEGMENT, ("ce_type", b"call.transcript.v1"), ("ce_dataschema", schema)).faults
    assert (fault.code, fault.at) == ("unknown_provider", "ce_dataschema")
    assert says in fault.mend


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (1.5, 1.5), (3, 3), ("1.5", 1.5), ("1.500s", 1.5), (" 2 ", 2), ("-1", -1),
        (True, None), (None, None), ("", None), ("soon", None), ("nan", None), ("inf", None), ("-inf", None),
        ("9" * 400, None), (10**400, None), (float("nan"), None), (float("inf"), None), (1e300, None), ("1e300", None),
        ({}, None), ([1], None), ("1_0", None), ("s", None),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_number_is_bounded_or_none(said, number):
    assert bounded(said) == number


@pytest.mark.parametrize(("said", "number"), [(3, 3), ("3", 3), (3.0, 3), (3.5, None), (True, None), ("nan", None)])
def test_a_whole_number(said, number):
    assert whole(said) == number


@pytest.mark.parametrize(("said", "number"), [(0, 0), (1, 1), ("0.5", 0.5), (1.1, None), (-0.1, None), (4111, None)])
def test_a_share(said, number):
    assert share(said) == number


def test_a_decoded_record_without_faults_is_sound():
    assert Decoded(()).sound() == ()


@pytest.mark.parametrize(
    ("kind", "event_type", "data", "event"),
    [
        (EVENTS_KIND, "call.started.v1", {"channels": 2}, CallStarted),
        (EVENTS_KIND, "call.ended.v1", {"duration_ms": 5}, CallEnded),
        (TRANSCRIPTS_KIND, "call.transcript.v1", SEGMENT, Segment),
        (TRANSCRIPTS_KIND, "call.transcript.v1", json.dumps(SEGMENT), Segment),
    ],
)
def test_structured_events_of_every_kind(kind, event_type, data, event):
    whole_event = {"specversion": "1.0", "id": "1", "source": "/x", "type": event_type, "customerid": "a", "data": data}
    headers = (("content-type", b"application/cloudevents+json"),)
    (found,) = decode(kind, b"c", json.dumps(whole_event).encode(), headers, 1_000, 7, Limits()).sound()
    assert type(found) is event
    assert (found.call_id, found.customer_id) == ("c", "a")


def test_a_structured_event_names_its_provider():
    document = {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 900, "text": "hi"}
    whole_event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "call.transcript.v1", "customerid": "a"}
    raw = json.dumps(whole_event | {"dataschema": "urn:assemblyai", "data": document}).encode()
    headers = (("content-type", b"application/cloudevents+json"),)
    (found,) = decode(TRANSCRIPTS_KIND, b"c", raw, headers, 1_000, 7, Limits()).sound()
    assert found.provider == "assemblyai"


@pytest.mark.parametrize(
    ("value", "schema", "code"),
    [
        ({"results": ["x"] * 6_000}, "google", "oversized"),
        ({"results": [{"alternatives": ["x"]}] * 6_000, "a": "b" * 200_000}, "google", "oversized"),
        ({"x": [[[], {}]] * 30_000}, "google", "undecodable"),
        ([[{}]] * 30_000, "deepgram", "undecodable"),
    ],
    ids=["segments that are none", "segments without words", "nested", "a list of lists"],
)
def test_much_of_nothing_is_one_fault_for_the_whole_record(value, schema, code):
    decoded = read(TRANSCRIPTS_KIND, value, ("ce_type", b"call.transcript.v1"), ("ce_dataschema", schema.encode()))
    assert decoded.events == ()
    assert [(fault.code, fault.at) for fault in decoded.faults] == [(code, "$")]


def test_a_long_document_of_ordinary_words_is_read():
    words = [
        {"word": "hi", "startOffset": f"{n * 0.3:.1f}s", "endOffset": f"{n * 0.3 + 0.2:.1f}s"} for n in range(1_500)
    ]
    results = [{"alternatives": [{"transcript": "hi " * 1_500, "words": words}], "isFinal": True}]
    headers = (("ce_type", b"call.transcript.v1"), ("ce_dataschema", b"google"))
    (segment, *_) = read(TRANSCRIPTS_KIND, {"results": results}, *headers).events
    assert isinstance(segment, Segment)
