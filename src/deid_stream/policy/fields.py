"""The names of a policy's fields: which are unknown, and which known one somebody may have meant."""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from deid_stream.errors import PolicyError
from deid_stream.model.json import JsonObject
from deid_stream.policy.policy import Policy, RetentionDays

KNOWN: Final = (*Policy.__struct_fields__, *(f"retention_days.{name}" for name in RetentionDays.__struct_fields__))
"""Fields inside an object are written with a dot."""

NEAR_LETTERS: Final = 2
"""Most letters by which a field name may differ from a known one and count as mistyped. With more, fields of later
versions would be refused."""

_MAX_UNKNOWN: Final = 100
"""Bounds the time that comparing names takes."""
_CONSENT: Final = ("train", "optout", "optin", "consent")
"""An unknown field whose name contains one of these is about training: to ignore it could mean training against the
customer's will."""


class Unknown(NamedTuple):
    """A field that no policy has. ``nearest`` is the known one to suggest; ``mistaken`` says that it was meant."""

    name: str
    nearest: str
    mistaken: bool


def unknown_fields(raw: bytes) -> list[Unknown]:
    """Of a policy's JSON, in its order. Raises PolicyError where it is no JSON object, or gives a field twice."""
    try:
        found = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise PolicyError("the policy is not a JSON object") from None
    if not isinstance(found, dict):
        raise PolicyError("the policy is not a JSON object")
    names = list(found)
    nested = found.get("retention_days")
    if isinstance(nested, dict):
        names += [f"retention_days.{name}" for name in nested]
    unknown = [name for name in names if name not in KNOWN]
    if len(unknown) > _MAX_UNKNOWN:
        raise PolicyError(f"the policy holds more than {_MAX_UNKNOWN} unknown fields")
    return [_unknown(name) for name in unknown]


def nearest(name: str, known: Iterable[str]) -> tuple[str, int]:
    """The known name with the fewest letters to change, and how many those are; case, ``_`` and ``-`` do not count."""
    written = _letters(name)
    distance, best = min((_distance(written, _letters(candidate)), candidate) for candidate in known)
    return best, distance


def _unknown(name: str) -> Unknown:
    best, distance = nearest(name[:64], KNOWN)
    letters = _letters(name)
    return Unknown(name, best, distance <= NEAR_LETTERS or any(word in letters for word in _CONSENT))


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum() or character == ".")


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PolicyError("a field is given twice; leave one out")
    return found


def _distance(one: str, other: str) -> int:
    """Changes, insertions, deletions and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row]
        for column, against in enumerate(other, start=1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]
