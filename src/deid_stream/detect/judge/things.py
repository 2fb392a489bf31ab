"""What looks like a person and is none: companies, cities, medicines, diseases, dishes, everyday phrases.

Known phrases come from the locales; a phrase that is a full name too ("john lewis") is a company unless a person is
meant where it stands ("my name is ...", "speak to ..."). A city needs a place's words around it.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from deid_stream.detect.vocabulary import GIVEN_NAMES, NAMES_ALSO_WORDS, NAMES_AMBIGUOUS, word_set, words
from deid_stream.model.entities import EntityType as T
from deid_stream.text.tokens import WORD
from deid_stream.units import CharIndex

_REACH: Final = 40
"""Characters before a name in which words tell whether a person, a place or a thing is meant."""
_PERSON_BEFORE: Final = re.compile(
    r"(?<![^\W_])(?:names?(?: is|'s)?|named|i'?m|i am|this is|mr|mrs|ms|miss|mister|dr|doctor|call me|speaking (?:to"
    r"|with)"
    r"|(?:speak|spoke|talk|talked|talking|speaking) (?:to|with)|ask(?:ed)? for|hi|hello|hey|dear|thanks|thank you"
    r"|my (?:wife|husband|son|daughter|brother|sister|mother|father|mom|dad|boss|friend|manager|partner|colleague)"
    r"|married(?: to)?|signed|sincerely|regards|naam|main|nombre es|me llamo|under)[ ,.:]+\Z"
)
_PERSON_AFTER: Final = re.compile(r"[ ,]+(?:speaking|calling|here|bol rah|ji)(?![^\W_])")
_PLACE_BEFORE: Final = re.compile(
    r"(?<![^\W_])(?:in|near|around|via|into|outside(?: of)?|towards|across|visit|visiting|leaving|reach|reached|greater"
    r"|downtown|all over|difference with|bound for"
    r"|between|through|(?:i'?m|i am|we'?re|we are|he'?s|she'?s|they'?re|comes?|came) (?:originally )?from"
    r"|(?:shipped|dispatched) from|(?:routed|diverted) (?:from|to)"
    r"|(?:an? (?:single|return)|tickets?|one way|adults?) to)[ ,]+\Z"
)
_PLACE_MAYBE: Final = re.compile(r"(?<![^\W_])(?:to|from|for|and|then|or|at|of|is|the)[ ,]+\Z")
_PLACE_AFTER: Final = re.compile(
    r",? (?:branch|office|airport|station|city|store|area|county|weather|flights?|hotels?|trains?|depot|warehouse|hub"
    r"|location|dealership|campus|factory|godown|junction|time zone|showroom|city council|bus stand|railway station"
    r"|(?:is|are|was) (?:about |around |only |just |some )?(?:an?|\w+) (?:and a half )?(?:hours?|miles?|minutes?|km"
    r"|kilometres?) (?:away|from|drive|by|north|south|east|west)|(?:on|in) (?:central|eastern|pacific|mountain) time"
    r")(?![^\W_])"
)
_TRAVEL: Final = re.compile(
    r"(?<![^\W_])(?:fl(?:y|ying|ight|ights|ew|own)|trains?|bus|trip|travel\w*|driv(?:e|ing)|drove|mov(?:e|ed|ing)"
    r"|relocat\w+|going|went|head(?:ed|ing)|tickets?|stay(?:ed|ing)?|lived?|living|weekend|vacation|holiday|hotels?"
    r"|airport|branch|office|layover|direct|depart\w*|arriv\w*|landed|weather|raining|snowing|distance|transferred from"
    r"|depot|motorway|platform)(?![^\W_])"
)
_TOLD: Final = re.compile(
    r"(?<![^\W_])(?:sp[eo]ak\w*|spoke|talk\w*|said|say|gave|giv\w+|sen[dt]\w*|paid|pay\w*|belongs?|married|listen\w*"
    r"|wr[io]te\w*"
    r"|written|repl\w+|respond\w*|explain\w*|show\w*)(?: (?:it|that|this|them|the \w+|my \w+))? (?:to|from|for"
    r"|with)[ ]+\Z"
)
_TAKEN: Final = re.compile(
    r"(?<![^\W_])(?:take|takes|taking|took|prescribed(?: me)?|refill(?: of| my| for)?|dose of|tablets? of|allergic to"
    r"|(?:start(?:ed)?|put|was|am|are|is|i'm|been) (?:me |him |her )?on|medication|medicine|mg of|strip of|syrup"
    r"|inhaler)"
    r" (?:some |my |the |a )?\Z"
)
_STEM: Final = re.compile(
    r"[a-z]{3,}(?:statin|sartan|olol|dipine|prazole|cillin|floxacin|gliptin|gliflozin|glutide|formin|oxetine|zepam"
    r"|zolam"
    r"|triptan|xaban|profen|cycline|dronate|lukast|thiazide|mycin|conazole|semide|setron|parin|nisolone|nidazole"
    r"|oxacin)"
)
"""Ends of generic names of medicines (stems of the World Health Organization's list)."""
_STEM_LETTERS: Final = 8
"""A word of at least this many letters can be such a name. A smaller value takes surnames for medicines, and leaves
them."""
_SHOPS: Final = r"stores?|shop|branch|outlet|boutique|website|showroom|dealership"
_PRODUCTS: Final = (
    r"rackets?|racquets?|cups?|mugs?|flasks?|tumblers?|ac|acs|air conditioners?|tvs?|fridges?|freezers?|ovens?|cookers?"
    r"|kettles?|toasters?|jeans|jackets?|coats?|shirts?|shoes|trainers|boots|handbags?|razors?|drills?|saws?|mowers?"
    r"|tractors?|tyres?|mixers?|grinders?|geysers?|boilers?|mattress|sofas?|perfumes?|shampoos?|whisky|whiskey|gin|beer"
    r"|sauce|soups?|cereal|chocolates?|biscuits|crisps|burgers?|pizzas?|pens?|pencils?|paints?|trolleys?|suitcases?"
    r"|airwrap|watches|trimmers?|hoovers?|vacuums?|serum|lotion|toothpaste|lego|dolls?|rice|tea|bread|oil|plants?|flowers?|cake|salad"
)
"""What a maker makes: in no list is a word that stands beside a person's name in a booking ("table", "phone")."""
_GOODS: Final = re.compile(
    rf"(?:'s)? (?:{_SHOPS}|{_PRODUCTS}|catalogue|voucher|controls|shares?|stocks?|bank|insurance|finance|motors"
    r"|airlines|pharmacy|vaccine|syndrome|disease|palsy|lymphoma|policy|gift card|app|credit card"
    r"|loan|mutual fund|jewellers"
    r"|hospital|hotel|university|college|playbooks?|plugins?"
    r"|servers?|clusters?|framework|festival)(?![^\W_])"
)
"""What stands after the name of a maker, a shop, a plant or a program."""
_BANKED: Final = re.compile(
    r"(?<![^\W_])(?:(?:bought|ordered|purchased|shop\w*|bank(?:s|ed|ing)?|account|loan|policy|insured"
    r"|insurance"
    r"|mortgage|subscription)(?: (?:it|this|that|them|one|is|was|a|an|my"
    r"|the)){0,2}"
    r" (?:at|with)|(?:bought|ordered|purchased)(?: (?:it|this|that|them))? from"
    r"|(?:works?|worked|working) (?:at|for))[ ]+\Z"
)


_SHOP: Final = re.compile(rf" (?:{_SHOPS})(?![^\W_])")
_THE: Final = re.compile(r"(?<![^\W_])(?:the|a|any|your|my|nearest|local) \Z")
_MADE: Final = re.compile(
    r"(?: (?:tennis|golf|electric|cordless|leather|gas|wireless|steam|running|new|old|black|white))?"
    rf" (?:{_PRODUCTS}|collection|brand)(?![^\W_])"
)
"""What a maker makes, after "the" or "a" and a given name: "the stanley cup". No papers: "the stanley account"."""
_MAKERS: Final = re.compile(r"(?<![^\W_])(?:the|an?|this|that|these|those|any|another|two|some) \Z")
_ONE_OF_MANY: Final = re.compile(r"(?<![^\W_])(?:the|an?|some|these|those|more|extra) \Z")
_STANDS_ALONE: Final = word_set("judge.function") | frozenset(
    "and that which so but because now too also again".split()
)
"""Words after "the" and a name that is nobody's: "the robin is back". Before a noun it may be: "the patel account"."""
_OFFICES: Final = word_set("things.offices")
"""Titles that stand for whoever holds them: "the princess royal", "the prime minister"."""
_NTH: Final = re.compile(
    r" the (?:first|second|third|fourth|fifth|sixth|seventh|eighth|great)"
    r"(?=[^\w\s]|\s*\Z| (?:was|is|by|and|of|had|in)(?!\w))"
)
"""After the name of a monarch: "richard the third"."""
_PLACED: Final = re.compile(r"(?<![^\W_])(?:city|town|village|state|district|county|country)(?: name)?(?: is|'s|:) \Z")
_NATURE: Final = word_set("things.nature")
"""First words of the names of mountains, lakes, stations and churches."""
_WORK: Final = re.compile(
    r"(?:'s| is| was) an? "
    r"(?:(?:hundred|thousand) and |(?!(?:in|of|for|with|from|at|to|who|and|on|by) )[^\W_]+[ -]){0,10}?"
    r"(?:films?|movies?|series|sitcom|songs?|albums?|band|novel|magazine|newspaper|company|firm|bank|charity|nonprofit|corporation|retailer|restaurant|hotel|airline|software|website|startup"
    r"|supermarket|village|town|city|river|mountain|lake|island|suburb)"
    r"(?= (?:that|which|directed|starring|by|in|from|based|about|of|for|with|called|where|on|and)(?![^\W_])"
    r"|[^\w\s]|\s*\Z)"
)
"""What follows the name of a work, a firm or a place: "... is a 2010 action film"."""

_SITE_AFTER: Final = re.compile(r" (?:international airport|international|airport|apartments|country club)(?![^\W_])")
"""After the name of a place that is built: "carrington apartments"."""


class Thing(NamedTuple):
    """``[start, end)`` of the source; ``kind`` is None for what is of no type at all."""

    start: CharIndex
    end: CharIndex
    kind: T | None


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], T | None]]]:
    """First word -> phrases, the longest first."""
    table: dict[str, list[tuple[tuple[str, ...], T | None]]] = {}
    for name, kind in (
        ("en/companies", T.ORGANIZATION),
        ("en/medicine", None),
        ("en/phrases", None),
        ("en/products", None),
        ("en/cities", T.LOCATION),
    ):
        for line in words(name):
            phrase = tuple(m.group() for m in WORD.finditer(line))
            table.setdefault(phrase[0], []).append((phrase, kind))
    for found in table.values():
        found.sort(key=lambda entry: (-len(entry[0]), entry[1] is not None, entry[1] or ""))
    return table


