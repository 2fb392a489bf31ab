"""Where rules and the model are weighed against each other before anything is resolved.

Names are grown over the words beside them that nobody uses otherwise; guesses of the model that are everyday words,
titles or place names alone are taken back or called what they are. Nothing that a rule found is dropped here.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.judge.addresses import NAMED_STREETS, NUMBERS, PLACES, STREETS
from deid_stream.detect.judge.things import Thing, is_thing_here, things, without
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.cues import nearest
from deid_stream.detect.rules.digits import MIN_DIGITS, NUMBERED
from deid_stream.detect.rules.runs import only_dictation
from deid_stream.detect.vocabulary import (
    COMMON,
    DICTIONARY,
    FIELDS,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    NAMES_ALSO_WORDS,
    NAMES_AMBIGUOUS,
    SURNAMES_ALSO_WORDS,
    WEEKDAYS,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import PLAIN, WORD
from deid_stream.units import CharIndex, Interval

_TITLES: Final = frozenset(
    "mr mrs ms miss mx prof professor sir madam maam missus mister shri smt sri dear hi hello hey".split()
)
_VALUED: Final = frozenset(
    {T.PHONE_NUMBER, T.CREDIT_CARD, T.CARD_CVV, T.CARD_EXPIRY, T.ID_NUMBER, T.EMAIL_ADDRESS, T.BANK_ACCOUNT}
)
_NUMERIC: Final = NUMBERED - {T.ADDRESS, T.PASSWORD, T.USERNAME, T.DATE_OF_BIRTH, T.UPI_ID}
_CERTAIN: Final = 0.9
"""Model score from which even everyday words, months and days are believed to be names ("ask may in billing")."""
_TRUSTED: Final = frozenset({Origin.QUESTION, Origin.TURN, Origin.KNOWN, Origin.CUSTOMER, Origin.PLACEHOLDER})
_VERBS: Final = frozenset("is was has for at on in and speaking calling here".split())
_NAMED_THING: Final = re.compile(
    r"(?:restaurant|restaurants|place|hotel|salon|bar|pub|cafe|shop|store|company|firm|movie|film|song|album|book|band|app"
    r"|event|show|game|product|model|brand|venue|bank|airline)s? (?:called|named|name is|by the name of) (?:the )?$"
)
_MONEY: Final = re.compile(r"\b(?:send|transfer|pay|request|share|dollars|bucks|rupees|pounds)|[$£€₹]")
_IN: Final = re.compile(r"\b(?:in|near|around|at|of)\s$")
_THINGS: Final = frozenset(
    "club school hospital hotel airport station mall church museum theater theatre university college apartments"
    " restaurant cafe bar pizza grill clinic stadium arena".split()
)
"""Last words of what is no person."""
_AT: Final = re.compile(r"\b(?:at|to|on|is|near|live|from|and)\s$")
_FIRM: Final = frozenset(
    "inc ltd llc llp corp corporation company co group bank technologies technology services solutions systems hospital"
    " university college school insurance airlines motors foods pharma labs industries enterprises partners associates"
    " holdings media studio studios restaurant hotel cafe bar grill".split()
)
_LINE: Final = re.compile(r"[^\n]+")
_FUNCTION: Final = frozenset(
    "the a same as an of on in at to for from by with and or is was it its it's i i'm im he she him her his"
    " my your our their this"
    " that here here's there there's as but if so who has have had be been are were would could should please"
    " thanks thank you me us we they them then when where what which how not no yes".split()
)
_BEFORE_DATE: Final = frozenset("the of on in at is it it's its was my born and yes yeah".split())
_CUE_REACH: Final = 40
_FEW_WORDS: Final = 8
"""Words of a turn that may be an address and nothing else."""
_CODE_DIGITS: Final = (5, 6)
"""Digits of a postal code in the United States and in India."""
_SHORT: Final = 30
_MAX_GROWTH: Final = 3
_KIN: Final = frozenset("aunt auntie aunty uncle doctor dr".split())


def refine(view: View, detections: list[Detection]) -> list[Detection]:
    """The detections of one turn, model guesses checked, names grown."""
    text = view.written.source
    cased = not text.islower() and not text.isupper()
    refined: list[Detection] = []
    plain = [Interval(*view.written.to_source(p.start, p.end)) for p in view.plain if p.sure and p.kind != "date"]
    known = things(text) if any(d.entity_type is T.PERSON or d.origin is Origin.MODEL for d in detections) else []
    places = [d for d in detections if d.origin is Origin.MODEL and d.entity_type is T.LOCATION]
    for detection in detections:
        if detection.origin is not Origin.MODEL:
            if detection.origin is Origin.GAZETTEER and _is_city(text, detection, places):
                continue
            if known and _may_be_thing(view, detection):
                refined.extend(_parted(text, detection, known))
                continue
            refined.extend(_of_rule(view, text, detection))
            continue
        for piece in _tidied(text, detection, cased=cased):
            if view.written.between(piece.start, piece.end).strip().lower() in FIELDS:
                continue
            parts = _parted(text, piece, known) if known and _may_be_thing(view, piece) else (piece,)
            for part in parts:
                if part.entity_type is piece.entity_type:
                    refined.extend(_of_model(view, text, part, plain))
                else:
                    refined.append(part)
    return refined


def _may_be_thing(view: View, detection: Detection) -> bool:
    """A guess at a person that no cue, question or earlier turn stands behind."""
    if detection.entity_type is not T.PERSON or T.PERSON in view.expected:
        return False
    return detection.origin in (Origin.MODEL, Origin.GAZETTEER) or detection.detector == "names/weak"


def _parted(text: str, detection: Detection, known: list[Thing]) -> Iterator[Detection]:
    """The guess without the known things in it, and those as what they are."""
    replace = msgspec.structs.replace
    for start, end in without(detection.start, detection.end, known):
        if any(map(str.isalnum, text[start:end])) and not _only_common(text[start:end]):
            yield replace(detection, start=start, end=end)
    for thing in known:
        if thing.kind is not None and thing.start < detection.end and detection.start < thing.end:
            yield replace(detection, start=thing.start, end=thing.end, entity_type=thing.kind)


def _only_common(value: str) -> bool:
    return all(m.group() in COMMON for m in WORD.finditer(value.lower()))


def _of_rule(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    if detection.origin is Origin.PLACEHOLDER:
        yield detection
    elif detection.entity_type is T.PERSON and detection.origin not in _TRUSTED:
        yield from _person(view, text, detection)
    elif detection.entity_type is T.DATE_OF_BIRTH:
        yield from _date(text, detection)
    else:
        yield detection


def _of_model(view: View, text: str, detection: Detection, plain: list[Interval]) -> Iterator[Detection]:
    kind = detection.entity_type
    if view.foreign and not _foreign_evidence(view, text, detection):
        return
    if kind is T.PERSON or _hides_person(text, detection):
        yield from _person(view, text, msgspec.structs.replace(detection, entity_type=T.PERSON))
    elif kind is T.DATE_OF_BIRTH:
        yield from _date(text, detection)
    elif kind in (T.ADDRESS, T.LOCATION):
        yield from _place(view, text, detection)
    elif kind in _NUMERIC and not _number_evidence(view, text, detection):
        return
    elif kind in _VALUED:
        yield from _value(view, text, detection, plain)
    else:
        yield detection


def _tidied(text: str, detection: Detection, *, cased: bool) -> Iterator[Detection]:
    """A guess of the model line by line (an address stays whole), without function words and field"
    " names at its edges."""
    kind = detection.entity_type
    lines = [(detection.start, detection.end)]
    if kind is not T.ADDRESS and "\n" in text[detection.start : detection.end]:
        lines = [
            (detection.start + m.start(), detection.start + m.end())
            for m in _LINE.finditer(text[detection.start : detection.end])
        ]
    if kind is T.PERSON:
        lines = [part for line in lines for part in _between_function_words(text, *line)]
    for start, end in lines:
        words = [(m.start(), m.end(), m.group()) for m in WORD.finditer(text, start, end)]
        first, last = 0, len(words)
        while first < last and _loose(words, first, first + 1, kind, cased=cased):
            first += 1
        while last > first and _loose(words, last - 1, last - 2, kind, cased=cased):
            last -= 1
        if first < last:
            left = start if first == 0 else words[first][0]
            right = end if last == len(words) else words[last - 1][1]
            yield msgspec.structs.replace(detection, start=left, end=right)


