"""Word lists of the detector, read once from ``locales/LANGUAGE/``."""

from functools import cache
from importlib import resources
from typing import Final


@cache
def words(name: str) -> frozenset[str]:
    """The lower-case words of ``locales/NAME.txt`` (``"en/common"``); lines that begin with ``#`` are remarks."""
    text = (resources.files("deid_stream.detect") / "locales" / f"{name}.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


FUNCTION_HI: Final = words("hi_latn/function")
COMMON: Final = words("en/common") | FUNCTION_HI
CLOSED: Final = words("en/closed")
"""Words that are never part of a name, an address or a secret."""
DICTIONARY: Final = words("en/dictionary")
"""Rarer words: no reason to take a name for granted, but no proof against one either."""
GIVEN_NAMES: Final = words("en/names")
NAMES_AMBIGUOUS: Final = words("en/names_ambiguous")
SURNAMES_ALSO_WORDS: Final = words("en/surnames_also_words")
NAMES_ALSO_WORDS: Final = words("en/names_also_words")
MONTHS: Final = frozenset(
    "january february march april may june july august september october november december jan feb mar apr"
    " jun jul aug sep sept oct nov dec".split()
)
WEEKDAYS: Final = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun".split()
)
FIELDS: Final = frozenset(
    "itin vin exp cvc cvv2 nhs nino pin otp gst gstin plate e e-mail website desk iban ifsc upi cc tel"
    " telephone bot user office acc ac acct account email mail id ph phn phone mobile cell fax ssn dob cvv"
    " card order policy number no name address zip contact confirmation booking password username claim ok"
    " okay thankyou thx bye".split()
)
"""Names of fields, as people write them before a value; never the value."""
