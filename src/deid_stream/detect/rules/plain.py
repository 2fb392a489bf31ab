"""What is plainly an amount, a date, a time or a quantity, in lower-case written form: digits that may stay.

Each match is a stretch of the written text. Dates are kept apart, because a date of birth goes.
"""

import re
from typing import Final, NamedTuple

from deid_stream.detect.vocabulary import MONTHS, expressions
from deid_stream.units import CharIndex

_MONTH: Final = rf"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})"
_LOCAL_UNITS: Final = "|".join(expressions("plain", "units"))
_LINK: Final = rf"(?:{'|'.join(expressions('plain', 'date_links'))})"
_DAY: Final = r"(?:[0-3]?\d(?:st|nd|rd|th)?)"
_YEAR: Final = r"(?:(?:19|20) ?\d\d|[12],\d{3}|'?\d\d(?!\d))"
_NUMBER: Final = r"\d+(?:[.,]\d+)*"
_WORDNUM: Final = r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?"

DATE: Final = re.compile(
    rf"(?<![\w])(?:"
    rf"{_DAY}(?: day)?(?: {_LINK})? ?(?:the )?{_MONTH}\b(?:[ ,.]*(?:{_LINK} )?(?:the year )?{_YEAR}(?!\d))?"
    rf"|{_MONTH}[ ,.]*(?:the )?{_DAY}(?!\d)(?:[ ,.]*(?:of |in )?(?:the year )?{_YEAR}(?!\d))?"
    rf"|{_MONTH}[ ,.]*(?:of )?(?:19|20) ?\d\d(?!\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th) (?:of )?(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?:[ ,]*(?:of )?{_YEAR})(?!\d)"
    rf"|\d{{1,2}}[/.-]\d{{1,2}}[/.-](?:\d{{4}}|\d{{2}})(?!\d)"
    rf"|\d{{4}}[/.-]\d{{1,2}}[/.-]\d{{1,2}}(?!\d)"
    rf"|(?:in|since|from|of|year|year is|year was|years|until|till|before|after|by|during|late|early"
    rf"|mid|summer|winter|spring|autumn|fall|model)"
    rf" (?:the year )?(?:(?:19|20) \d\d|(?:19|20)\d\d|2,0\d\d|2,00\d)s?(?![\d,]| ?\d|[-/.]\d)"
    rf"|(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? (?:the )?\d{{1,2}}(?:st"
    rf"|nd|rd|th)(?: 20 ?\d\d)?(?!\d))"
    rf")",
)

