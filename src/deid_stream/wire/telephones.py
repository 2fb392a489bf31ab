"""Telephone numbers in a call's metadata. Only a number's calling code may leave in clear."""

import re
from typing import Final, NamedTuple

_WRITTEN: Final = re.compile(r"(?:(?:tel|sips?):)?(\+|00)?([\d\s()./-]{3,32})(?:[@;].*)?", re.IGNORECASE | re.ASCII)
_MAX_CHARS: Final = 256
_MIN_DIGITS, _MAX_DIGITS = 3, 15
_TWO_DIGITS: Final = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98".split()
)
"""ITU-T E.164: calling codes have one digit (1, 7), two (these), or else three."""


class Telephone(NamedTuple):
    number: str
    """Digits, led by ``+`` where it was written with its country: the same for every way of writing it."""
    country: str
    """Calling code (``+44``); empty where the number does not say."""

    def __repr__(self) -> str:
        return "<Telephone>"


def telephone(value: object) -> Telephone | None:
    """None where the value is no telephone number (``anonymous``, a name)."""
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        return None
    found = _WRITTEN.fullmatch(value.strip())
    if found is None:
        return None
    digits = "".join(character for character in found[2] if character.isdecimal())
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return None
    return Telephone(f"+{digits}", _country(digits)) if found[1] else Telephone(digits, "")


def _country(digits: str) -> str:
    if digits[0] in "17":
        return f"+{digits[0]}"
    return f"+{digits[: 2 if digits[:2] in _TWO_DIGITS else 3]}"
