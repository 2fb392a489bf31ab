"""Looks for canaries in everything that comes out of the service."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deid_stream.kafka.record import InRecord
from tests.hostile.canaries.plant import SHAPE, Garden, Planted

_SPLIT = re.compile(rb"(?<=\d)[\s./_-]+(?=\d)")
"""Between the digits of a number that was written in groups."""


class Seen(NamedTuple):
    planted: Planted
    place: str

    def __str__(self) -> str:
        return f"{self.planted.where} ({self.planted.value}) is seen in {self.place}"


def canaries_in(raw: bytes) -> set[str]:
    """The cores of the canaries there."""
    found = {match.group().decode().lower() for match in SHAPE.finditer(raw)}
    return found | {match.group().decode().lower() for match in SHAPE.finditer(_SPLIT.sub(b"", raw))}


def in_record(record: InRecord) -> Iterator[tuple[str, bytes]]:
    """Its parts, by name."""
    yield "key", record.key or b""
    for name, value in record.headers:
        yield f"header {name}", name.encode() + b" " + (value or b"")
    yield "value", record.value or b""


def search(garden: Garden, places: Iterable[tuple[str, bytes]]) -> tuple[list[Seen], int]:
    """What is seen where it may not be; and how many canaries were seen at all. ``places`` are names with content."""
    unsanctioned, seen = {}, set()
    for place, raw in places:
        for core in canaries_in(raw):
            planted = garden.planted.get(core)
            if planted is None:
                continue
            seen.add(core)
            if not planted.may_be_in(place):
                unsanctioned[core, place] = Seen(planted, place)
    return list(unsanctioned.values()), len(seen)