def things(text: str) -> list[Thing]:
    """Known things in source ``text``, in order, apart from each other."""
    low = text.lower()
    if len(low) != len(text):
        return []
    found: list[Thing] = []
    tokens = [(m.start(), m.end(), m.group()) for m in WORD.finditer(low)]
    lows = [token[2] for token in tokens]
    phrases = _phrases()
    at = 0
    while at < len(tokens):
        thing = _thing_at(low, tokens, lows, at) if lows[at] in phrases or len(lows[at]) >= _STEM_LETTERS else None
        if thing is None:
            at += 1
            continue
        found.append(thing)
        while at < len(tokens) and tokens[at][0] < thing.end:
            at += 1
    return found


def _thing_at(low: str, tokens: list[tuple[int, int, str]], lows: list[str], at: int) -> Thing | None:
    start = tokens[at][0]
    for phrase, kind in _phrases().get(lows[at], ()):
        if tuple(lows[at : at + len(phrase)]) != phrase:
            continue
        if len(phrase) == 1 and at and _before_surname(lows[at - 1]):
            continue
        end = tokens[at + len(phrase) - 1][1]
        if _meant(low, start, end, kind, single=len(phrase) == 1):
            return Thing(start, end, kind)
    if len(lows[at]) >= _STEM_LETTERS and _STEM.fullmatch(lows[at]):
        return Thing(start, tokens[at][1], None)
    return None


