"""``************1111``: the value's shape, and its last characters where it is asked for."""

from typing import Final

from deid_stream.errors import ConfigError
from deid_stream.redact.operators.base import Operator, Params, entity_type, masked

MAX_KEPT: Final = 4
"""PCI DSS 3.4 lets the last four digits of a card number be shown (and its first six, which nothing here shows)."""
_MIN_DIGITS: Final = 8
"""Least length of a number whose last digits may stay: of a shorter one they would give away too much."""
_NEVER_KEPT: Final = frozenset({"CARD_CVV", "CARD_EXPIRY", "PASSWORD"})
"""PCI DSS 3.3: never shown after authorisation, not in part either; nor is a secret."""


class Mask(Operator):
    """``keep_last`` (0 to 4) digits stay of a number written in eight digits or more; of any other value nothing does:
    the last letters of spoken digits would give a digit away, those of a name much of it."""

    name = "mask"

    def operate(self, text: str, params: Params | None = None) -> str:
        self.validate(params)
        kept = _keep_last(params)
        digits = [place for place, character in enumerate(text) if character.isdecimal()]
        letters = any(character.isalpha() for character in text)
        if not kept or letters or len(digits) < _MIN_DIGITS:
            return masked(text)
        tail = set(digits[-kept:])
        return "".join(c if place in tail else masked(c) for place, c in enumerate(text))

    def validate(self, params: Params | None = None) -> None:
        kept = _keep_last(params)
        if not 0 <= kept <= MAX_KEPT:
            raise ConfigError(f"mask keeps the last 0 to {MAX_KEPT} digits")
        if kept and entity_type(params) in _NEVER_KEPT:
            raise ConfigError(f"mask may keep nothing of {entity_type(params)}")


def _keep_last(params: Params | None) -> int:
    kept = (params or {}).get("keep_last", 0)
    return kept if isinstance(kept, int) and not isinstance(kept, bool) else -1
