"""Words that tell what a value is: in a question ("the long number on the card?"), or before the value itself.

They come from the locales (``[cues]`` of ``rules.toml``), all languages together. The order is from the most to the
least specific; the first that matches names the type.
"""

import re
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
_COMPILED: Final = tuple((t, re.compile(rf"(?<![^\W_])(?:{p}){_NOUN}(?![^\W_])")) for t, p in _CUES)
_ANY: Final = re.compile(
    r"(?<![^\W_])(?=[^\W_])(?:" + "|".join(f"(?P<{t.name}>(?:{p}){_NOUN})" for t, p in _CUES) + r")(?![^\W_])"
)


def nearest(low: str) -> T | None:
    """The type that the last cue in lower-case ``low`` names; None without one."""
    last = None
    for match in _ANY.finditer(low):
        last = match.lastgroup
    return T[last] if last else None


def first_named(low: str) -> T | None:
    """The most specific type that lower-case ``low`` names anywhere."""
    for entity_type, pattern in _COMPILED:
        if pattern.search(low):
            return entity_type
    return None


def all_named(low: str) -> tuple[T, ...]:
    """Types named in lower-case ``low``, each once, in order; a general cue inside a specific one is not counted."""
    return tuple(dict.fromkeys(T[m.lastgroup] for m in _ANY.finditer(low) if m.lastgroup))