def _before_surname(low: str) -> bool:
    """A given name or an initial: what follows is a surname, whatever else is called so ("harrison ford")."""
    return (low in GIVEN_NAMES and low not in NAMES_AMBIGUOUS) or (len(low) == 1 and low not in "ais")


def _meant(low: str, start: int, end: int, kind: T | None, *, single: bool) -> bool:
    """The phrase stands for the thing here."""
    before = low[max(0, start - _REACH) : start]
    if kind is None:
        return not (single and low[start:end] in GIVEN_NAMES)
    if _PERSON_BEFORE.search(before) or _PERSON_AFTER.match(low, end):
        return False
    if kind is T.LOCATION:
        return _is_place(low, before, start, end)
    if not single:
        return True
    word = low[start:end]
    if word not in GIVEN_NAMES:
        return True
    return _GOODS.match(low, end) is not None or _BANKED.search(before) is not None


def _is_place(low: str, before: str, start: int, end: int) -> bool:
    if low[end : end + 2] in ("'s", "’s"):
        return False
    if _PLACE_BEFORE.search(before) or _PLACE_AFTER.match(low, end):
        return True
    if _TOLD.search(before):
        return False
    maybe = start == 0 or _PLACE_MAYBE.search(before) is not None
    return maybe and _TRAVEL.search(low) is not None


