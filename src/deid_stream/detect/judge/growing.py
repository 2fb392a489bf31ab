"""Widens a password that was found over the signs said in words after it, and a name over a hyphen that was said.

"summer capital s then 2024 exclamation mark" is one password, "hughes hyphen pritchard" one surname.
"""

import re
from typing import Final

import msgspec

from deid_stream.detect.vocabulary import COMMON, FIELDS, word_set
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import WORD
from deid_stream.units import CharIndex

_SIGN: Final = (
    r"(?:exclamation(?: mark| point)?|question mark|(?:dollar|pound|at|hash|plus|percent|equals?|star)(?: ?sign"
    r"| symbol)"
    r"|hash(?:tag)?|ampersand|asterisk|star|under ?score|dash|hyphen|full stop|period|(?:forward |back ?)?slash"
    r"|bang|dot"
    r"|(?:open|closed?) brackets?)(?![^\W_])(?! key)"
)
"""A sign said in words. "at" counts only as "at sign" or "at symbol": people say "sunshine at home"."""
SIGN_WORDS: Final = word_set("growing.signs")
"""The words that such signs consist of."""
_DIGITS: Final = word_set("growing.digits")
_JOINT: Final = r"[ ,]+(?:(?:and|then|and then|followed by|with|plus) )?(?:an? |the )?"
_SIGN_AFTER: Final = re.compile(rf"{_JOINT}{_SIGN}")
_NO_KEY_AFTER: Final = re.compile(rf"{_JOINT}(?!star|hash|pound){_SIGN}")
"""As ``_SIGN_AFTER``, after digits alone and without star, hash and pound: there these are the key that ends the code,
as in "the gate code is 441 star"."""
_PIECE_AFTER: Final = re.compile(
    rf"[ ,]+(?:then )?(?:(?:capital|upper ?case|lower ?case|big|small) [^\W\d_]+|\d[^\W_]*|[b-hj-z](?![^\W_])"
    rf"|(?:{'|'.join(sorted(_DIGITS))})(?![^\W_]))"
)
"""After a sign: a letter, digits or "capital" and a word, which belong to the password, too."""
_CAPITAL_BEFORE: Final = re.compile(r"(?<![^\W_])(?:capital|upper ?case|lower ?case) \Z")
_JOINS: Final = re.compile(r"(?:dash|dot|hyphen|period|plus|slash|under ?score)\Z")
"""Signs after which a sentence may go on instead of the password: "tulip dash i think"."""
_NO_PART: Final = COMMON | FIELDS
"""Words after such a sign that belong to a sentence, not to the password."""
_MOST_SIGNS: Final = 12
"""A password is widened over at most this many signs. Larger: a long run of signs that is no password is masked too;
smaller: the end of a long password remains."""
_PARTED: Final = re.compile(r" (?:hyphen|dash) ")
_NAME_AFTER: Final = re.compile(r" (?:hyphen|dash) (?P<name>[^\W\d_]{3,})(?![^\W_])")
_NAME_BEFORE: Final = re.compile(r"(?<![^\W_])(?P<name>[^\W\d_]{3,}) (?:hyphen|dash) \Z")
_REACH: Final = 40
"""The other half of a name, or "capital", is looked for in so many characters before what was found. Larger: slower;
smaller: long halves of names are missed."""


def grow_values(text: str, detections: list[Detection]) -> list[Detection]:
    """The ``detections`` of ``text``, with passwords widened over the signs after them, and names over a hyphen that
    was said. Bounds are characters of ``text``. Other detections are unchanged."""
    kinds = {detection.entity_type for detection in detections}
    if T.PASSWORD not in kinds and (T.PERSON not in kinds or _PARTED.search(text.lower()) is None):
        return detections
    low = text.lower()
    if len(low) != len(text):
        return detections
    return [_grown(low, d) for d in detections]


def _grown(low: str, detection: Detection) -> Detection:
    start, end = detection.start, detection.end
    if detection.origin is Origin.PLACEHOLDER:
        return detection
    if detection.entity_type is T.PASSWORD:
        end = _over_signs(low, start, end)
        before = _CAPITAL_BEFORE.search(low, max(0, start - _REACH), start)
        start = before.start() if before is not None and end > detection.end else start
    elif detection.entity_type is T.PERSON:
        after = _NAME_AFTER.match(low, end)
        if after is not None and after["name"] not in COMMON:
            end = after.end()
        before = _NAME_BEFORE.search(low, max(0, start - _REACH), start)
        if before is not None and before["name"] not in COMMON:
            start = before.start()
    if (start, end) == (detection.start, detection.end):
        return detection
    return msgspec.structs.replace(detection, start=start, end=end)


def _over_signs(low: str, start: CharIndex, end: CharIndex) -> CharIndex:
    keyed = all(word in _DIGITS or word.isdecimal() for word in WORD.findall(low, start, end))
    for _ in range(_MOST_SIGNS):
        sign = (_SIGN_AFTER if not keyed else _NO_KEY_AFTER).match(low, end)
        if sign is None or (_JOINS.search(sign.group()) and not _joined(low, sign.end())):
            break
        end = sign.end()
        if _JOINS.search(sign.group()) and (more := WORD.match(low, end + 1)) is not None:
            end = more.end()
        while (piece := _PIECE_AFTER.match(low, end)) is not None:
            end = piece.end()
    return end


def _joined(low: str, at: CharIndex) -> bool:
    """Whether more of the password follows a dash or a dot, and no sentence."""
    following = WORD.search(low, at)
    return following is None or following.group() not in _NO_PART
