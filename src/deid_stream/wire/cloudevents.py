"""CloudEvents Kafka protocol binding 1.0.2, binary mode: attributes are ``ce_*`` headers, the value is the payload."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from deid_stream.errors import DecodeError, NoCustomerError, OversizedError

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
CONTENT_TYPE: Final = "content-type"

AUDIO_V1: Final = "call.audio.v1"
TRANSCRIPT_V1: Final = "call.transcript.v1"
STARTED_V1: Final = "call.started.v1"
ENDED_V1: Final = "call.ended.v1"
CALL_V1: Final = "call.summary.v1"
AUDIT_V1: Final = "deid.audit.v1"
DEAD_LETTER_V1: Final = "deid.deadletter.v1"

OWN_SOURCE: Final = b"deid-stream"
"""``ce_source`` of the records this project makes itself."""

MAX_IDENTIFIER_CHARS: Final = 256
MAX_MEDIA_MS: Final = 7 * 24 * 3600 * 1000
"""Media time counts from the call's start; above a week it is some other clock (an epoch, say) and would drag the
watermark away with it."""

_IDENTIFIER = re.compile(rf"[^\x00-\x20\x7f-\x9f]{{1,{MAX_IDENTIFIER_CHARS}}}")
_MAX_DIGITS = 16


class Limits(msgspec.Struct, frozen=True):
    """What is refused as oversized, in bytes of the record's value."""

    max_audio_bytes: int = 1_048_576
    max_transcript_bytes: int = 1_048_576
    """Of any JSON record: transcripts and call events."""


@lru_cache(maxsize=16_384)
def identifier(raw: bytes) -> str:
    """A call, customer or segment id: UTF-8, 1 to 256 characters, no blanks or controls. Checked once a value."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise DecodeError("an identifier is not UTF-8; send ids as UTF-8 text") from None
    if not _IDENTIFIER.fullmatch(text):
        raise DecodeError(f"an identifier must have 1 to {MAX_IDENTIFIER_CHARS} characters, no blanks or controls")
    return text


def call_id_of(key: bytes | None, attributes: Mapping[str, bytes | None]) -> str:
    """The call a record belongs to: its key, which ``ce_subject`` must repeat where both are present.

    A disagreement means that the record may stand in another call's partition, so it is refused.
    """
    subject = attributes.get(SUBJECT)
    if key and subject and key != subject:
        raise DecodeError("the record key and ce_subject name different calls; both must be the call_id")
    raw = key or subject
    if not raw:
        raise DecodeError("no call_id: set the record key (and ce_subject) to it")
    return identifier(raw)


def customer_id_of(attributes: Mapping[str, bytes | None]) -> str:
    """Whose policy applies, from ``ce_customerid``."""
    raw = attributes.get(CUSTOMER_ID)
    if not raw:
        raise NoCustomerError("no customer: set ce_customerid")
    return identifier(raw)


def number_of(attributes: Mapping[str, bytes | None], name: str, limit: int) -> int:
    """A header holding a whole number in ``[0, limit]``, as decimal digits."""
    raw = attributes.get(name)
    if not raw:
        raise DecodeError(f"header {name} is missing")
    if not raw.isdigit() or len(raw) > _MAX_DIGITS:
        raise DecodeError(f"header {name} is not a whole number")
    value = int(raw)
    if value > limit:
        raise DecodeError(f"header {name} is above {limit}")
    return value


def check_size(value: bytes | None, limit: int) -> bytes:
    """The value, refused where it is empty or larger than ``limit`` bytes."""
    if not value:
        raise DecodeError("the record has no value")
    if len(value) > limit:
        raise OversizedError(f"a value of {len(value)} bytes is above the limit of {limit}")
    return value


def own_headers(event_type: str, record_id: str, call_id: str, customer_id: str) -> list[tuple[str, bytes]]:
    """The attributes of a JSON event of our own, ready for more to be appended."""
    return [
        (SPECVERSION, b"1.0"),
        (ID, record_id.encode()),
        (SOURCE, OWN_SOURCE),
        (TYPE, event_type.encode()),
        (SUBJECT, call_id.encode()),
        (CUSTOMER_ID, customer_id.encode()),
        (CONTENT_TYPE, b"application/json"),
    ]
