"""CloudEvents in structured mode (``content-type: application/cloudevents+json``) unfolded into the binary mode that
everything else reads: attributes become ``ce_*`` headers, ``data`` the value."""

import base64
import binascii
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from deid_stream.errors import DecodeError, MissingError
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.json import read_object

PREFIX: Final = b"application/cloudevents"
_MEND: Final = "send one event per record, as application/cloudevents+json or in binary mode"
_encode = msgspec.json.encode


class Unfolded(NamedTuple):
    value: bytes | None
    headers: Headers


@lru_cache(maxsize=256)
def is_structured(content_type: bytes | None) -> bool:
    """Whether the record's value is the whole event, attributes and all."""
    return content_type is not None and content_type[: len(PREFIX)].lower() == PREFIX


def unfold(value: bytes | None, content_type: bytes, limit: int) -> Unfolded:
    """The event in binary mode. ``limit`` is in bytes of the record's value, which holds Base64 where it holds audio.

    Raises DecodeError naming the attribute that is wrong.
    """
    if content_type.split(b";")[0].strip().lower() != PREFIX + b"+json":
        raise DecodeError("a structured CloudEvent of another format than JSON", at=ce.CONTENT_TYPE, mend=_MEND)
    event = read_object(ce.check_size(value, limit * 4 // 3 + 65_536))
    headers = [(ce.CONTENT_TYPE, _attribute(event, "datacontenttype") or b"application/json")]
    names = event.keys() - {"data", "data_base64", "datacontenttype"}
    headers.extend((f"ce_{name}", raw) for name in sorted(names) if (raw := _attribute(event, name)) is not None)
    return Unfolded(_data(event), headers)


def _attribute(event: dict[str, object], name: str) -> bytes | None:
    value = event.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DecodeError("an attribute is neither text nor a whole number", at=f"$.{_named(name)}")
    return str(value).encode("utf-8", "replace")


def _named(name: str) -> str:
    """An attribute's name, where it is one at all: a producer may have put a value in its place."""
    return name if name.isascii() and name.isalnum() and name.islower() and len(name) <= 20 else "*"


def _data(event: dict[str, object]) -> bytes:
    encoded = event.get("data_base64")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise DecodeError("data_base64 is not Base64", at="$.data_base64") from None
    if event.get("data") is None:
        raise MissingError("the event has no data", at="$.data", mend="send data (JSON) or data_base64 (audio)")
    data = event["data"]
    return data.encode("utf-8", "replace") if isinstance(data, str) else _encode(data)
