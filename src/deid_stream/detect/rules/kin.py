"""Names after what people call their own, families by their surname, and names with an apostrophe that was said.

Found by the words around them alone, so a name of no list is one here: "my lad osian", "under the hendersons",
"o apostrophe dowd".
"""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import (
    COMMON,
    DICTIONARY,
    FOREIGN_WORDS,
    GIVEN_NAMES,
    MONTHS,
    NAMES_AMBIGUOUS,
    NAMES_INDIA,
    RARE,
    WEEKDAYS,
    word_set,
    words,
)
from deid_stream.text.tokens import NAME_PATTERN, POSSESSIVES
from deid_stream.units import CharIndex

_FUNCTION: Final = word_set("judge.function")
KIN_HINDI: Final = word_set("names.kin_hindi")
"""What people call relatives in Hindi: nobody's name."""
_KIN: Final = re.compile(
    r"(?<![^\W_])(?:(?:my|our|his|her|their|your|the|me)"
    r" (?:little |wee |old |big |eldest |oldest |youngest |middle |late )?"
    rf"(?:{'|'.join(sorted(word_set('names.kin')))}|(?:other|better) half|little one|old man)(?: called)?"
    rf"|(?P<hindi>(?:mer|hamar|apn|unk|usk|aapk)[aei] (?:{'|'.join(sorted(KIN_HINDI))})(?: ji)?)),?"
    rf" (?P<name>{NAME_PATTERN})"
)
"""Somebody's own, by what people call them: "my lad osian", "my other half geraint"."""
_KIN_WORDS: Final = KIN_HINDI | word_set("names.kin") | {"half", "one", "man"}
"""Without one of these ``_KIN`` cannot match."""
_MADE: Final = words("en/companies") | words("en/products")
_IS_HINDI: Final = re.compile(r" (?:ho|hai|hain|hoon|the|thi|tha|nahi|nahin|gay[aei]|rah[aei])(?![^\W_])")
"""After what somebody is, in Hindi: "mere sasur naraaz hain"."""
_ACTED_ON: Final = re.compile(r" (?:him|it|me|the|them|us|you)(?![^\W_])")
"""After a verb of no dictionary: "my roommate venmos me"."""
_SHORT: Final = 3
"""A word that stands in no list and follows a kin word is a name where it has more letters than this. A smaller value
redacts more short forms ("my daughter mri scan")."""
_SURNAME: Final = 6
"""A surname of no list has at least this many letters before its s. A smaller value redacts short forms ("circs")."""
_FAMILY: Final = re.compile(r"the (?P<name>[a-z]{4,}s)(?![^\W_])")
_BEFORE_FAMILY: Final = ("under ", "we're ", "we are ", "it's ", "it is ", "opposite ")
_ENDS: Final = re.compile(r"\W*\Z| (?:and|at|from|in|on|please)(?![^\W_])")
_NEIGHBOURS: Final = re.compile(r" (?:at number|next door|across the|over the road|moved|live[sd]?)(?![^\W_])")
"""A family by its surname: "put it under the hendersons", "the okafors next door"."""
_APOSTROPHE: Final = re.compile(
    r"(?<![^\W_])(?:o|d|l|n|m) apostrophe (?:[a-z]{3,}(?: [a-z](?![^\W_]))*|[a-z](?: [a-z])+)(?![^\W_])"
)
"""A name with its sign: "o apostrophe dowd"."""
_OWN_HINDI: Final = frozenset("bahu behan behen beta bete beti bhai biwi pati patni".split())
_OWN: Final = re.compile(
    rf"(?<![^\W_])(?:{'|'.join(sorted(_OWN_HINDI))}) (?P<name>[a-z]{{3,}})(?= (?:ka|ki|ke|ko|ne|se)(?![^\W_]))"
)
_THEIRS: Final = re.compile(
    r"(?<![^\W_])(?P<name>[a-z]{4,}) (?:k[aie] (?:aadhaar|admission|account|beta|beti|birthday|card|date of birth"
    r"|fees|form"
    r"|janam|khata|maa|mobile|mummy|number|papa|passport|phone number|pita|shaadi|shadi|tabiyat|ticket|umar)"
    r"|ko (?:bula\w*|bolo|bol do|phone (?:karo|kar do|do)|call (?:karo|kar do)|message (?:karo|kar do))"
    r"|ne (?:bataya|bhej[ai]|bola|call|kaha|phone)|bol rah[aei])(?![^\W_])"
)
"""A word before what only a person has or does, in Hindi: "sapna ki shaadi" (sapna's wedding)."""
_WORD_NAMES: Final = word_set("names.hindi_words")
"""Names that are everyday words of Hindi, too."""
_WORDS: Final = COMMON | DICTIONARY | RARE | FOREIGN_WORDS


