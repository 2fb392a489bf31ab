"""Guesses at addresses and places: an address has a number, a street word, a question or the word "address"."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from deid_stream.detect.judge.addresses import NAMED_STREETS, NUMBERS, PLACES, STREETS, UNITS
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.cues import nearest
from deid_stream.detect.vocabulary import COMMON, word_set, words
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import WORD

_AT: Final = re.compile(r"\b(?:at|to|on|is|near|live|from|and)\s$")
_CUE_REACH: Final = 40
"""Characters before a guess in which "address" or its like must stand to back it. A larger value believes more
guesses."""
_VENUES: Final = word_set("places.venues")
PUBLIC: Final = word_set("places.public") | _VENUES
"""After a street without a number, they make it the name of what is open to everybody: "elm street surgery"."""
AT_HOME: Final = re.compile(
    r"(?<![^\W_])(?:reht[aei]|rahat[aei]|live|lives|living|stay|staying|ghar|pata|address|deliver\w*|vivo"
    r"|makan)(?![^\W_])|रहत|पता|घर|मकान"
)
"""Words that tell where somebody lives, or where something is brought to."""
_FAMOUS: Final = words("en/streets")
"""Streets that everybody knows, in lower case."""
_ROAD: Final = re.compile(r"(?<![^\W_])(?:the|off|along|down|on the) [abmn] \Z")
"""Before the number of a main road: "the a 303 near stonehenge"."""
_ROAD_REACH: Final = 12
"""``_ROAD`` is looked for in so many characters before the number. Larger: slower; smaller: "on the a" may not fit."""
_AT_WORK: Final = re.compile(
    r"(?<![^\W_])(?:(?:my|our) (?:shop|office|flat|house|place|salon|store|business|studio|clinic|building)"
    r"|(?:i|we) work|(?:i'm|we're) based)(?![^\W_])"
)
_ADDRESS_OF: Final = re.compile(r"(?<![^\W_])(?:address|location|number) (?:of|for) (?:the )?\Z")
_SAID: Final = re.compile(r"(?:'s)? (?:is|are|was)(?![^\W_])")
_FEW_WORDS: Final = 8
"""A turn of at most this many words may be an address and nothing else. A larger value believes more guesses in longer
turns."""
_CODE_DIGITS: Final = (5, 6)
"""Digits of a postal code in the United States and in India."""
_SHORT: Final = 30
"""A turn of at most this many characters may answer "your address?" with one to three digits. A larger value redacts
more small numbers."""


def is_number(low: str) -> bool:
    """A word of digits or a number word."""
    return low in NUMBERS or any(map(str.isdecimal, low))


def uncounted(detection: Detection, counted: Sequence[int]) -> Detection | None:
    """An address of the model without what is counted at its edges ("ten therapists near ..."); None if all is.

    ``counted``: see ``View.counted``.
    """
    start, end = detection.start, detection.end
    while counted and start < end and counted[start]:
        start += 1
    while counted and start < end and counted[end - 1]:
        end -= 1
    return msgspec.structs.replace(detection, start=start, end=end) if start < end else None


def _is_venue(text: str, detection: Detection, lows: list[str]) -> bool:
    """The name of a shop of which an address is said: "the address of the 28 hotel sydney is ..."."""
    if not STREETS.isdisjoint(lows) or not UNITS.isdisjoint(lows):
        return False
    asked_of = _ADDRESS_OF.search(text[: detection.start].lower()) and _SAID.match(text[detection.end :].lower())
    return asked_of is not None and not _VENUES.isdisjoint(lows)


def _is_public(view: View, text: str, detection: Detection, lows: list[str]) -> bool:
    """The name of a branch, a school or a station after its street, in or right behind the guess; none where somebody
    says where they live."""
    if T.ADDRESS in view.expected or AT_HOME.search(view.low) is not None:
        return False
    at = next((i for i, low in enumerate(lows) if low in STREETS), None)
    if at is None or at == 0:
        return False
    following = WORD.match(text, detection.end + 1) if text[detection.end : detection.end + 1] == " " else None
    behind = [*lows[at + 1 :], *([following.group().lower()] if following is not None else ())]
    return bool(behind) and behind[0] in PUBLIC


def _is_theirs(low: str) -> bool:
    """Whether ``low`` (in lower case) says where somebody lives or works."""
    return AT_HOME.search(low) is not None or _AT_WORK.search(low) is not None


def famous(view: View, said: str) -> bool:
    """Whether ``said`` is a street that everybody knows, and the turn does not say that somebody lives or works there:
    "i was on oxford street"."""
    return said in _FAMOUS and T.ADDRESS not in view.expected and not _is_theirs(view.low)


def place(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    """An address of the model needs a number or a street word, a question, or the word "address" before it."""
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if detection.entity_type is T.ADDRESS and _is_venue(text, detection, lows):
        yield msgspec.structs.replace(detection, entity_type=T.ORGANIZATION)
        return
    numbers = sum(map(is_number, lows))
    if (
        numbers
        and _ROAD.search(text[max(0, detection.start - _ROAD_REACH) : detection.start].lower())
        and is_number(lows[0])
        and T.ADDRESS not in view.expected
    ):
        yield msgspec.structs.replace(detection, entity_type=T.LOCATION)
        return
    named = T.ADDRESS in view.expected or (
        nearest(text[max(0, detection.start - _CUE_REACH) : detection.start].lower()) is T.ADDRESS
    )
    said = [w.group() for w in WORD.finditer(view.written.between(detection.start, detection.end).lower())]
    counts = sum(map(is_number, said))
    if detection.entity_type is T.ADDRESS and 0 < counts < len(said) <= 2 < len(view.words) and not named:
        known = not PLACES.isdisjoint(said) or not STREETS.isdisjoint(said)
        plain = all(is_number(w) or w in COMMON for w in said)
        before = text[max(0, detection.start - 12) : detection.start].lower()
        if not known and (plain or _AT.search(before) is None):
            return
    if detection.entity_type is T.ADDRESS and not named and not counts and famous(view, " ".join(said)):
        yield msgspec.structs.replace(detection, entity_type=T.LOCATION)
        return
    if detection.entity_type is T.ADDRESS and not named and not counts and _is_public(view, text, detection, lows):
        yield msgspec.structs.replace(detection, entity_type=T.ORGANIZATION)
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
