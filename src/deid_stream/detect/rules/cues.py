"""Words that tell what a value is: in a question ("the long number on the card?"), or before the value itself.

They come from the locales (``[cues]`` of ``rules.toml``), all languages together. The order is from the most to the
least specific; the first that matches names the type.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from deid_stream.detect.vocabulary import locales
from deid_stream.model.entities import EntityType as T

_ORDER: Final = (
    T.CARD_CVV, T.CARD_EXPIRY, T.PASSWORD, T.US_SSN, T.IN_AADHAAR, T.IN_PAN, T.IN_GSTIN, T.IFSC, T.IBAN_CODE, T.UPI_ID,
    T.UK_NHS, T.UK_NINO, T.PASSPORT, T.DRIVER_LICENSE, T.VEHICLE_ID, T.DATE_OF_BIRTH, T.EMAIL_ADDRESS, T.USERNAME,
    T.BANK_ACCOUNT, T.CREDIT_CARD, T.PHONE_NUMBER, T.ADDRESS, T.ID_NUMBER, T.PERSON,
)  # fmt: skip


def words_of(entity_type: T) -> list[str]:
    """The cues of one type in all languages, as regular expressions."""
    return [cue for locale in locales() for cue in locale.cues.get(entity_type.value, ())]


_CUES: Final = tuple((t, "|".join(words_of(t))) for t in _ORDER)
_NOUN: Final = r"(?: ?(?:number|no|num|id|code|details?|card)(?![^\W_]))?"
_BORDER: Final = r"(?<![^\W_])"


def by_first_letter(patterns: Iterable[str]) -> str:
    """One alternation of all patterns, gathered by the letter that they begin with, which makes a miss much cheaper.

    For questions of whether one of them is there: which one is tried first is not kept.
    """
    gathered: dict[str, list[str]] = {}
    for pattern in patterns:
        plain = pattern[:1].isalpha() and pattern[1:2] not in ("?", "*", "+", "{") and not _has_bar(pattern)
        gathered.setdefault(pattern[0] if plain else "", []).append(pattern[1:] if plain else f"(?:{pattern})")
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in gathered.items())


def _has_bar(pattern: str) -> bool:
    """There is a ``|`` outside all brackets."""
    depth = 0
    for at, char in enumerate(pattern):
        escaped = at > 0 and pattern[at - 1] == "\\"
        depth += 0 if escaped else (char in "([") - (char in ")]")
        if char == "|" and not depth:
            return True
    return False


_COMPILED: Final = tuple((t, re.compile(rf"(?<![^\W_])(?:{p}){_NOUN}(?![^\W_])")) for t, p in _CUES)
_ANY: Final = re.compile(
    r"(?<![^\W_])(?=[^\W_])(?:" + "|".join(f"(?P<{t.name}>(?:{p}){_NOUN})" for t, p in _CUES) + r")(?![^\W_])"
)

_BEGINS: Final = re.compile(_BORDER + rf"(?:{by_first_letter(cue for t in _ORDER for cue in words_of(t))})")
"""Where a cue may begin; nowhere else ``_ANY``, which is slow to miss, is tried."""


def _named(low: str) -> Iterator[str]:
    at = 0
    while (begins := _BEGINS.search(low, at)) is not None:
        match = _ANY.match(low, begins.start())
        if match is None:
            at = begins.start() + 1
            continue
        at = match.end()
        if match.lastgroup:
            yield match.lastgroup


def nearest(low: str) -> T | None:
    """The type that the last cue in lower-case ``low`` names; None without one."""
    last = None
    for last in _named(low):  # noqa: B007 - the last one is wanted
        pass
    return T[last] if last else None


def first_named(low: str) -> T | None:
    """The most specific type that lower-case ``low`` names anywhere."""
    for entity_type, pattern in _COMPILED:
        if pattern.search(low):
            return entity_type
    return None


def all_named(low: str) -> tuple[T, ...]:
    """Types named in lower-case ``low``, each once, in order; a general cue inside a specific one is not counted."""
    return tuple(dict.fromkeys(T[name] for name in _named(low)))
