"""Reading fields out of JSON that may hold anything: the value where it has the right type, else None."""

from collections.abc import Iterator, Mapping
from typing import Any


def text(fields: Mapping[str, Any], *names: str) -> str | None:
    """The first of ``names`` that holds text."""
    return next((value for name in names if isinstance(value := fields.get(name), str)), None)


def number(fields: Mapping[str, Any], *names: str) -> float | None:
    """The first of ``names`` that holds a number, or digits in text with an optional ``s`` for seconds."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            return value
        if isinstance(value, str):
            try:
                return float(value.removesuffix("s"))
            except ValueError:
                continue
    return None


def seconds_as_ms(fields: Mapping[str, Any], *names: str) -> float | None:
    """Seconds to milliseconds, to the microsecond (so that 1.1 s is 1100 ms and not a hair more)."""
    value = number(fields, *names)
    return None if value is None else round(value * 1000, 3)


def objects(fields: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects in the list ``name``; nothing where there is none."""
    value = fields.get(name)
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def first(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The first object in the list ``name``, or an empty one. Recognisers put the best alternative first."""
    return next(objects(fields, name), {})