_GOES_ON: Final = r"(?<![,.])(?<![,.] )"
"""Between a number and its unit: what follows a comma is no unit ("nine nine four one, people said")."""
_CURRENCY_AFTER: Final = (
    r"(?:dollars?|bucks?|cents?|pounds?|quid|pence|pennies|euros?|rupees?|rupaye|rs|inr|usd|gbp|eur|paise|paisa"
    r"|dirhams?|riyals?|yen|francs?|grand|lakhs?|lacs?|crores?|thousand|million|billion|hundred"
    r"|percent|per cent|%|€|£|₹)"
)
AMOUNT: Final = re.compile(
    rf"(?<![\w])(?:"
    rf"(?:[$£€₹¥]|rs\.?|inr|usd|gbp|eur|rupees|us\$) ?\d[\d,. ]{{0,14}}\b"
    r"|(?<!star )(?<!hash )(?<!\d )(?<![\d,.])\d{1,3}(?:\.\d{1,2})? ?k(?!\w)"
    rf"|(?<!star )(?<!hash )\d[\d,. ]{{0,14}}{_GOES_ON} ?(?:us |american |canadian |indian )?{_CURRENCY_AFTER}(?!\w)"
    rf"|(?:transfer|send|withdraw|lend|borrow|spend|spent|earn)(?: (?:about|around|only|just"
    rf"|of))? \d{{1,6}}(?!\d| ?\d{{4}})"
    rf"|(?:price|cost|costs|costing|fare|rent|fee|total|amount|balance|bill|budget|pay|paid|paying|worth|salary"
    rf"|refund(?:ed)?|charge[sd]?|deposit|rate|premium|excess|penalty|instal?ment|emi)"
    rf"(?: (?:is|was|of|for|be|to|will|would|it|it's|me|you|about|around|only|just|at|under|over|per"
    rf"|night|month|day|ticket|the|a|comes|came)){{0,4}} \d{{1,6}}(?![\d]| ?\d{{4}})"
    rf")",
)
GROUPED: Final = re.compile(rf"(?<![\w.,]){_WORDNUM}(?![\d,])")
DECIMAL: Final = re.compile(r"(?<![\w.])(?<!\d )\d{1,6}\.\d{1,3}(?!\.?\d| \d)")
_UNITS: Final = (
    r"(?:hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|nights?|weeks?|months?|years?|yrs?"
    r"|decades?"
    r"|in the (?:morning|afternoon|evening)|at night|noon|sharp"
    r"|miles?|km|kms|kilometers?|kilometres?|meters?|metres?|feet|foot|ft|inch(?:es)?|cm|mm|yards?|acres?|sq|square|kg"
    r"|kgs|kilos?|grams?|lbs?|ounces?|liters?|litres?|gallons?"
    r"|gb|mb|tb|kb|mbps|gbps|gigs?|gigabytes?|megabytes?|megs?|megapixels?|mp|mah|watts?|volts?|amps?|hz|ghz|degrees?"
    r"|rpm|y/o|yo|calories|kwh|psi|mph|kph|mg|mgs|mcg|ml|mls|milligrams?|micrograms?|millilit(?:er|re)s?|tablets?|capsules?"
    r"|pills?|puffs?|doses?|teaspoons?|tablespoons?|pints?|tons?|tonnes?|basis points|bps|pixels|dpi|decibels|lumens"
    r"|units?|pieces?|pcs|items?|copies|boxes|bottles?|packs?|packets?|bags?|cups?|slices?|people"
    r"|persons?|guests?|adults?|children|kids|members|users|seats?|tickets?|tables?|rooms?|bedrooms?"
    r"|baths?|bathrooms?|beds?|stars?|points?|miles|steps|times?|layovers?|stops?|passengers?"
    r"|travell?ers?|employees|customers|players|nos|numbers of|pages?|words?|shares?|likes|followers"
    r"|votes|views|reviews|songs|movies|options?|results?|places|restaurants|houses|properties|hotels"
    r"|flights|buses|therapists|dentists|installments|emis|transactions"
    rf"|{_LOCAL_UNITS})"
)
QUANTITY: Final = re.compile(
    rf"(?:(?<![\w])\d[\d,. ]{{0,8}}{_GOES_ON}[ -]?{_UNITS}"
    r"|(?<!\d)(?<!\d )(?:1[0-2]|0?[1-9])(?:[ :.]?[0-5]\d)?[ -]?(?:am|pm|a\.m|p\.m|o'?clock))(?![^\W\d_])"
)
TIME: Final = re.compile(
    r"(?<![\w])(?:"
    r"[0-2]?\d[:.][0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\b\.?)?(?![\d]|\.\d)"
    r"|(?:1[0-2]|[1-9])(?:[0-5][0-9]) ?(?:[ap]\.?m\b|o'?clock|in the)"
    r"|(?:half|quarter|\d{1,2}) (?:past|to) \d{1,2}(?!\d)"
    r"|(?:[01]\d|2[0-3])[0-5]\d ?(?:hours|hrs)"
    r")",
)
BARE_TIME: Final = re.compile(
    r"(?<![\w])(?<!\d )(?:"
    r"(?:at|by|around|about|before|after|till|until|from|to|between|past) (?:[01]?\d|2[0-4]) [0-5]\d(?!\d| ?\d)"
    r"|(?:1[0-2]|[1-9]) [0-5][05](?!\d| ?\d)"
    r")",
)
BARE_YEAR: Final = re.compile(
    r"(?<![\w.,/-])(?<!\d )(?:20 (?:[012]\d)|19 [5-9]\d|20[012]\d|19[5-9]\d)(?![\w/,-]| ?\d|\.\d)"
)
PRICE: Final = re.compile(
    r"(?<![\w])(?<!\d )(?:"
    r"(?:was|is|it's|cost|costs|costing|paid|pay|charge[ds]?|charging|price[ds]?|only|just|about|around|said|than|for"
    r"|at)"
    r" \d{1,3} (?:99|95|90|89|79|75|50|49|25|80)(?!\d| ?\d)"
    r")",
)
PRICE_EACH: Final = re.compile(
    r"(?<![\w])(?<!\d )\d{1,3} (?:99|95|90|89|79|75|50|49|25|80)(?= (?:each|per"
    r"|a (?:month|year|week|piece|pop)|in the (?:shop|store|sale)"
    r"|plan|pack|recharge|online|plus|last|off|instead|on sale|altogether|in total"
    r"|for (?:2|two|3|three|both|one|each|the (?:lot|pair)))(?![^\W_]))"
)
"""A price by what stands after it: also where a number was just asked for."""
TIMETABLE: Final = re.compile(
    r"(?<![\w])(?<!\d )(?:[01]?\d|2[0-3]) [0-5]\d(?= (?:train|bus|ferry|flight|coach|service|departure|showing|slot"
    r"|kick ?off|was the time|is the time)(?![^\W_]))"
)
"""A time by what runs then: "the 6 40 train"."""
SIZE: Final = re.compile(
    r"(?<![\w])(?:(?:tyres?|tires?)(?: sizes?)?(?: (?:is|are))? [12]\d[05][ /]?\d[05][ /]?r? ?\d\d"
    r"|(?:sizes?|waist|inside leg) \d{1,2}(?: (?:by |and |or )?\d{1,2}){0,2})(?!\d| ?\d)"
)
FORM: Final = re.compile(
    r"(?<![\w])(?:(?:form|forms|schedule|file|filed|(?:a|the)(?! [ \d]+ (?:is|was|as) (?:my|your|our|his|her|the|a) ))"
    r" (?:10 40|1040|10 99|1099|p ?45|p ?60)"
    r"|(?:my|your|his|her|and) p ?(?:45|60)|p ?(?:45|60)(?= (?:and|or|form) )|section (?:80|139|143|194) ?[a-z]{0,3}"
    r"|64 ?-?8 form"
    r"|40 ?1 ?k|4 0 1 ?k|40 ?3 ?b|4 0 3 ?b|5 ?29 plan|50 ?1 ?\(?c\)? ?\(?\d\)?)(?!\w| ?\d)"
)
"""Tax forms, savings plans and charities ("501(c)(3)") that are called by the same number for everybody."""
RATING: Final = re.compile(r"(?<![\w])(?:ratings?|rated)(?: (?:is|are|was|of|at))? \d(?:[. ]?\d)?(?![\d]| ?\d)")
PUBLIC: Final = re.compile(
    r"(?<![\w])(?:(?:cve|c v e)[ -]?(?:\d{4}|20 ?\d\d)[ -]?\d{4,7}|cwe[ -]?\d{2,4}|rfc[ -]?\d{3,5}|kb-?\d{7}"
    r"|(?:iso|iec)(?:/iec)?[ -]?\d{3,5}(?:[:-](?:19|20)\d\d)?)(?!\w| ?\d)"
)
"""Numbers of weaknesses, standards and patches, which are the same for everybody."""
DATED_TIME: Final = re.compile(
    rf"(?<![\w])\d{{1,2}}(?:st|nd|rd|th)(?: of)?(?: {_MONTH})? (?:at|around|by|about|from) (?:1[0-2]"
    rf"|[1-9])(?: [0-5]\d)?(?!\d| ?\d)"
)
"""A time after the day of a month: "on the 9th at 10 15"."""
VERSION: Final = re.compile(
    r"(?<![\w])(?:(?:version|release|build|firmware|patch|ios|android|chrome|safari|firefox|office|update|v)(?: number"
    r"| no)?"
    r"(?: is| to)? v?\.? ?\d+(?: ?(?:\.|point) ?\d+){1,4}"
    r"|(?:build|firmware) (?:number )?\d{4,6}|windows \d{1,2}(?: \d\d ?h ?\d)?)(?![\w.]*\d)"
)
_DEVICES: Final = (
    r"(?:headphones?|earbuds|cameras?|laptops?|printers?|routers?|monitors?|speakers?|keyboards?|handset|smart ?phones?"
    r"|tablets?|drones?|tyres?|batter(?:y|ies)|processor|chip)"
)
MODEL: Final = re.compile(
    r"(?<![\w])(?:"
    r"model(?: number| no| name)?(?: is)? (?:[a-z]{1,3}[ -]?){0,2}\d{1,4}[a-z]{0,2}(?: [a-z]{1,2}(?: [a-z])? ?\d{1,4})?"
    rf"|(?:[a-z]{{1,4}}[ -]?)?\d{{1,4}}[a-z]{{0,2}}(?: [a-z]{{1,3}} ?\d{{0,2}})?(?= {_DEVICES}(?!\w))"
    r")(?!\w| ?\d)"
)
"""A product by its maker's letters and few digits: "the wh 1000 xm4 headphones"."""
CODE: Final = re.compile(
    r"(?<![\w])(?:(?:error|status|fault|exception|stop|http)(?: code| number| message)?(?: is| was"
    r"| of)? (?:0x[0-9a-f]{2,16}|[a-z]{0,3}[- ]?\d{1,6})"
    r"|(?:flight|train)(?: number| no)?(?: is)? (?:[a-z]\d|\d[a-z]|[a-z]{2}) ?\d{1,4}"
    r"|(?:flying|flew|boarding)(?: on| with)? (?:[a-z] ?\d|\d ?[a-z]|[a-z] ?[a-z]) ?\d{1,4})(?!\w| ?\d)"
)
READING: Final = re.compile(
    r"(?<![\w])(?:meter |odometer |gas |electric(?:ity)? )?readings?(?:'s| is| was| of|:)? \d[\d ]{0,8}(?!\d)"
)
SERVICE: Final = re.compile(
    r"(?<![\w])(?:(?:call|called|calling|dial|dialled|dialed|ring|rang|phone|phoned)(?: up)? (?:911|999|112|100|101"
    r"|102|108|411|311|111)"
    r"|24[ /]7|7 11|catch 22|9 to 5|50 50|20 20|9 11)(?!\d| ?\d)"
)
"""Emergency and service numbers that are the same for everybody, and numbers that are words."""
PRODUCT: Final = re.compile(
    r"(?<![\w])(?<!code for the )(?<!code to the )(?<!code of the )(?<!code at the )(?:flight|error|error code"
    r"|status code|model|version|room|chapter|page|series|galaxy|windows|office|iphone|xbox|nokia|iso|vitamin|"
    r"channel|gate|platform|terminal|exit|highway|interstate|route|level|episode|season|volume|size|ps|playstation|"
    r"class|grade|section|article|form|build|core i|rtx|gtx|top|blink|formula|area|route)"
    r"(?:(?: (?:number|no))? (?:(?!(?:is|was|of|to|for|on|at|my|and|the) )[a-z]{1,3} ?)?\d{1,4}"
    r"| is (?:[a-z]{1,3} ?)?\d{1,3})[a-z]?(?![\d]| ?\d)"
    r"|(?<![\w])nokia (?:\d{2} \d{2}|\d (?:\d \d|\d{2,3}))(?![\w]| ?\d)",
)


