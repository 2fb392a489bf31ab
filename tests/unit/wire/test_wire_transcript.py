"""Transcript records in the contract's own form: tolerant of what is missing, strict about what would mislead."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deid_stream.errors import DecodeError, NoCustomerError, OversizedError, UnknownTypeError
from deid_stream.model.events import Word
from deid_stream.wire.limits import Limits
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


def decode(record, *, key=b"call-1", headers=(("ce_type", b"call.transcript.v1"),), limits=None):
    value = record if isinstance(record, bytes | None) else json.dumps(record).encode()
    return decode_transcript(key, value, headers, 123, 9, limits or Limits())


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
    segment = one(without("call_id", "customer_id", "channel"), key=None, headers=headers)
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
        (without("customer_id"), NoCustomerError),
        (without("segment_id"), DecodeError),
        (without("start_ms", "words"), DecodeError),
        (FULL | {"call_id": "call-2"}, DecodeError),
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
    ],
    ids=lambda case: str(case)[:60],
)
def test_what_is_refused(record, error):
    with pytest.raises(error) as caught:
        decode(record, limits=Limits(max_transcript_bytes=1500) if error is OversizedError else None)
    assert type(caught.value) is error


def test_an_unknown_type_is_refused_and_a_missing_one_is_the_topics():
    with pytest.raises(UnknownTypeError):
        decode(FULL, headers=(("ce_type", b"call.sentiment.v1"),))
    assert one(FULL, headers=()).segment_id == "s1"


def test_customers_that_disagree_are_refused():
    with pytest.raises(DecodeError):
        decode(FULL, headers=(("ce_customerid", b"southwind"),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("a1 é"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "start_ms"]), inner),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
