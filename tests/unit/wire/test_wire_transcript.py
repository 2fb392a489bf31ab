"""Transcript records in the contract's own form: tolerant of what is missing, strict about what would mislead."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.errors import (
    DecodeError,
    MissingError,
    NoCustomerError,
    NoTimesError,
    OversizedError,
    UnknownTypeError,
    WrongKeyError,
)
from deid_stream.model.events import Word
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import ignore
from deid_stream.wire.transcript import decode_transcript

FULL = {
    "call_id": "call-1",
    "customer_id": "northwind",
    "segment_id": "s1",
    "revision": 2,
    "is_final": True,
    "channel": 1,
    "language": "en-IN",
    "start_ms": 1000,
    "end_ms": 2200,
    "text": "my name is ann",
    "words": [
        {"text": "my", "start_ms": 1000, "end_ms": 1200, "confidence": 0.9},
        {"text": "name", "start_ms": 1200, "end_ms": 1500, "confidence": 0.9},
        {"text": "is", "start_ms": 1500, "end_ms": 1700, "confidence": 0.9},
        {"text": "ann", "start_ms": 1700, "end_ms": 2200, "confidence": 0.9},
    ],
    "transcribed_until_ms": 2500,
}


REQUIRED = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"t1"),
    ("ce_source", b"/asr"),
    ("ce_type", b"call.transcript.v1"),
)


def decode(record, *, key=b"call-1", headers=(), limits=None, note=ignore):
    value = record if isinstance(record, bytes | None) else json.dumps(record).encode()
    reading = decode_transcript(
        key, value, tuple((dict(REQUIRED) | dict(headers)).items()), 123, 9, limits or Limits(), note
    )
    if reading.faults:
        raise reading.faults[0]
    return reading.segments


def one(record, **kwargs):
    (segment,) = decode(record, **kwargs)
    return segment


def without(*names):
    return {name: value for name, value in FULL.items() if name not in names}


def test_the_contracts_record():
    segment = one(FULL)
    assert (segment.call_id, segment.customer_id, segment.segment_id) == ("call-1", "northwind", "s1")
    assert (segment.revision, segment.is_final, segment.channel, segment.language) == (2, True, 1, "en-IN")
    assert (segment.start_ms, segment.end_ms, segment.transcribed_until_ms) == (1000, 2200, 2500)
    assert segment.words[3] == Word("ann", 1700, 2200, 0.9)
    assert (segment.time_ms, segment.offset, segment.provider) == (123, 9, "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"start_ms": 1000.9, "end_ms": 2200.1}, {"start_ms": 1000, "end_ms": 2201}),
        ({"transcribed_until_ms": 2500.9}, {"transcribed_until_ms": 2500}),
        ({"transcribed_until_ms": None}, {"transcribed_until_ms": None}),
        ({"start_ms": -40}, {"start_ms": 0}),
        ({"words": None}, {"words": ()}),
        ({"words": []}, {"words": ()}),
        ({"words": [{"text": "ann"}]}, {"words": (Word("ann"),)}),
        ({"words": [{"text": None, "start_ms": None}]}, {"words": (Word(""),)}),
        ({"words": [{"text": "a", "start_ms": 1.7, "end_ms": 2.2}]}, {"words": (Word("a", 1, 3),)}),
        ({"words": [{"text": "a", "start_ms": -5, "end_ms": 1e300}]}, {"words": (Word("a"),)}),
        ({"text": None}, {"text": "my name is ann"}),
        ({"revision": None, "is_final": None, "language": None}, {"revision": 0, "is_final": True, "language": "en"}),
        ({"is_final": False}, {"is_final": False}),
        ({"channel": None}, {"channel": 0}),
        ({"segment_id": 12}, {"segment_id": "12"}),
        ({"language": "my pin is 1234"}, {"language": "und"}),
        ({"speaker_phone": "5005550006", "alternatives": [{"text": "x"}]}, {}),
        ({"start_ms": None, "end_ms": None}, {"start_ms": 1000, "end_ms": 2200}),
    ],
    ids=str,
)
def test_what_is_tolerated(change, expected):
    segment = one(FULL | change)
    assert {name: getattr(segment, name) for name in expected} == expected


def test_headers_stand_in_for_missing_fields():
    headers = (("ce_customerid", b"northwind"), ("ce_channel", b"3"), ("ce_subject", b"call-1"))
    segment = one(without("call_id", "customer_id", "channel"), headers=headers)
    assert (segment.call_id, segment.customer_id, segment.channel) == ("call-1", "northwind", 3)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (None, DecodeError),
        (b"", DecodeError),
        (b"{", DecodeError),
        (b"[]", DecodeError),
        (b"\xff\xfe{}", DecodeError),
        (b"[" * 100_000, DecodeError),
        (b"[" * 10_000, DecodeError),
        (without("customer_id"), NoCustomerError),
        (without("segment_id"), MissingError),
        (without("start_ms", "words"), NoTimesError),
        (FULL | {"call_id": "call-2"}, WrongKeyError),
        (FULL | {"text": 5}, DecodeError),
        (FULL | {"words": "my name"}, DecodeError),
        (FULL | {"words": [{"text": "a", "start_ms": "soon"}]}, DecodeError),
        (FULL | {"end_ms": 900}, DecodeError),
        (FULL | {"start_ms": 1_700_000_000_000, "end_ms": 1_700_000_001_000}, DecodeError),
        (FULL | {"transcribed_until_ms": 1_700_000_000_000}, DecodeError),
        (FULL | {"channel": -1}, DecodeError),
        (FULL | {"channel": 64}, DecodeError),
        (FULL | {"revision": -1}, DecodeError),
        (FULL | {"segment_id": "a b"}, DecodeError),
        (FULL | {"text": "x" * 2000}, OversizedError),
        (FULL | {"words": [{"text": "x"}] * 2001, "text": "x"}, OversizedError),
        (FULL | {"text": "x" * 8001}, OversizedError),
        (FULL | {"words": [{"text": "x" * 8001}], "text": "x"}, OversizedError),
        (FULL | {"end_ms": 700_000}, OversizedError),
    ],
    ids=lambda case: str(case)[:60],
)
def test_what_is_refused(record, error):
    with pytest.raises(error) as caught:
        decode(record, limits=Limits(max_transcript_bytes=1500) if record == FULL | {"text": "x" * 2000} else None)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("lacks", "has", "text"),
    [
        pytest.param(("text", "words", "transcribed_until_ms"), {"txt": "my name is ann"}, None, id="mistyped"),
        pytest.param(("text", "words"), {"txt": "my name is ann"}, None, id="mistyped, with how far it got"),
        pytest.param(("text", "words"), {"TEXT": "my name is ann"}, None, id="in capitals, with how far it got"),
        pytest.param(("text", "transcribed_until_ms"), {"txt": "my name is ann", "words": []}, None, id="no words"),
        pytest.param(("text", "words", "transcribed_until_ms"), {"text": None}, None, id="null"),
        pytest.param(("text", "words", "transcribed_until_ms"), {"is_final": False}, None, id="an interim"),
        pytest.param(("words", "transcribed_until_ms"), {"text": ""}, "", id="silence"),
        pytest.param(("words",), {"text": "ann", "txt": "annie"}, "ann", id="both"),
        pytest.param(("text", "transcribed_until_ms"), {"txt": "ann"}, "my name is ann", id="words instead"),
        pytest.param(("text", "words"), {"context": "bank"}, "", id="how far it got"),
    ],
)
def test_a_segment_says_what_was_said_or_that_nothing_was(lacks, has, text):
    if text is not None:
        assert one(without(*lacks) | has).text == text
        return
    with pytest.raises(MissingError) as caught:
        one(without(*lacks) | has)
    assert (caught.value.at, caught.value.mend) == (
        "$.text",
        'send text, as "" where nothing was said, or words with their text',
    )
    assert "ann" not in str(caught.value)


def test_an_unknown_type_is_refused():
    with pytest.raises(UnknownTypeError):
        decode(FULL, headers=(("ce_type", b"call.sentiment.v1"),))


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_what_every_cloud_event_has_is_asked_for_by_name(name):
    with pytest.raises(MissingError) as caught:
        decode(FULL, headers=((name, b""),)) if name != "ce_type" else decode_transcript(
            b"call-1", json.dumps(FULL).encode(), REQUIRED[:3], 0, 0, Limits()
        )
    assert (caught.value.at, caught.value.mend) == (name, f"set {name}")


def test_another_version_of_cloud_events_is_refused():
    with pytest.raises(DecodeError) as caught:
        decode(FULL, headers=(("ce_specversion", b"0.3"),))
    assert caught.value.at == "ce_specversion"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("en", "en"), ("EN_in", "en-IN"), ("zh-hans-cn", "zh-Hans-CN"), ("hi-Latn", "hi-Latn"), ("es-419", "es-419"),
        ("english", "en"),
        ("eng", "en"), ("cmn-Hans-CN", "zh-Hans-CN"),
        ("Hindi", "hi"), (None, "en"), ("", "en"), ("de-1996", "de"), ("en-x-secret", "en"),
        ("en-41111111-11111111", "en"), ("es-416", "es"), ("klingon", "und"), ("4111", "und"), ("jo hn", "und"),
    ],
)  # fmt: skip
def test_a_language_goes_on_in_its_canonical_form_and_nothing_else_with_it(said, kept):
    assert one(FULL | {"language": said}).language == kept


@pytest.mark.parametrize(
    ("said", "kept", "noted"),
    [
        (0, 0, []), (1, 1, []), (0.93, 0.93, []), (0.4111111111111111, 0.411, []), (None, None, []),
        (4111111111111111, None, ["confidence"]), (-0.1, None, ["confidence"]), (1.01, None, ["confidence"]),
        (1e300, None, ["confidence"]),
    ],
)  # fmt: skip
def test_a_confidence_is_a_share_or_is_left_out_and_counted(said, kept, noted):
    found = []
    segment = one(FULL | {"words": [{"text": "ann", "confidence": said}]}, note=found.append)
    assert segment.words[0].confidence == kept
    assert found == noted


def test_a_speaker_is_told_apart_within_the_session():
    assert one(FULL | {"speaker": 2}).speaker == "2"
    assert one(FULL | {"speaker": "spk_0"}).speaker == "spk_0"
    assert one(FULL | {"speaker": "John Smith, 4111"}).speaker == ""
    assert one(FULL).speaker == ""


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"segment_id": None}, "$.segment_id"),
        ({"segment_id": "a b"}, "$.segment_id"),
        ({"start_ms": "soon"}, "$.start_ms"),
        ({"start_ms": 1_700_000_000_000}, "$.start_ms"),
        ({"end_ms": 5}, "$.end_ms"),
        ({"channel": 64}, "$.channel"),
        ({"revision": -1}, "$.revision"),
        ({"words": [{"text": "a"}, {"text": 5}]}, "$.words[1].text"),
        ({"call_id": "call-2"}, "$.call_id"),
        ({"customer_id": "a b"}, "$.customer_id"),
        ({"text": "x" * 8001}, "$"),
    ],
    ids=str,
)
def test_an_error_names_the_place(change, at):
    with pytest.raises(DecodeError) as caught:
        decode(FULL | change)
    assert caught.value.at == at


def test_a_record_without_a_key_may_lie_in_any_partition():
    with pytest.raises(WrongKeyError) as caught:
        decode(FULL, key=None, headers=(("ce_subject", b"call-1"),))
    assert caught.value.at == "key"


def test_a_recognisers_own_clock_is_shifted_to_the_calls():
    segment = one(FULL, headers=(("ce_offsetms", b"60000"),))
    assert (segment.start_ms, segment.end_ms, segment.transcribed_until_ms) == (61_000, 62_200, 62_500)
    assert (segment.words[0].start_ms, segment.words[0].end_ms) == (61_000, 61_200)


def test_customers_that_disagree_are_refused():
    with pytest.raises(DecodeError):
        decode(FULL, headers=(("ce_customerid", b"southwind"),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("a1 é"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "start_ms"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), JSON))
def test_any_json_is_read_or_refused_by_name(change):
    try:
        segment = one(FULL | change)
    except DecodeError:
        return
    assert 0 <= segment.start_ms <= segment.end_ms
    assert all(w.start_ms is None or w.start_ms >= 0 for w in segment.words)


def test_the_error_names_the_place_and_not_the_value():
    with pytest.raises(DecodeError, match=r"\$\.words\[0\]\.start_ms") as caught:
        decode(FULL | {"words": [{"text": "a", "start_ms": "four one one one"}]})
    assert "four" not in str(caught.value)