def is_thing_here(low: str, start: CharIndex, end: CharIndex) -> T | bool:
    """What a name of no list is by the words around it: True for a medicine, a type for a maker or shop, else False."""
    before = low[max(0, start - _REACH) : start]
    name = low[start:end]
    names = name.split()
    known = any(word in GIVEN_NAMES for word in names)
    if _PLACED.search(before) or (len(names) > 1 and names[0] in _NATURE and not _PERSON_BEFORE.search(before)):
        return T.LOCATION
    if not known and _SITE_AFTER.match(low, end) and not _PERSON_BEFORE.search(before):
        return T.LOCATION
    if known and _NTH.match(low, end):
        return True
    if _OFFICES.issuperset(names) and _ONE_OF_MANY.search(before):
        return True
    if _WORK.match(low, end) or _is_common_noun(low, names, before, end):
        return T.ORGANIZATION
    if known and _SHOP.match(low, end) and (before == "" or _THE.search(before)):
        return T.ORGANIZATION
    made = _MADE.match(low, start + len(name.split()[0])) if known and _MAKERS.search(before) else None
    if made is not None and made.end() >= end:
        return T.ORGANIZATION
    if not known and _TAKEN.search(before):
        return True
    if not _PERSON_BEFORE.search(before) and (_BANKED.search(before) or (not known and _GOODS.match(low, end))):
        return T.ORGANIZATION
    return False


def _is_common_noun(low: str, names: list[str], before: str, end: CharIndex) -> bool:
    """A name after "the" or "a" with nothing after it that could be somebody's."""
    if not _ONE_OF_MANY.search(before) or low[end : end + 2] in ("'s", "’s"):
        return False
    following = WORD.search(low, end)
    if following is None or low[end : following.start()].strip() or following.group() in _STANDS_ALONE:
        return True
    return len(names) == 1 and (names[0] in NAMES_AMBIGUOUS or names[0] in NAMES_ALSO_WORDS)


def without(start: CharIndex, end: CharIndex, found: list[Thing]) -> Iterator[tuple[CharIndex, CharIndex]]:
    """What of ``[start, end)`` is no known thing."""
    at = start
    for thing in found:
        if thing.end <= at or thing.start >= end:
            continue
        if thing.start > at:
            yield at, thing.start
        at = max(at, thing.end)
    if at < end:
        yield at, end
