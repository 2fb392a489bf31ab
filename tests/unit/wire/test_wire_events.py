"""Call events: lenient about form, strict about whose they are."""

import json

import pytest

from deid_stream.errors import DecodeError, MissingError, NoCustomerError, UnknownTypeError, WrongKeyError
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.wire.events import decode_event
from deid_stream.wire.limits import DEFAULT_VOCABULARIES, Limits
from deid_stream.wire.notes import ignore

STARTED = {
    "call_id": "call-1",
    "customer_id": "northwind",
    "from": "+15005550006",
    "direction": "inbound",
    "region": "in",
    "channels": 2,
    "minor": False,
}


def decode(fields, ce_type=b"call.started.v1", key=b"call-1", limits=None, note=ignore, **headers):
    required = {"ce_specversion": b"1.0", "ce_id": b"e1", "ce_source": b"/pbx"}
    attributes = required | {"ce_type": ce_type, **headers}
    pairs = tuple((name, raw) for name, raw in attributes.items() if raw is not None)
    value = fields if isinstance(fields, bytes | None) else json.dumps(fields).encode()
    return decode_event(key, value, pairs, 123, 9, limits or Limits(), note)


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
    ("said", "subject", "noted"),
    [
        ({}, "+15005550006", []),
        ({"subject": None}, "+15005550006", []),
        ({"subject": "p-7"}, "p-7", []),
        ({"subject": 447700900123}, "447700900123", []),
        ({"from": 447700900123}, "447700900123", []),
        ({"metadata": {"subject": "p-7"}}, "p-7", []),
        ({"subject": {"id": "p-7"}}, "+15005550006", ["subject"]),
        ({"subject": True}, "+15005550006", ["subject"]),
        ({"subject": "p" * 257}, "+15005550006", ["subject"]),
        ({"metadata": '{"subject": "p-7"}'}, "+15005550006", ["metadata"]),
        ({"metadata": ["p-7"]}, "+15005550006", ["metadata"]),
    ],
)
def test_a_person_or_metadata_that_cannot_be_read_is_counted(said, subject, noted):
    found = []
    assert decode(STARTED | said, note=found.append).subject == subject
    assert [name for name in found if name != "from"] == noted


@pytest.mark.parametrize(
    ("fields", "kwargs", "error"),
    [
        (STARTED, {"ce_type": b"call.transferred.v1"}, UnknownTypeError),
        (STARTED, {"ce_type": None}, UnknownTypeError),
        ({}, {}, NoCustomerError),
        (STARTED | {"call_id": "call-2"}, {}, WrongKeyError),
        (STARTED | {"customer_id": ["n"]}, {}, DecodeError),
        (STARTED, {"key": None}, WrongKeyError),
        (STARTED, {"ce_id": None}, MissingError),
        (STARTED, {"ce_source": b""}, MissingError),
        (STARTED, {"ce_specversion": None}, MissingError),
        (STARTED, {"ce_specversion": b"2"}, DecodeError),
        (STARTED | {"call_id": 10**400}, {}, DecodeError),
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


@pytest.mark.parametrize(
    ("field", "said", "kept"),
    [
        ("direction", "Inbound", "inbound"), ("direction", "up 4111111111111111", None), ("direction", 4111, None),
        ("region", "IN", "in"), ("region", "emea", "emea"), ("region", "07700900123", None),
        ("queue", "billing", "billing"), ("queue", "4111111111111111", None), ("queue", "john smith", None),
        ("disposition", "resolved", "resolved"), ("disposition", "John Smith 07700900123", None),
        ("language", "en_IN", "en-IN"), ("language", "call 07700900123", None), ("language", ["en"], None),
    ],
)  # fmt: skip
def test_what_may_leave_with_the_summary_is_one_of_the_declared_values(field, said, kept):
    for fields in ({field: said}, {"metadata": {field: said}}):
        noted = []
        assert decode({"customer_id": "n"} | fields, note=noted.append).metadata.get(field) == kept
        assert noted == ([] if kept else [field])


def test_a_deployment_declares_its_own_values():
    limits = Limits(vocabularies={**DEFAULT_VOCABULARIES, "queue": frozenset({"vip-desk"})})
    assert decode({"customer_id": "n", "queue": "VIP-desk"}, limits=limits).metadata == {"queue": "vip-desk"}
    assert decode({"customer_id": "n", "queue": "billing"}, limits=limits).metadata == {}


FREE = Limits(free_text=frozenset({"notes", "subject_line"}))


@pytest.mark.parametrize(
    ("said", "kept", "noted"),
    [
        ("spoke to Robert Miller", "spoke to Robert Miller", []),
        ("  two\nlines ", "  two\nlines ", []),
        ("x" * 1_000, "x" * 1_000, []),
        ("x" * 1_001, None, ["free_text"]),
        (44, None, ["free_text"]),
        (["a note"], None, ["free_text"]),
        ({"text": "a note"}, None, ["free_text"]),
        (True, None, ["free_text"]),
        ("", None, []),
        (" \n", None, []),
        (None, None, []),
    ],
)
def test_free_text_stands_apart_from_the_metadata(said, kept, noted):
    for fields in ({"notes": said}, {"metadata": {"notes": said}}, {"notes": said, "metadata": {"notes": "older"}}):
        counted = []
        event = decode({"customer_id": "n", "queue": "billing"} | fields, limits=FREE, note=counted.append)
        assert event.free_text == ({} if kept is None else {"notes": kept})
        assert (event.metadata, counted) == ({"queue": "billing"}, noted)
        assert "Robert" not in repr(event)


def test_only_the_named_fields_are_free_text():
    counted = []
    event = decode({"customer_id": "n", "notes": "a", "note": "b", "Notes": "c"}, limits=FREE, note=counted.append)
    assert (event.free_text, counted) == ({"notes": "a"}, ["other", "other"])
    assert decode({"customer_id": "n", "notes": "a"}).free_text == {}
