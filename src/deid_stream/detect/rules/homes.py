"""Homes that stand in no named street: a number and "the" something, a box on a country road, a pitch, a place told by
what it stands beside."""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import DICTIONARY, everyday, word_set, words
from deid_stream.model.entities import EntityType
from deid_stream.units import CharIndex

_NUMBERED: Final = re.compile(
    r"(?<![^\W_])(?<!\d )(?<!chapter )(?<!track )(?<!item )(?<!hole )(?<!page )(?<!part )(?<!room )"
    r"(?:(?:number|no) )?\d{1,3}(?: ?[a-hj-z])? the "
    r"(?:(?:old|new|upper|lower|little|great|long|[^\W\d_]{3,}'?s) )?"
    rf"(?:{'|'.join(sorted(word_set('homes.sites')))})"
    r"(?=[,.?!]|\s*\Z| (?:and (?:it|the post)|in|near|off|on|please|thanks|opposite)(?![^\W_]))"
)
"""A number and a street that is called "the" something: "19 the beeches"."""
_RURAL: Final = re.compile(
    r"(?<![^\W_])(?:(?:(?:rural|star|county|state) (?:route|road)|highway|route|r ?r|h ?c) ?\d{1,4}[a-z]?,?"
    r" box \d{1,4}[a-z]?|(?:rural|star) route \d{1,4})(?![^\W_])"
)
"""A box on a country road of the United States: "rural route 2 box 90"."""
_PITCH: Final = re.compile(
    r"(?<![^\W_])(?:lot|space|pitch|plot|berth|mooring|slip|caravan|chalet|cabin|lodge|static)(?: number| no)?"
    r" \d{1,4}[a-z]?(?= (?:at|in|on) (?:the )?(?:[^\W\d_]+ ){0,3}?"
    r"(?:(?:trailer|caravan|mobile home|holiday|rv|lodge) (?:park|site)|marina|boatyard|acres|sands)(?![^\W_]))"
)
"""Where a home on wheels or on water stands: "lot 16 at the trailer park"."""
_PATTERNS: Final = (
    (_NUMBERED, (" the ",)),
    (_RURAL, ("box ", "route ")),
    (_PITCH, ("park", "site", "marina", "boatyard", "acres", "sands")),
)
"""Each with what a turn must hold one of for it to match."""
_NTH: Final = re.compile(
    r"(?:(?:yes|yeah|um|uh|erm)[ ,]+)*(?P<said>(?:it'?s|it is|we'?re|we are|i'?m|i am|mine'?s|ours is) )?(?:in )?the "
    r"(?P<v>(?:1st|2nd|3rd|\dth|last|end|corner|only) (?:(?:caravan|chalet|static|lodge|boat) at|(?:bungalow|caravan"
    r"|chalet|cottage|house|static|gate|driveway|farm) (?:past|after|before|beside|opposite|behind|next to|along)"
    r" (?:the|an?|our)(?= )) (?:the )?[^\s,.?!]+(?: [^\s,.?!]+){0,2})"
)
"""A home told by what it stands beside: "it's the 2nd caravan at sandy bay"."""


_RANKS: Final = word_set("homes.ranks")
_VILLAGES: Final = word_set("homes.villages")
"""Without one of these no village is told by its post and district."""
_NO_VILLAGE: Final = everyday("hi") | DICTIONARY
_CITIES: Final = words("en/cities")
_LEAST_RANKS: Final = 2
"""At least this many ranks must be named where no address was asked for. A smaller value redacts districts."""
_BETWEEN_RANKS: Final = 3
"""At most this many words from the name of one rank to the next rank."""


def _village(view: View) -> tuple[CharIndex, CharIndex] | None:
    """From the first to the last of the names of a village, its post, block and district: "village rampur post kotwa
    district barabanki"."""
    words = view.words
    if _VILLAGES.isdisjoint(view.said):
        return None
    first, last, pieces = -1, -1, 0
    for at, (_, _, low) in enumerate(words[:-1]):
        name = words[at + 1][2]
        if low not in _RANKS or name in _RANKS or (name in _NO_VILLAGE and name not in _CITIES) or not name.isalpha():
            continue
        if pieces and at - last > _BETWEEN_RANKS:
            if pieces > 1:
                break
            pieces = 0
        first, last, pieces = (first if pieces else at), at + 1, pieces + 1
    if not pieces or (pieces < _LEAST_RANKS and EntityType.ADDRESS not in view.expected):
        return None
    if last + 1 < len(words) and words[last + 1][2] not in _NO_VILLAGE and words[last + 1][2] not in _RANKS:
        last += 1
    return words[first][0], words[last][1]


def sites(view: View, *, homely: bool) -> Iterator[tuple[CharIndex, CharIndex]]:
    """Bounds of such homes in the written text. ``homely``: an address was asked for, or somebody says where they live;
    then "the last bungalow before the bridge" is one without "it's" before it."""
    nth = _NTH.match(view.low) if "the " in view.low else None
    if nth is not None and (homely or nth["said"]):
        yield nth.span("v")
    village = _village(view)
    if village is not None:
        yield village
    for pattern, hints in _PATTERNS if view.has_digit else ():
        if any(map(view.low.__contains__, hints)):
            for match in pattern.finditer(view.low):
                yield match.span()