def _between_function_words(text: str, start: CharIndex, end: CharIndex) -> Iterator[tuple[CharIndex, CharIndex]]:
    """A guess that runs over a function word is two ("ryan costa as guardian")."""
    left = start
    for match in WORD.finditer(text, start, end):
        if len(match.group()) > 1 and match.group().lower() in _FUNCTION:
            if match.start() > left:
                yield left, match.start()
            left = match.end()
    if left < end:
        yield left, end


def _loose(words: list[tuple[int, int, str]], at: int, neighbour: int, kind: T, *, cased: bool) -> bool:
    """An edge word that is no part of any value: a function word, a field's name; in cased text a small common word."""
    word = words[at][2]
    low = word.lower()
    if low in FIELDS or low.removesuffix("'s").removesuffix("’s") in FIELDS:
        return True
    if low in _FUNCTION or low in FUNCTION_HI:
        beside = words[neighbour][2] if 0 <= neighbour < len(words) else ""
        return len(low) > 1 or (neighbour > at and len(beside) > 1)
    if kind is T.PERSON and len(words) > 1:
        return (cased and word.islower() and low in COMMON) or (word.islower() and low in DICTIONARY)
    return kind in _VALUED and kind is not T.EMAIL_ADDRESS and len(low) > 1 and low in COMMON and low not in NUMBERS


