"""Where an address shows itself: a street word with a house number or a name, a flat, a post box, a foreign street."""

import re
from typing import Final

from deid_stream.detect.judge.addresses import NAMED_STREETS, STREETS
from deid_stream.detect.judge.places import AT_HOME, PUBLIC, famous
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.homes import sites
from deid_stream.detect.vocabulary import COMMON, word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_WEAK_STREETS: Final = word_set("address.weak_streets")
"""Street words that are everyday words or abbreviations too: they need a number before the name."""
_STOPS: Final = word_set("address.stops")
_DIRECTIONS: Final = word_set("address.directions")
_FOREIGN: Final = word_set("address.foreign")
_NUMBER_WORDS: Final = frozenset("number no nr num numero número nummer numéro".split())
"""Between the name of a street abroad and its number."""
_FOREIGN_ENDS: Final = (
    "strasse", "straße", "weg", "gasse", "gata", "gatan", "gade", "vej", "veien", "katu", "kuja", "tie", "utca", "utja",
    "laan", "straat", "plein", "platz", "allee", "vägen", "gränd", "str",
)  # fmt: skip
_UNIT_ONLY: Final = re.compile(
    r"(?<![^\W_])(?:p\.? ?o\.? ?box(?: number| no)?\.? \d[\d ]*|(?:psc|unit) \d+,? box \d+"
    r"|(?:apt|apartment|suite|ste|flat|plot|door)\.?(?: (?:number|no))?\.? ?#? ?\d[\w/-]*(?: \d+)*"
    r"|(?:फ्लैट|फ़्लैट|मकान|प्लॉट)(?: (?:नंबर|नम्बर|संख्या))? \d+)",
    re.IGNORECASE,
)
_UNIT_HINTS: Final = ("box", "apt", "apartment", "suite", "ste", "flat", "plot", "door")
"""Without one of these ``_UNIT_ONLY`` cannot match in ASCII text."""
_BLOCK: Final = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]{4,20} |[b-hj-z] )?(?:sector|sec|phase|block|ward|gali|makan|kothi|plot|quarter|house"
    r"|flat|room"
    r"|tower|pocket|wing|lot|pitch|गली|सेक्टर|ब्लॉक|कमरा)"
    r"(?: (?:number|no|nambar|नंबर|नम्बर|संख्या))?(?: (?:ka|ki|ke)(?: (?:number|no|nambar))?)?(?: [b-hj-z]| a(?= ?\d))? ?"
    r"(?<=[\W_a-zर])\d[\d ]{0,4}[a-z]?(?![^\W_])"
)
"""A block of a town and its number, where somebody lives."""
_CALLED: Final = re.compile(
    r"(?<![^\W_])(?:house|cottage|bungalow|farmhouse|barn)(?:'s| is)(?: just)? (?:called|named) "
    r"(?P<v>(?!(?:after|by|for|off|out)(?![^\W_]))(?:the )?[^\W\d_]{3,}(?: [^\W\d_]{3,}){0,2}?)"
    r"(?=[,.?!]|\s*\Z| (?:and|at|but|by|in|just|near|next|off|on|opposite|up|with)(?![^\W_]))"
)
"""A house by its name: "the house is called the nook"."""
_CORRECTED: Final = re.compile(
    r"[ ,.]+(?:(?:no|nope|sorry|wait|actually|correction|i mean|make that|it'?s|it is|that'?s|um|uh|er)[ ,.]+)*"
    r"(?:no|sorry|wait|actually|correction|i mean|make that|it'?s|that'?s)[ ,.]+(?P<number>\d{1,4}[a-z]?)(?![^\W_])"
)
"""A house number said anew after its street: "king edward road sorry 44"."""
_MAX_WORDS: Final = 5
"""A house number stands at most this many words before its street word. A larger value takes numbers of another part of
the sentence for house numbers."""
_MAX_NUMBERS: Final = 8
"""Numbers and directions in a row before a street that belong to it at most."""


