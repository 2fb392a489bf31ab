"""Reads JSON. Errors name the place of a fault and never quote what stands there."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from deid_stream.errors import DecodeError, MissingError
from deid_stream.model.json import JsonObject

T = TypeVar("T")

_LARGE: Final = 65_536
_BYTES_A_CONTAINER: Final = 10
"""Of documents in use each list or object has 30 bytes and more; a megabyte of empty ones takes 0.1 s to read."""
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_MISSING: Final = re.compile(r"Object missing required field `(\w{1,40})`")
_KINDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}
_EXPECTED: Final = re.compile(r"Expected `([\w |]{1,60})`, got `[\w |]{1,60}`")


def read_json(value: bytes, decode: Callable[[bytes], T]) -> T:
    """``decode(value)``; anything wrong with it becomes a DecodeError naming the place, not the content."""
    if len(value) > _LARGE and _BYTES_A_CONTAINER * (value.count(b"[") + value.count(b"{")) > len(value):
        raise DecodeError("the value consists almost only of lists and objects", at="$", mend="send what was said")
    try:
        return decode(value)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = f"the value is not JSON{_place(value, error)}"
        raise DecodeError(what, at="$", mend="send one JSON object in UTF-8") from None


def _place(value: bytes, error: Exception) -> str:
    """Where JSON ends to be such, as far as the error tells it: numbers alone, nothing of what stands there."""
    if "truncated" in str(error):
        return ": it ends too early"
    byte = _BYTE.search(str(error))
    at = int(byte[1]) if byte is not None else _not_text(value)
    if at is None:
        return ""
    line, column = value.count(b"\n", 0, at) + 1, at - value.rfind(b"\n", 0, at)
    return f" near line {line}, byte {column}"


def _not_text(value: bytes) -> int | None:
    """The first byte that is not UTF-8; None where all is."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _explained(message: str) -> DecodeError:
    """The place that msgspec names and what it expected there. Both are words of the schema, not of the record."""
    said, _, path = message.rpartition(" - at ")
    where = path.strip("`") if path.startswith("`$") else "$"
    # a key of a free-form object may be payload: such places are named by their schema only
    where = where if re.fullmatch(r"\$(?:\.\w+|\[\d+\]|\[\.\.\.\])*", where) else "$"
    if missing := _MISSING.match(said or message):
        at = f"{where}.{missing[1]}"
        return MissingError(f"the JSON value has no {at}", at=at, mend=f"send {missing[1]}")
    expected = _EXPECTED.match(said or message)
    kinds = [_KINDS.get(kind.strip(), kind.strip()) for kind in expected[1].split("|")] if expected else []
    mend = f"send {' or '.join(kind for kind in kinds if kind != 'null')} there" if kinds else ""
    return DecodeError(f"the JSON value has a wrong or missing field at {where}", at=where, mend=mend)


_object = msgspec.json.Decoder(JsonObject)


_list = msgspec.json.Decoder(list[Any])


def read_list(value: bytes) -> list[object]:
    """A JSON list of anything."""
    return read_json(value, _list.decode)


def read_object(value: bytes) -> JsonObject:
    """A JSON object of any shape."""
    return read_json(value, _object.decode)
