"""What belongs to a password or a name beside the part of it that was found: signs that are said in words.

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
"""A sign as it is said. No "at": "sunshine at home"."""
SIGN_WORDS: Final = word_set("growing.signs")
"""The single words of them."""
_DIGITS: Final = word_set("growing.digits")
_JOINT: Final = r"[ ,]+(?:(?:and|then|and then|followed by|with|plus) )?(?:an? |the )?"
_SIGN_AFTER: Final = re.compile(rf"{_JOINT}{_SIGN}")
_NO_KEY_AFTER: Final = re.compile(rf"{_JOINT}(?!star|hash|pound){_SIGN}")
"""The same behind digits alone, where the star or hash is the key that ends the code: "the gate code is 441 star"."""
_PIECE_AFTER: Final = re.compile(
    rf"[ ,]+(?:then )?(?:(?:capital|upper ?case|lower ?case|big|small) [^\W\d_]+|\d[^\W_]*|[b-hj-z](?![^\W_])"
    rf"|(?:{'|'.join(sorted(_DIGITS))})(?![^\W_]))"
)
"""After a sign: more of the password, where it is no word of a sentence."""
_CAPITAL_BEFORE: Final = re.compile(r"(?<![^\W_])(?:capital|upper ?case|lower ?case) \Z")
_JOINS: Final = re.compile(r"(?:dash|dot|hyphen|period|plus|slash|under ?score)\Z")
"""Signs that a sentence may go on after, too: "tulip dash i think"."""
_NO_PART: Final = COMMON | FIELDS
"""Words of a sentence, and no part of a password behind such a sign."""
_MOST_SIGNS: Final = 12
"""Signs and pieces that a password grows over at most."""
_PARTED: Final = re.compile(r" (?:hyphen|dash) ")
_NAME_AFTER: Final = re.compile(r" (?:hyphen|dash) (?P<name>[^\W\d_]{3,})(?![^\W_])")
_NAME_BEFORE: Final = re.compile(r"(?<![^\W_])(?P<name>[^\W\d_]{3,}) (?:hyphen|dash) \Z")
_REACH: Final = 40
"""Characters before a name in which the other half of it may stand."""


def grow_values(text: str, detections: list[Detection]) -> list[Detection]:
    """The detections of one source ``text`` with passwords grown over the signs behind them, and names over a hyphen
    that was said."""
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