class StreetRecognizer:
    """Works leftwards from each street word to the house number or the start of the name."""

    name = "address"

    def find(self, view: View) -> list[Detection]:
        text = view.text
        words = view.words
        found = []
        street = not STREETS.isdisjoint(view.said)
        at_home = (street or view.has_digit) and AT_HOME.search(view.low) is not None
        homely = at_home or EntityType.ADDRESS in view.expected
        for at, (start, end, low) in enumerate(words):
            bounds = None
            if low in STREETS:
                bounds = _street(words, at, public=not homely)
            elif low in _FOREIGN:
                bounds = _foreign(words, at)
            elif len(low) > 5 and low.endswith(_FOREIGN_ENDS) and low not in COMMON:
                bounds = (start, end) if _beside_number(words, at) else None
            elif low == "corner" and at + 1 < len(words) and words[at + 1][2] == "of":
                bounds = _corner(words, at)
            if bounds is not None and not famous(view, view.low[slice(*bounds)]):
                found.append(view.detection(*bounds, EntityType.ADDRESS, 0.85, self.name))
                corrected = _CORRECTED.match(view.low, bounds[1])
                if corrected is not None and not view.plain_mask[corrected.start("number")]:
                    place = corrected.span("number")
                    found.append(view.detection(*place, EntityType.ADDRESS, 0.8, f"{self.name}/corrected"))
        if " called " in view.low or " named " in view.low:
            found.extend(
                view.detection(*m.span("v"), EntityType.ADDRESS, 0.8, f"{self.name}/called")
                for m in _CALLED.finditer(view.low)
            )
        found.extend(
            view.detection(*place, EntityType.ADDRESS, 0.8, f"{self.name}/site") for place in sites(view, homely=homely)
        )
        if view.has_digit:
            if at_home:
                found.extend(
                    view.detection(m.start(), m.end(), EntityType.ADDRESS, 0.8, f"{self.name}/block")
                    for m in _BLOCK.finditer(view.low)
                )
            if not text.isascii() or any(map(view.low.__contains__, _UNIT_HINTS)):
                found.extend(
                    view.detection(m.start(), m.end(), EntityType.ADDRESS, 0.8, self.name)
                    for m in _UNIT_ONLY.finditer(text)
                )
        return found


_Words = list[tuple[int, int, str]]


def _street(words: _Words, street: int, *, public: bool) -> tuple[int, int] | None:
    """From the house number, or from the first strange word of the name, to the street word; None if it is neither.
    ``public``: a street without a number may be part of what is open to everybody ("elm street surgery"), and is
    none then."""
    at = street - 1
    while at >= 0 and street - at <= _MAX_WORDS:
        low = words[at][2]
        if low[0].isdecimal():
            if street - at < 2 and words[street][2] in _WEAK_STREETS:
                return None
            return words[_first_number(words, at)][0], words[street][1]
        if len(low) == 1:
            if low not in _DIRECTIONS and not (at > 0 and words[at - 1][2][0].isdecimal()):
                break
        elif low in _STOPS:
            break
        at -= 1
    low_street = words[street][2]
    name = street - 1
    if low_street not in NAMED_STREETS or name < 0:
        return None
    if public and street + 1 < len(words) and words[street + 1][2] in PUBLIC:
        return None
    while name >= 0 and street - name <= 3 and words[name][2] not in COMMON and len(words[name][2]) > 1:
        name -= 1
    name += 1
    return (words[name][0], words[street][1]) if name < street else None


def _first_number(words: _Words, at: int) -> int:
    """The first of the numbers before a street name; a direction may stand between ("2110 southeast 10th")."""
    first = at
    look = at - 1
    while look >= 0 and at - look < _MAX_NUMBERS:
        low = words[look][2]
        if words[look + 1][0] - words[look][1] > 3:
            break
        if low[0].isdecimal():
            first = look
        elif low not in _DIRECTIONS:
            break
        look -= 1
    return first


def _foreign(words: _Words, at: int) -> tuple[int, int] | None:
    """ "rue de virton 38": the name follows; a number must stand before or within the next words."""
    end = at
    for look in range(at + 1, min(len(words), at + 6)):
        low = words[look][2]
        if low == "the":
            break
        if low in _NUMBER_WORDS and _number(words, look + 1):
            continue
        if low[0].isdecimal():
            return words[_first_number(words, at - 1) if _number(words, at - 1) else at][0], words[look][1]
        if (
            low in COMMON
            and not _number(words, look + 1)
            and not (_number(words, look + 2) and words[look + 1][2] in _NUMBER_WORDS)
            and low not in ("de", "la", "le", "du", "des", "da", "do", "dos", "del", "el")
        ):
            break
        end = look
    if end > at and _number(words, at - 1):
        return words[_first_number(words, at - 1)][0], words[end][1]
    return None


def _corner(words: _Words, corner: int) -> tuple[int, int] | None:
    """ "the corner of 5th and main": to the words after "and" that name the second street."""
    start = words[corner - 1][0] if corner and words[corner - 1][2] == "the" else words[corner][0]
    crossing = next((i for i in range(corner + 2, min(len(words), corner + 12)) if words[i][2] == "and"), None)
    if crossing is None or crossing + 1 >= len(words):
        return None
    if not any(w[2][0].isdecimal() or (w[2] not in COMMON and len(w[2]) > 2) for w in words[corner + 2 : crossing]):
        return None
    end = crossing + 1
    while end + 1 < len(words) and end - crossing < 3 and words[end + 1][2] not in COMMON:
        end += 1
    if end + 1 < len(words) and words[end + 1][2] in STREETS:
        end += 1
    return start, words[end][1]


def _number(words: _Words, at: int) -> bool:
    return 0 <= at < len(words) and words[at][2][0].isdecimal()


def _beside_number(words: _Words, at: int) -> bool:
    return _number(words, at - 1) or _number(words, at + 1)