class Plain(NamedTuple):
    """A stretch that may stay. ``sure`` says that its own words prove it (a unit, a currency, "pm", a month)."""

    start: CharIndex
    end: CharIndex
    kind: str
    """``date``, ``amount``, ``time``, ``quantity``, ``product`` or ``form`` (a law's or a tax form's number)."""
    sure: bool


_PRICED: Final = (" 99", " 95", " 90", " 89", " 79", " 75", " 50", " 49", " 25", " 80")
_KINDS: Final = (
    ("date", DATE, True, ()),
    ("amount", AMOUNT, True, ()),
    ("amount", GROUPED, False, (",",)),
    ("amount", DECIMAL, True, (".",)),
    ("time", TIME, True, ()),
    ("time", BARE_TIME, False, ()),
    ("quantity", QUANTITY, True, ()),
    ("product", PRODUCT, True, ()),
    ("amount", PRICE, False, _PRICED),
    ("amount", PRICE_EACH, True, _PRICED),
    ("date", BARE_YEAR, False, ("19", "20")),
)
"""Kind, pattern, whether it is sure, and what a text must hold one of for the pattern to match at all."""


_DEVICE_HINTS: Final = (
    "model", "phone", "buds", "camera", "laptop", "printer", "router", "monitor", "speaker", "keyboard", "handset",
    "tablet", "drone", "tyre", "batter", "processor", "chip",
)  # fmt: skip
_RARE: Final = (
    ("product", VERSION, (
        "version", "release", "build", "firmware", "patch", "ios", "android", "chrome", "safari", "firefox", "office",
        "update", "windows",
    )),
    ("product", CODE, (
        "error", "status", "fault", "exception", "stop", "http", "flight", "train", "flying", "flew", "boarding",
    )),
    ("product", MODEL, _DEVICE_HINTS),
    ("quantity", READING, ("reading",)),
    ("product", SERVICE, (
        "call", "dial", "ring", "rang", "phone", "24", "7 11", "22", "9 to", "50 50", "20 20", "9 11",
    )),
    ("time", DATED_TIME, (
        "1st", "2nd", "3rd", "1th", "2th", "3th", "4th", "5th", "6th", "7th", "8th", "9th", "0th",
    )),
    ("time", TIMETABLE, (
        "train", " bus", "ferry", "flight", "coach", " service", "departure", "showing", " slot", "kick", "the time",
    )),
    ("quantity", SIZE, ("size", "waist", "inside leg", "tyre", "tire")),
    ("form", FORM, (
        "10 40", "1040", "10 99", "1099", "1 k", "1k", "3 b", "3b", "29 plan", "p45", "p60", "p 45", "p 60", "1 c",
        "1c", "1(c", "section", "64", "form ",
    )),
    ("quantity", RATING, ("rating", "rated")),
    ("product", PUBLIC, ("cve", "cwe", "c v e", "rfc", "iso", "iec", "kb")),
)  # fmt: skip
"""Kind, pattern, and what a text must hold one of for the pattern to be tried."""