_SIGN: Final = re.compile(r"@|\.|\b(?:at|dot|arroba|punto|rate)\b")


def _foreign_evidence(view: View, text: str, detection: Detection) -> bool:
    """The model knows English: in a turn of other words its guess needs more than words that are strange to it."""
    value = text[detection.start : detection.end]
    lows = [m.group().lower() for m in WORD.finditer(value)]
    kind = detection.entity_type
    if kind is T.EMAIL_ADDRESS:
        return _SIGN.search(value) is not None
    if kind in (T.ADDRESS, T.LOCATION):
        return kind in view.expected or not STREETS.isdisjoint(lows) or not PLACES.isdisjoint(lows)
    if kind is T.PERSON or kind is T.ORGANIZATION:
        if kind in view.expected:
            return not all(w in view.everyday for w in lows)
        capital = not text.isupper() and any(m.start() > 0 and m.group()[0].isupper() for m in WORD.finditer(value))
        return capital or any(w in GIVEN_NAMES and w not in FUNCTION_HI for w in lows)
    return any(map(str.isdecimal, view.written.between(detection.start, detection.end))) or kind in view.expected


def _number_evidence(view: View, text: str, detection: Detection) -> bool:
    """A few digits that only the model takes for a number need a question, a cue, or letters among them."""
    if view.expected or view.open_run is not None or (only_dictation(view.text) and not view.quantity_asked):
        return True
    written = view.written.between(detection.start, detection.end)
    digits = sum(map(str.isdecimal, written))
    if digits >= MIN_DIGITS:
        return not view.quantity_asked
    if nearest(text[max(0, detection.start - _CUE_REACH) : detection.start].lower()) in NUMBERED:
        return True
    return digits >= 2 and any(
        w.isalpha() and w not in COMMON and w not in DICTIONARY for w in PLAIN.findall(written.lower())
    )


def _value(view: View, text: str, detection: Detection, plain: list[Interval]) -> Iterator[Detection]:
    """A number or code that the model saw; not everyday words, nor what is plainly something else."""
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if all((w in COMMON or w in DICTIONARY) and w not in NUMBERS and len(w) > 1 for w in lows):
        return
    if not view.expected and any(p.start <= detection.start and detection.end <= p.end for p in plain):
        return
    yield detection


def _whole(text: str, detection: Detection) -> bool:
    """The detection is all of the turn."""
    rest = text[: detection.start] + text[detection.end :]
    return not any(map(str.isalnum, rest))


def _hides_person(text: str, detection: Detection) -> bool:
    """A "place" or "organisation" of the model that is a given name, is all of the turn, or gets money sent."""
    if detection.entity_type not in (T.LOCATION, T.ORGANIZATION):
        return False
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if not lows or PLACES.intersection(lows) or all(w in COMMON for w in lows):
        return False
    if detection.entity_type is T.LOCATION:
        if len(text) <= _SHORT and len(lows) <= 3 and _whole(text, detection):
            return True
        if _MONEY.search(text.lower()):
            return True
        if _IN.search(text[max(0, detection.start - 12) : detection.start].lower()):
            return False
    elif _FIRM.intersection(lows):
        return False
    return any(w in GIVEN_NAMES for w in lows)


def _is_city(text: str, detection: Detection, places: list[Detection]) -> bool:
    """A given name that the model takes for a place, where a place would stand ("in charlotte")."""
    return any(p.start <= detection.start < p.end for p in places) and (
        _IN.search(text[max(0, detection.start - 12) : detection.start].lower()) is not None
    )


