"""Guesses at addresses and places: an address has a number, a street word, a question or the word "address"."""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.judge.addresses import NAMED_STREETS, NUMBERS, PLACES, STREETS
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.cues import nearest
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import WORD

_AT: Final = re.compile(r"\b(?:at|to|on|is|near|live|from|and)\s$")
_CUE_REACH: Final = 40
_FEW_WORDS: Final = 8
"""Words of a turn that may be an address and nothing else."""
_CODE_DIGITS: Final = (5, 6)
"""Digits of a postal code in the United States and in India."""
_SHORT: Final = 30


def is_number(low: str) -> bool:
    """A word of digits or a number word."""
    return low in NUMBERS or any(map(str.isdecimal, low))


def place(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    """An address of the model needs a number or a street word, a question, or the word "address" before it."""
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    numbers = sum(map(is_number, lows))
    named = T.ADDRESS in view.expected or (
        nearest(text[max(0, detection.start - _CUE_REACH) : detection.start].lower()) is T.ADDRESS
    )
    if detection.entity_type is T.ADDRESS and 0 < numbers < len(lows) <= 2 < len(view.words) and not named:
        known = not PLACES.isdisjoint(lows) or not STREETS.isdisjoint(lows)
        if not known and _AT.search(text[max(0, detection.start - 12) : detection.start].lower()) is None:
            return
    streets = STREETS if numbers or len(view.words) <= _FEW_WORDS else NAMED_STREETS
    if detection.entity_type is T.LOCATION:
        kind = T.ADDRESS if named and nearest(text[: detection.start].lower()) is T.ADDRESS else T.LOCATION
    elif (named and numbers < len(lows)) or not streets.isdisjoint(lows):
        kind = T.ADDRESS
    elif numbers == len(lows):
        digits = sum(len(w) if w.isdecimal() else 1 for w in lows)
        if digits < 4 and (T.ADDRESS not in view.expected or len(view.text) > _SHORT):
            return
        kind = T.ADDRESS if named or digits in _CODE_DIGITS else T.ID_NUMBER
    else:
        kind = T.ADDRESS if numbers else T.LOCATION
    yield Detection(detection.start, detection.end, kind, detection.score, detection.detector, detection.origin)
