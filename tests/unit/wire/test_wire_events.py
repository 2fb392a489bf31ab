"""Call events: lenient about form, strict about whose they are."""

import json

import pytest

from deid_stream.errors import DecodeError, NoCustomerError, UnknownTypeError
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.wire.events import decode_event
from deid_stream.wire.limits import Limits

STARTED = {
    "call_id": "call-1",
    "customer_id": "northwind",
    "from": "+15005550006",
    "direction": "inbound",
    "region": "in",
    "channels": 2,
    "minor": False,
}


def decode(fields, ce_type=b"call.started.v1", key=b"call-1", **headers):
    attributes = {"ce_type": ce_type, **headers}
    pairs = tuple((name, raw) for name, raw in attributes.items() if raw is not None)
    value = fields if isinstance(fields, bytes | None) else json.dumps(fields).encode()
    return decode_event(key, value, pairs, 123, 9, Limits())


def test_started():
    event = decode(STARTED)
    assert isinstance(event, CallStarted)
    assert (event.call_id, event.customer_id, event.time_ms, event.offset) == ("call-1", "northwind", 123, 9)
    assert (event.channels, event.minor) == (2, False)
    assert event.metadata == {"from": "+15005550006", "direction": "inbound", "region": "in"}
    assert "5005550006" not in repr(event)


def test_ended():
    event = decode({"customer_id": "northwind", "duration_ms": 61_000.0}, b"call.ended.v1")
    assert isinstance(event, CallEnded)
    assert event.duration_ms == 61_000


@pytest.mark.parametrize(
    ("ce_type", "field", "kind"),
    [
        (b"call.ended.v1", {}, CallEnded),
        (b"call.started.v1", {"type": "call.ended.v1"}, CallStarted),
        (None, {"type": "call.ended.v1"}, CallEnded),
        (None, {"type": "ended"}, CallEnded),
        (None, {"event": "call_started"}, CallStarted),
        (None, {"event": "CALL.STARTED"}, CallStarted),
    ],
)
def test_the_kind_is_the_headers_else_the_payloads(ce_type, field, kind):
    assert type(decode(STARTED | field, ce_type)) is kind


@pytest.mark.parametrize(
    ("said", "minor"),
    [
        (True, True),
        ("true", True),
        (1, True),
        ("perhaps", True),
        ([], True),
        (False, False),
        (None, False),
        ("no", False),
    ],
)
def test_a_minor_is_believed_whatever_the_form(said, minor):
    assert decode(STARTED | {"minor": said}).minor is minor


@pytest.mark.parametrize(("said", "channels"), [(None, 0), (2, 2), (["agent", "customer"], 2)], ids=str)
def test_channels_are_a_count_or_a_list(said, channels):
    assert decode(STARTED | {"channels": said}).channels == channels


@pytest.mark.parametrize("said", [None, "61 s", -1, True, 10**12])
def test_an_impossible_duration_is_none_and_the_end_still_counts(said):
    assert decode(STARTED | {"duration_ms": said}, b"call.ended.v1").duration_ms is None


def test_nested_metadata_joins_the_rest():
    assert decode({"customer_id": "n", "metadata": {"agent": "a1"}, "to": "x"}).metadata == {"agent": "a1", "to": "x"}


@pytest.mark.parametrize(
    ("fields", "kwargs", "error"),
    [
        (STARTED, {"ce_type": b"call.transferred.v1"}, UnknownTypeError),
        (STARTED, {"ce_type": None}, UnknownTypeError),
        ({}, {}, NoCustomerError),
        (STARTED | {"call_id": "call-2"}, {}, DecodeError),
        (STARTED | {"customer_id": ["n"]}, {}, DecodeError),
        (STARTED | {"channels": -1}, {}, DecodeError),
        (STARTED | {"channels": 65}, {}, DecodeError),
        (STARTED | {"channels": "two"}, {}, DecodeError),
        (STARTED | {"channels": True}, {}, DecodeError),
        (STARTED, {"ce_customerid": b"southwind"}, DecodeError),
        (b"[]", {}, DecodeError),
        (b"", {}, DecodeError),
        (None, {}, DecodeError),
    ],
    ids=str,
)
def test_what_is_refused(fields, kwargs, error):
    with pytest.raises(error) as caught:
        decode(fields, **kwargs)
    assert type(caught.value) is error