def _date(text: str, detection: Detection) -> Iterator[Detection]:
    """Without the words before a date ("the 3rd of march"); a date has a number or a month."""
    start = detection.start
    words = list(WORD.finditer(text, detection.start, detection.end))
    if not any(_is_number(w.group().lower()) or w.group().lower() in MONTHS for w in words):
        return
    for match in words:
        if match.group().lower() not in _BEFORE_DATE:
            break
        start = match.end()
    yield msgspec.structs.replace(detection, start=start)


def _is_number(low: str) -> bool:
    return low in NUMBERS or any(map(str.isdecimal, low))


def _person(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    words = list(WORD.finditer(text, detection.start, detection.end))
    while words and words[0].group().lower() in _TITLES:
        words.pop(0)
    while words and _loose_end(text, words):
        words.pop()
    if not words:
        return
    lows = [w.group().lower() for w in words]
    if detection.origin is Origin.MODEL:
        if not _may_be_name(view, lows, detection.score):
            return
        here = (
            is_thing_here(text.lower(), words[0].start(), words[-1].end()) if T.PERSON not in view.expected else False
        )
        if here:
            if isinstance(here, T):
                yield msgspec.structs.replace(detection, entity_type=here)
            return
    start = words[0].start() if words[0].start() > detection.start else detection.start
    end = words[-1].end()
    start, end = _grown(text, start, end, view.everyday)
    thing = lows[-1] in _THINGS or _NAMED_THING.search(text[max(0, start - _CUE_REACH) : start].lower())
    kind = T.ORGANIZATION if thing else T.PERSON
    yield Detection(start, end, kind, detection.score, detection.detector, detection.origin)


def _loose_end(text: str, words: list[re.Match[str]]) -> bool:
    """A field's name or a loose letter, unless it is the last letter of a spelled name."""
    if len(words) > 1 and len(words[-1].group()) == 1 and len(words[-2].group()) == 1:
        return False
    return words[-1].group().lower() in FIELDS or (len(words) > 1 and _loose_letter(text, words[-1]))


def _loose_letter(text: str, word: re.Match[str]) -> bool:
    """A last letter that is no initial: the possessive "s", the article "a" before another word."""
    low = word.group().lower()
    if word.group().isupper() and not text.isupper():
        return False
    following = WORD.search(text, word.end())
    return low == "s" or (
        low == "a" and following is not None and following.group().lower() not in _VERBS and text[word.end()] != "."
    )


def _may_be_name(view: View, lows: list[str], score: float) -> bool:
    """Not a single letter, and not only everyday words, months or days."""
    if T.PERSON in view.expected:
        return True
    if sum(map(len, lows)) < 2:
        return False
    if score >= _CERTAIN:
        return True
    if all(w in MONTHS or w in WEEKDAYS for w in lows):
        return False
    if any(w in GIVEN_NAMES or w in NAMES_ALSO_WORDS for w in lows):
        return True
    return any(w not in COMMON and w not in DICTIONARY for w in lows)


def _grown(text: str, start: CharIndex, end: CharIndex, everyday: frozenset[str]) -> tuple[CharIndex, CharIndex]:
    """Over neighbouring words that can only be more of the name."""
    for _ in range(_MAX_GROWTH):
        match = WORD.match(text, end + 1) if text[end : end + 1] == " " else None
        if match is None or not (
            _is_strange(match.group(), everyday, right=True) or _is_surname(text[start:end], match.group())
        ):
            break
        end = match.end()
    for _ in range(_MAX_GROWTH):
        at = start - 1
        if at <= 0 or text[at] != " ":
            break
        begin = at
        while begin > 0 and at - begin < 40 and (text[begin - 1].isalnum() or text[begin - 1] in "'’-"):
            begin -= 1
        if begin == at or not _is_strange(text[begin:at], everyday, right=False):
            break
        start = begin
    return start, end


def _is_surname(name: str, word: str) -> bool:
    """An everyday word that is a surname, after a lone given name ("robert miller")."""
    given = name.lower()
    return word.lower() in SURNAMES_ALSO_WORDS and given in GIVEN_NAMES and given not in NAMES_AMBIGUOUS


def _is_strange(word: str, everyday: frozenset[str], *, right: bool) -> bool:
    low = word.lower()
    if not low.replace("'", "").replace("’", "").replace("-", "").isalpha():
        return False
    if low in GIVEN_NAMES:
        return True
    if low in _KIN and not right:
        return True
    return (
        len(low) > 2
        and low not in everyday
        and low not in DICTIONARY
        and low not in FIELDS
        and low not in _TITLES
        and low not in NUMBERS
    )


def _place(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    """An address of the model needs a number or a street word, a question, or the word "address" before it."""
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    numbers = sum(map(_is_number, lows))
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
