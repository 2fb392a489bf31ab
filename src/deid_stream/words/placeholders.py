"""Finds the signs that a recogniser puts in place of words that it would not or could not write: ``[NAME]``, ``####``,
``<PHONE>``, ``{{PII}}``.

Nobody has read what is said there, so its sound cannot be explained by its letters, nor bounded by them.
"""

import re
from collections.abc import Sequence
from typing import Final

from deid_stream.text.tokens import visible
from deid_stream.units import Interval

_NAMED: Final = (
    "redacted|masked|removed|censored|bleep|bleeped|beep|inaudible|unintelligible|indistinct|crosstalk|silence|noise"
    "|background noise|laughter|laughs|laughing|music|pii|phi|pci|unk|unknown|foreign|speaking foreign language"
    "|blank audio"
)
_SIGN: Final = re.compile(
    r"\[[^\[\]]{0,60}\]+|<[^<>]{1,60}>|\{+[^{}]{0,60}\}+"
    rf"|[(*]+\s*(?:{_NAMED})\s*[)*]+"
    r"|[【〔⟨〈][^【】〔〕⟨⟩〈〉]{0,60}[】〕⟩〉]|\$(?-i:[A-Z][A-Z_]{2,30})\b"
    r"|[^\s\w]*[#*█▇■●•◼⬛♪♫][^\s\w]*"
    r"|_{2,}|\b[xX]{3,}\b|\b(?:[xX]{2,}[-. ])+[xX\d]+\b"
    r"|\b(?:bleep|bleeped|redacted|inaudible|unintelligible|unk)\b",
    re.IGNORECASE,
)
_MARKS: Final = re.compile(r"[\[<{(【〔⟨〈$#*█▇■●•◼⬛♪♫_]")
_HINTS: Final = ("xx", "bleep", "redacted", "inaudible", "unintelligible", "unk")
_MAY_BE: Final = re.compile(rf"{_MARKS.pattern}|{'|'.join(_HINTS)}", re.IGNORECASE)
"""Without one of these a text holds no sign."""


def placeholders(text: str) -> list[Interval]:
    """Where such signs stand in ``text`` (characters), in order and apart."""
    text, at = visible(text)
    if not _may_hold_sign(text):
        return []
    return [Interval(at[match.start()], at[match.end() - 1] + 1) for match in _SIGN.finditer(text)]


def _may_hold_sign(text: str) -> bool:
    # asked several times about every segment: one set of characters, and words in a text of one case, are searched for
    # in a tenth of the time
    if text.isascii():
        return bool(_MARKS.search(text)) or any(map(text.lower().__contains__, _HINTS))
    return bool(_MAY_BE.search(text))


def opaque(words: Sequence[str]) -> set[int]:
    """The words that are such signs, or a part of one that runs over several words."""
    joined = " ".join(words)
    signs = placeholders(joined)
    found: set[int] = set()
    if not signs:
        return found
    at = nearest = 0
    for number, word in enumerate(words):
        here = Interval(at, at + len(word))
        at = here.end + 1
        while nearest < len(signs) and signs[nearest].end <= here.start:
            nearest += 1
        if nearest < len(signs) and signs[nearest].overlaps(here):
            found.add(number)
    return found