def is_name_word(low: str, everyday: frozenset[str] = COMMON) -> bool:
    """Could be part of a name: known as one, or no everyday word."""
    return low in GIVEN_NAMES or (
        len(low) > 1
        and low not in _FUNCTION
        and low not in everyday
        and low not in DICTIONARY
        and low not in MONTHS
        and low not in WEEKDAYS
    )


def kin(view: View) -> Iterator[tuple[CharIndex, CharIndex, str]]:
    """Bounds of such names in the written text, each with the name of its rule."""
    low = view.low
    if not _KIN_WORDS.isdisjoint(view.said):
        for start, end in _related(view):
            yield start, end, "related"
    if view.language == "hi" or not _OWN_HINDI.isdisjoint(view.said):
        yield from _hindi(view)
    for match in _FAMILY.finditer(low):
        if match.start() and low[match.start() - 1] != " ":
            continue  # "breathe"
        named = low.endswith(_BEFORE_FAMILY, 0, match.start()) and _ENDS.match(low, match.end()) is not None
        if (named or _NEIGHBOURS.match(low, match.end())) and _is_family(match["name"]):
            yield *match.span("name"), "family"
    for match in _APOSTROPHE.finditer(low) if " apostrophe " in low else ():
        yield *match.span(), "apostrophe"


def _hindi(view: View) -> Iterator[tuple[CharIndex, CharIndex, str]]:
    """A name after "beti" or "nominee" without "meri", and an everyday word that is a name too where only a person can
    stand: "sapna ki shaadi hai"."""
    for match in _OWN.finditer(view.low):
        name = match["name"]
        known = name in GIVEN_NAMES or name in NAMES_INDIA
        if name not in KIN_HINDI and (known or (is_name_word(name, view.everyday) and name not in FOREIGN_WORDS)):
            yield *match.span("name"), "related"
    for match in _THEIRS.finditer(view.low):
        if match["name"] in _WORD_NAMES:
            yield *match.span("name"), "theirs"


def _related(view: View) -> Iterator[tuple[CharIndex, CharIndex]]:
    """A word of no dictionary, or a known name, after what people call their own."""
    for match in _KIN.finditer(view.low):
        name = match["name"]
        bare = name[:-2] if name.endswith(POSSESSIVES) else name
        known = (bare in GIVEN_NAMES or bare in NAMES_INDIA) and bare not in NAMES_AMBIGUOUS
        strange = is_name_word(bare, view.everyday) and bare not in RARE and bare not in FOREIGN_WORDS
        verb = bare.endswith("ed") or _ACTED_ON.match(view.low, match.end()) is not None
        if bare in _MADE or (match["hindi"] and not known and _IS_HINDI.match(view.low, match.end())):
            continue
        if known or (strange and len(bare) > _SHORT and not verb and "'" not in bare):
            yield match.start("name"), match.start("name") + len(bare)


def _is_family(low: str) -> bool:
    """A surname with an s: "hendersons", and no word of a dictionary."""
    name = low[:-1]
    if low in _WORDS or low in _MADE or name in _MADE:
        return False
    return name in GIVEN_NAMES or name in NAMES_INDIA or (name not in _WORDS and len(name) >= _SURNAME)
