"""Records of ``privacy.requests``."""

import json

import pytest

from deid_stream.errors import DecodeError, MissingError, WrongKeyError
from deid_stream.model.requests import Kind, Request
from deid_stream.wire.requests import encode_request, read_request


def read(key=b"acme", **fields):
    return read_request(key, json.dumps({"kind": "deletion", "customer_id": "acme"} | fields).encode(), "0-7")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("deletion", Kind.DELETION),
        ("delete", Kind.DELETION),
        ("erasure", Kind.DELETION),
        ("portability", Kind.ACCESS),
        ("legal_hold", Kind.HOLD),
        ("withdraw", Kind.WITHDRAWAL),
        ("object", Kind.OBJECTION),
        ("restrict", Kind.RESTRICTION),
    ],
)
def test_a_request_is_read_by_its_usual_names(said, kind):
    assert read(kind=said).kind is kind


def test_a_request_without_an_id_is_named_by_its_place():
    assert read().request_id == "0-7"
    assert read(request_id="r-1").request_id == "r-1"


def test_a_request_that_was_written_reads_the_same():
    request = Request(
        request_id="r-1", kind=Kind.RELEASE, customer_id="acme", target="r-0", requested_by="desk 4", call_id="c"
    )
    assert read_request(b"acme", encode_request(request), "") == request


@pytest.mark.parametrize(
    ("key", "value", "error", "at"),
    [
        (b"acme", b"", MissingError, "$"),
        (b"acme", b"no json", DecodeError, "$"),
        (b"acme", b"[]", DecodeError, "$"),
        (b"acme", b'{"kind":"forget","customer_id":"acme"}', DecodeError, "$.kind"),
        (b"acme", b'{"kind":7,"customer_id":"acme"}', DecodeError, "$.kind"),
        (b"acme", b'{"kind":"delete"}', MissingError, "$.customer_id"),
        (b"other", b'{"kind":"delete","customer_id":"acme"}', WrongKeyError, "key"),
        (b"acme", b'{"kind":"delete","customer_id":"acme","call_id":"a b"}', DecodeError, "$.call_id"),
        (b"acme", b'{"kind":"delete","customer_id":"acme","subject":{"name":"Ann"}}', DecodeError, "$.subject"),
        (b"acme", b'{"kind":"release","customer_id":"acme"}', MissingError, "$.target"),
        # what would narrow it must not be lost: the rest would go for all of the customer's calls
        (b"acme", b'{"kind":"delete","customer_id":"acme","callid":"c-9"}', DecodeError, "$"),
        (b"acme", b'{"kind":"delete","customer_id":"acme","Ann":"c-9"}', DecodeError, "$"),
        (b"acme", b'{"kind":"delete","customer_id":"acme","call_id":""}', DecodeError, "$.call_id"),
        (b"acme", b'{"kind":"delete","customer_id":"acme","subject":null}', DecodeError, "$.subject"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(key, value, error, at):
    with pytest.raises(error) as caught:
        read_request(key, value, "0-7")
    assert caught.value.at == at
    assert "Ann" not in str(caught.value)


def test_an_unknown_field_is_told_with_the_one_that_may_be_meant():
    with pytest.raises(DecodeError) as caught:
        read(callid="c-9")
    assert caught.value.mend == "is call_id meant?"


def test_who_it_is_about_is_not_shown():
    assert "7700" not in repr(read(subject="+44 7700 900123"))
