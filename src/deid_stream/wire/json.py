"""JSON in, with errors that say where and never what."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from deid_stream.errors import DecodeError

T = TypeVar("T")


def read_json(value: bytes, decode: Callable[[bytes], T]) -> T:
    """``decode(value)``; anything wrong with it becomes a DecodeError naming the place, not the content."""
    try:
        return decode(value)
    except msgspec.ValidationError as error:
        _, _, path = str(error).rpartition(" - at ")
        where = path.strip("`") if path.startswith("`$") else "$"
        raise DecodeError(f"the JSON value has a wrong or missing field at {where}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DecodeError("the value is not JSON") from None


_object = msgspec.json.Decoder(dict[str, Any])


def read_object(value: bytes) -> dict[str, Any]:
    """A JSON object of any shape."""
    return read_json(value, _object.decode)
