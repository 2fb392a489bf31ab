"""CloudEvents Kafka protocol binding 1.0.2, binary mode: attributes are ``ce_*`` headers, the value is the payload."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from deid_stream.errors import DecodeError, MissingError, NoCustomerError, OversizedError, WrongKeyError
from deid_stream.wire.limits import MAX_IDENTIFIER_CHARS

Headers = Sequence[tuple[str, bytes]]

SPECVERSION: Final = "ce_specversion"
ID: Final = "ce_id"
SOURCE: Final = "ce_source"
TYPE: Final = "ce_type"
TIME: Final = "ce_time"
SUBJECT: Final = "ce_subject"
DATASCHEMA: Final = "ce_dataschema"
CUSTOMER_ID: Final = "ce_customerid"
CHANNEL: Final = "ce_channel"
SEQ: Final = "ce_seq"
OFFSET_MS: Final = "ce_offsetms"
REDACTED_MS: Final = "ce_redactedms"
POLICY_VERSION: Final = "ce_policyversion"
PERMIT: Final = "ce_permit"
ROLES: Final = "ce_roles"
CONTENT_TYPE: Final = "content-type"

AUDIO_V1: Final = "call.audio.v1"
TRANSCRIPT_V1: Final = "call.transcript.v1"
STARTED_V1: Final = "call.started.v1"
ENDED_V1: Final = "call.ended.v1"
CALL_V1: Final = "call.summary.v1"
AUDIT_V1: Final = "deid.audit.v1"
DEAD_LETTER_V1: Final = "deid.deadletter.v1"
INDEX_V1: Final = "deid.index.v1"

REQUIRED: Final = (SPECVERSION, ID, SOURCE, TYPE)
"""What every CloudEvent must have."""

SPECVERSION_1: Final = b"1.0"
OWN_SOURCE: Final = b"deid-stream"
"""``ce_source`` of the records this project makes itself."""

_IDENTIFIER = re.compile(rf"[^\x00-\x20\x7f-\x9f]{{1,{MAX_IDENTIFIER_CHARS}}}")
_MAX_DIGITS = 16
_TIME = re.compile(
    rb"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)"
    rb"(?:\.\d{1,6})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
)
_NAMELESS_KEY = "set the record key to the call_id, so that all of a call lies in one partition"


@lru_cache(maxsize=16_384)
def identifier(raw: bytes) -> str:
    """A call, customer or segment id: UTF-8, 1 to 256 characters, no blanks or controls. Checked once a value."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise DecodeError("an identifier is not UTF-8", mend="send ids as UTF-8 text") from None
    if not _IDENTIFIER.fullmatch(text):
        raise DecodeError(f"an identifier must have 1 to {MAX_IDENTIFIER_CHARS} characters, no blanks or controls")
    return text


def identifier_at(raw: bytes, at: str) -> str:
    """``identifier``, its error led by the header or field that holds it."""
    try:
        return identifier(raw)
    except DecodeError as error:
        raise DecodeError(
            f"{at} is no identifier", at=at, mend=str(error).removeprefix("an identifier ").replace("; ", ": ")
        ) from None


def call_id_of(key: bytes | None, attributes: Mapping[str, bytes | None]) -> str:
    """The call a record belongs to: its key, which ``ce_subject`` must repeat where it is there.

    A record without a key, or with another one, may stand in any partition but the call's own, so it is refused.
    """
    subject = attributes.get(SUBJECT)
    if not key:
        raise WrongKeyError("the record has no key", at="key", mend=_NAMELESS_KEY)
    if subject and key != subject:
        raise WrongKeyError("the record key and ce_subject differ", at="key", mend="set both to the call_id")
    return identifier_at(key, "key")


def customer_id_of(attributes: Mapping[str, bytes | None]) -> str:
    """Whose policy applies, from ``ce_customerid``."""
    raw = attributes.get(CUSTOMER_ID)
    if not raw:
        raise NoCustomerError("the record names no customer", at=CUSTOMER_ID, mend="set ce_customerid")
    return identifier_at(raw, CUSTOMER_ID)


def check_attributes(
    specversion: bytes | None, event_id: bytes | None, source: bytes | None, event_type: bytes | None
) -> None:
    """The values of ``REQUIRED``. Raises MissingError naming the header, DecodeError for another version."""
    for name, raw in zip(REQUIRED, (specversion, event_id, source, event_type), strict=True):
        if not raw:
            raise MissingError(f"header {name} is missing", at=name, mend=f"set {name}")
    if specversion != SPECVERSION_1:
        raise DecodeError("ce_specversion is not 1.0", at=SPECVERSION, mend="send CloudEvents of version 1.0")


def number_of(attributes: Mapping[str, bytes | None], name: str, limit: int) -> int:
    """A header holding a whole number in ``[0, limit]``, as decimal digits."""
    return whole_number(attributes.get(name), name, limit)


def whole_number(raw: bytes | None, name: str, limit: int) -> int:
    """As ``number_of``, of the header's value itself."""
    if not raw:
        raise MissingError(f"header {name} is missing", at=name, mend=f"set {name}")
    if not raw.isdigit() or len(raw) > _MAX_DIGITS:
        raise DecodeError(f"header {name} is not a whole number", at=name, mend="send decimal digits")
    value = int(raw)
    if value > limit:
        raise DecodeError(f"header {name} is above {limit}", at=name, mend=f"keep it within 0 to {limit}")
    return value


is_time: Final = _TIME.fullmatch
"""Whether a value is an RFC 3339 time of this century with at most six digits of a second. More digits could carry
hidden content."""


def check_size(value: bytes | None, limit: int) -> bytes:
    """The value, refused where it is empty or larger than ``limit`` bytes."""
    if not value:
        raise DecodeError("the record has no value", at="value", mend="send the payload as the record's value")
    if len(value) > limit:
        raise OversizedError(
            f"a value of {len(value)} bytes is above the limit of {limit}", at="value", mend="send smaller records"
        )
    return value


def own_headers(event_type: str, record_id: str, call_id: str, customer_id: str) -> list[tuple[str, bytes]]:
    """The attributes of a JSON event of our own, ready for more to be appended."""
    return [
        (SPECVERSION, SPECVERSION_1),
        (ID, record_id.encode()),
        (SOURCE, OWN_SOURCE),
        (TYPE, event_type.encode()),
        (SUBJECT, call_id.encode()),
        (CUSTOMER_ID, customer_id.encode()),
        (CONTENT_TYPE, b"application/json"),
    ]