def plain_stretches(text: str) -> list[Plain]:
    """Every plain stretch of lower-case written ``text``, in order of start; they may overlap."""
    found = [
        Plain(*m.span(), kind, sure)
        for kind, pattern, sure, needs in _KINDS
        if not needs or any(map(text.__contains__, needs))
        for m in pattern.finditer(text)
    ]
    for kind, pattern, hints in _RARE:
        if any(map(text.__contains__, hints)):
            found.extend(Plain(*m.span(), kind, True) for m in pattern.finditer(text))
    if _FILLS.search(text) and _FILLER.search(text):
        fluent, places = _without_fillers(text)
        found.extend(Plain(places[m.start()], places[m.end() - 1] + 1, "date", True) for m in DATE.finditer(fluent))
    found.sort()
    return found


_FILLS: Final = re.compile(r"(?:um+|uhm|uh+|erm?|hmm|ah|eh),? ")
"""Quick to miss: without it there is no ``_FILLER``."""
_FILLER: Final = re.compile(r"(?:,? ?(?<![^\W_])(?:um|uh|er|erm|umm|uhm|uhh|hmm|ah|eh)(?![^\W_]),?)+(?= )")


def _without_fillers(text: str) -> tuple[str, list[CharIndex]]:
    """``text`` as a fluent speaker would have said it, and the place of each of its characters in ``text``."""
    kept: list[CharIndex] = []
    done = 0
    for match in _FILLER.finditer(text):
        kept.extend(range(done, match.start()))
        done = match.end()
    kept.extend(range(done, len(text)))
    return "".join(text[at] for at in kept), kept


SURE: Final = 1
"""Bit of a stretch whose own words prove what it is."""
UNSURE: Final = 2
"""Bit of one that only looks so."""
UNSURE_DATE: Final = 4
"""Bit of a bare year."""


def plain_mask(length: int, stretches: list[Plain]) -> bytearray:
    """One byte a character of the written text: ``SURE``, ``UNSURE``, ``UNSURE_DATE`` where a stretch covers it."""
    mask = bytearray(length)
    for stretch in stretches:
        bit = SURE if stretch.sure else UNSURE_DATE if stretch.kind == "date" else UNSURE
        length = stretch.end - stretch.start
        if mask.count(0, stretch.start, stretch.end) == length:
            mask[stretch.start : stretch.end] = bytes((bit,)) * length
            continue
        for at in range(stretch.start, stretch.end):
            mask[at] |= bit
    return mask
