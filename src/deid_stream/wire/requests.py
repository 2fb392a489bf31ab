"""Records of ``privacy.requests``: what people ask for. The key is the customer, the value JSON:

    {"request_id": "r-17", "kind": "deletion", "customer_id": "acme", "call_id": "c-9", "subject": "+44 7700 900123",
     "requested_by": "desk-4", "verified_by": "id-check-2"}

``call_id`` or ``subject`` narrow it to a call or a person; without either it is about all of the customer's calls.
"""

import difflib
import re
from typing import Final

import msgspec

from deid_stream.errors import DecodeError, MissingError, WrongKeyError
from deid_stream.model.json import JsonObject
from deid_stream.model.requests import Kind, Request
from deid_stream.wire.json import read_object

_SAID: Final = {
    **{str(kind): kind for kind in Kind},
    "delete": Kind.DELETION,
    "erasure": Kind.DELETION,
    "portability": Kind.ACCESS,
    "export": Kind.ACCESS,
    "restrict": Kind.RESTRICTION,
    "object": Kind.OBJECTION,
    "withdraw": Kind.WITHDRAWAL,
    "legal_hold": Kind.HOLD,
}
_MAX_BYTES: Final = 65_536
_NAME: Final = re.compile(r"[^\x00-\x20\x7f-\x9f]{1,256}")
_NARROWS: Final = ("call_id", "subject")
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,256}")


def encode_request(request: Request) -> bytes:
    """The value; what is empty is left out."""
    fields = msgspec.structs.asdict(request)
    return msgspec.json.encode({name: value for name, value in fields.items() if value})


def read_request(key: bytes | None, value: bytes | None, made_up_id: str) -> Request:
    """``made_up_id`` names a request that has no ``request_id``: its place in the topic.

    Raises DecodeError naming the field that is wrong.
    """
    if not value or len(value) > _MAX_BYTES:
        raise MissingError("a request has no value", at="$", mend="send a JSON object; see docs/control.md")
    written = read_object(value)
    said = written.get("kind")
    kind = _SAID.get(said) if isinstance(said, str) else None
    if kind is None:
        raise DecodeError("kind is no request", at="$.kind", mend=f"send one of {', '.join(Kind)}")
    _check_names(written)
    customer_id = _field("customer_id", written.get("customer_id"), _NAME)
    if not customer_id:
        raise MissingError("customer_id is missing", at="$.customer_id", mend="name the customer")
    if key is not None and key != customer_id.encode():
        raise WrongKeyError("the key is another customer's", at="key", mend="set the record key to customer_id")
    request = Request(
        request_id=_field("request_id", written.get("request_id"), _NAME) or made_up_id,
        kind=kind,
        customer_id=customer_id,
        call_id=_field("call_id", written.get("call_id"), _NAME),
        subject=_field("subject", written.get("subject"), _LINE),
        target=_field("target", written.get("target"), _NAME),
        requested_by=_field("requested_by", written.get("requested_by"), _LINE),
        verified_by=_field("verified_by", written.get("verified_by"), _LINE),
    )
    if kind in (Kind.RELEASE, Kind.FULFILLED) and not request.target:
        raise MissingError("target is missing", at="$.target", mend="name the request that is meant")
    return request


def _check_names(written: JsonObject) -> None:
    """Refuse a mistyped or empty field: it was to narrow the request, and without it the request would be about all of
    the customer's calls."""
    for name in written:
        if name not in Request.__struct_fields__:
            close = difflib.get_close_matches(name[:64], Request.__struct_fields__, 1, 0.6)
            raise DecodeError(
                "the request has an unknown field",
                at="$",
                mend=f"is {close[0]} meant?" if close else f"send only {', '.join(Request.__struct_fields__)}",
            )
    for name in _NARROWS:
        if written.get(name, "-") in (None, ""):
            raise DecodeError(f"{name} is empty", at=f"$.{name}", mend="name it, or leave the field out to mean all")


def _field(name: str, value: object, pattern: re.Pattern[str]) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise DecodeError(
            f"{name} is no name", at=f"$.{name}", mend="send text of 1 to 256 characters without controls"
        )
    return value
