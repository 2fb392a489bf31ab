"""Guesses at persons: checked against everyday words and known things, grown over words that nobody uses otherwise."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from deid_stream.detect.judge.addresses import NUMBERS, PLACES
from deid_stream.detect.judge.asking import NUMBERS_HI, asks_letters, says_how_many
from deid_stream.detect.judge.growing import SIGN_WORDS
from deid_stream.detect.judge.things import Thing, is_thing_here, without
from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import (
    CLOSED,
    COMMON,
    DICTIONARY,
    FIELDS,
    FOREIGN_WORDS,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    NAMES_ALSO_WORDS,
    NAMES_AMBIGUOUS,
    NAMES_INDIA,
    RARE,
    SURNAMES_ALSO_WORDS,
    WEEKDAYS,
    WORD_NAMES,
    everyday,
    word_set,
    words,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import POSSESSIVES, WORD
from deid_stream.units import CharIndex

_CUE_REACH: Final = 40
"""Characters before a guess in which words may tell that it is none ("want to", "restaurant called")."""
_TITLES: Final = word_set("judge.titles")
_CERTAIN: Final = 0.9
"""From this model score on even everyday words, months and days are believed to be names ("ask may in billing"). A
larger value misses more of such names; a smaller one redacts more everyday words."""
_ALL_BUT_SURE: Final = 0.95
"""``_CERTAIN`` for a single word that is on no list of names ("song")."""
_ADDRESSED: Final = word_set("judge.no_certain")
"""What people call anybody, which is nobody's name however certain the model is: "listen pal"."""
_VERBS: Final = word_set("judge.verbs")
_NAMED_THING: Final = re.compile(
    r"(?:restaurant|restaurants|place|hotel|salon|bar|pub|cafe|shop|store|company|firm|movie|film|song|album|book|band|app"
    r"|event|show|game|product|model|brand|venue|bank|airline)s? (?:called|named|name is|by the name of) (?:the )?$"
)
_MONEY: Final = re.compile(r"\b(?:send|transfer|pay|request|share|dollars|bucks|rupees|pounds)|[$£€₹]")
_TO_WHOM: Final = re.compile(r"(?<![^\W_])(?:copy in|cc|loop in|invite|e-?mail|text|message|tell|ask|ping|thank)\s\Z")
_CITIES: Final = words("en/cities")
_IN: Final = re.compile(r"\b(?:in|near|around|at|of)\s$")
_THINGS: Final = word_set("judge.things")
"""Last words of what is no person."""
_BESIDE: Final = re.compile(r",? ?(?:and|or|to|then|via)? ", re.IGNORECASE)
_FIRM: Final = word_set("judge.firm")
_PARTICLES: Final = frozenset("de del der di du la van von".split())
"""Small words inside names, which end none."""
_PREFIXED: Final = re.compile(r"(?:co|re|un|pre|mis|over|out)([a-z]{5,})")
"""An everyday word with a prefix is no name beside a name: "agnieszka cosigned"."""
_NUMBERED: Final = re.compile(r"[^\W\d_]+-?\d{1,3}|\d{1,3}")
"""No person ("y/o"), and no band's or product's name ("blink-182")."""
_WANTS_TO: Final = re.compile(
    r"(?<![^\W_])(?:want|wants|wanted|wanting|need|needs|needed|like|love|going|gonna|have|has|had|trying|try|tried|able|hope"
    r"|hoping|wish|plan|planning|prefer|forgot|remember|ready|happy|how|when|where|what|whether) to \Z|['’]ll \Z"
)
"""Before a verb, whatever the model takes it for: "i'd like to frank this", "you want to shate", "we'll timebox it"."""
_IMPERATIVES: Final = word_set("judge.imperatives")
"""Names that are verbs, too."""
_OBJECTS: Final = word_set("judge.objects")
_FUNCTION_HI: Final = FUNCTION_HI | {"jo"}
"""In a Hindi turn "jo" is who, not Jo."""
_NUMBERED_THINGS: Final = frozenset("bed bus coach counter gate line page platform room seat token train ward".split())
"""Things whose number is nobody's; that of a pupil is ("roll number saintees")."""
_NUMBERING: Final = frozenset("nambar no number".split())
_NAME_OF: Final = frozenset({"naam", "name"})
"""Right after these stands a name."""
_SPEAKS: Final = frozenset({"bol", "speaking"})
"""Right before these stands who is on the line."""
_EVERYDAY_HI: Final = everyday("hi")
_ONLY_HI: Final = FUNCTION_HI | (_EVERYDAY_HI - COMMON - DICTIONARY - GIVEN_NAMES - NUMBERS_HI)
"""Words that are Hindi and not English."""
_AS_PHRASE: Final = frozenset("well usual always before long".split())
"""After "as" these tell nothing of a verb: "mark as well"."""
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:;]\s+|\b(?:please|to|and|then|just|i'll|we'll)\s)[\W_]*\Z")
_CONTRACTED: Final = re.compile(r"['’](?:s|re|ve|ll|d|m|t)\Z|\Aex-")
"""Signs of words that no name grows over: "my name's ivy", "here's matej", "ex-beatle ringo"."""
_SHORT: Final = 30
"""A turn of at most this many characters that is all one guess at a place is a person. A larger value redacts more
places that are an answer of their own."""
_FIELD_BESIDE: Final = re.compile(r"(?<![^\W_])(?:names?|surname|initials?) \Z")
_MAX_GROWTH: Final = 3
"""A name grows over at most this many words on either side. A larger value redacts more strange words beside names."""
_KIN: Final = word_set("judge.kin")
_RELATIVES: Final = word_set("judge.relatives")
"""What people call their own ("my nan"): nobody's name, however certain the model is."""


def may_be_thing(view: View, detection: Detection) -> bool:
    """A guess at a person that no cue, question or earlier turn stands behind."""
    if detection.entity_type is not T.PERSON or T.PERSON in view.expected:
        return False
    return detection.origin in (Origin.MODEL, Origin.GAZETTEER) or detection.detector in ("names/weak", "names/capital")


def parted(text: str, detection: Detection, known: list[Thing]) -> Iterator[Detection]:
    """The guess without the known things in it, and those as what they are."""
    replace = msgspec.structs.replace
    for start, end in without(detection.start, detection.end, known):
        goods = any(thing.kind is None and thing.end == start for thing in known) and _is_goods(text[start:end])
        if any(map(str.isalnum, text[start:end])) and not goods and not _only_common(text[start:end]):
            yield replace(detection, start=start, end=end)
    for thing in known:
        if thing.kind is not None and thing.start < detection.end and detection.start < thing.end:
            yield replace(detection, start=thing.start, end=thing.end, entity_type=thing.kind)


def _is_goods(value: str) -> bool:
    """A word in the plural right after a product, on no list of names: "ansible playbooks"."""
    word = value.strip()
    return (
        word.isalpha() and word.islower() and word.endswith("s") and word not in GIVEN_NAMES and word not in NAMES_INDIA
    )


def _only_common(value: str) -> bool:
    return all(m.group() in COMMON for m in WORD.finditer(value.lower()))


def _whole(text: str, detection: Detection) -> bool:
    """The detection is all of the turn."""
    rest = text[: detection.start] + text[detection.end :]
    return not any(map(str.isalnum, rest))


def hides_person(text: str, detection: Detection, places: Sequence[Detection] = ()) -> bool:
    """A "place" or "organisation" of the model that is a given name, is all of the turn, or gets money sent.

    ``places``: all that the model takes for a place in the turn; what one of them is named beside is one too.
    """
    if detection.entity_type not in (T.LOCATION, T.ORGANIZATION):
        return False
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if not lows or PLACES.intersection(lows) or all(w in COMMON for w in lows):
        return False
    if detection.entity_type is T.LOCATION:
        to_whom = _TO_WHOM.search(text[max(0, detection.start - 12) : detection.start].lower())
        if to_whom and not _CITIES.issuperset(lows):
            return True
        if any(_BESIDE.fullmatch(text, p.end, detection.start) for p in places if p.end < detection.start):
            return False
        if len(text) <= _SHORT and len(lows) <= 3 and _whole(text, detection):
            return True
        if _MONEY.search(text.lower()):
            return True
        if _IN.search(text[max(0, detection.start - 12) : detection.start].lower()):
            return False
    elif _FIRM.intersection(lows):
        return False
    return any(w in GIVEN_NAMES for w in lows)


def is_firm(text: str, detection: Detection) -> bool:
    """A company of the model that is called one: "smith and davis orchestra"."""
    if detection.entity_type is not T.ORGANIZATION:
        return False
    last = text[detection.start : detection.end].lower().rpartition(" ")[2]
    return last in _FIRM


def is_city(text: str, detection: Detection, places: list[Detection]) -> bool:
    """A given name that the model takes for a place, where a place would stand ("in charlotte")."""
    return any(p.start <= detection.start < p.end for p in places) and (
        _IN.search(text[max(0, detection.start - 12) : detection.start].lower()) is not None
    )


def person(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    """The guess without titles and loose ends, grown; nothing where its words are everyday words or a thing."""
    words = list(WORD.finditer(text, detection.start, detection.end))
    while words and words[0].group().lower() in _TITLES:
        words.pop(0)
    if view.language != "en":
        words = _without_foreign_ends(words)
    while words and (_loose_end(text, words) or (len(words) > 1 and words[-1].group().lower() in _PARTICLES)):
        words.pop()
    if not words:
        return
    lows = [w.group().lower() for w in words]
    wanted = text[max(0, detection.start - _CUE_REACH) : words[0].start()].lower()
    guessed = detection.origin in (Origin.MODEL, Origin.GAZETTEER) or detection.detector == "names/weak"
    if guessed and (asks_letters(view) or says_how_many(view, lows)):
        return
    if len(lows) == 1 and lows[0] in SIGN_WORDS and _FIELD_BESIDE.search(wanted):
        return  # "first name dot last name"
    if detection.origin is Origin.MODEL and not _may_be_name(view, lows, detection.score):
        return
    value = text[words[0].start() : words[-1].end()]
    if (all(len(w) == 1 for w in lows) and "/" in value) or _NUMBERED.fullmatch(value):
        return
    if len(lows) == 1 and not value[0].isupper() and _WANTS_TO.search(wanted) and T.PERSON not in view.expected:
        return
    if may_be_thing(view, detection) and len(lows) == 1 and _is_order(text, words[0]):
        return
    start = words[0].start() if words[0].start() > detection.start else detection.start
    end = _without_possessive(text, words[-1].end())
    cued = detection.detector.startswith("names/") and start == detection.start
    grown = _grown(text, start, end, view.everyday, left=not cued)
    if detection.origin in (Origin.MODEL, Origin.GAZETTEER) and T.PERSON not in view.expected:
        low = text.lower()
        here = is_thing_here(low, words[0].start(), end) or is_thing_here(low, *grown)
        if here:
            if isinstance(here, T):
                yield msgspec.structs.replace(detection, entity_type=here)
            return
    start, end = grown
    thing = lows[-1] in _THINGS or _NAMED_THING.search(text[max(0, start - _CUE_REACH) : start].lower())
    kind = T.ORGANIZATION if thing else T.PERSON
    yield Detection(start, end, kind, detection.score, detection.detector, detection.origin)


def _is_order(text: str, word: re.Match[str]) -> bool:
    """A verb that is a name, too, where a sentence begins and with what it acts on: "Mark as resolved"."""
    if word.group().lower() not in _IMPERATIVES or _SENTENCE_START.search(text[: word.start()].lower()) is None:
        return False
    following = [m.group().lower() for m in islice(WORD.finditer(text, word.end()), 2)]
    if not following or following[0] not in _OBJECTS or text[word.end() : word.end() + 1] != " ":
        return False
    return following[0] != "as" or (len(following) > 1 and following[1] not in _AS_PHRASE)


def _without_foreign_ends(words: list[re.Match[str]]) -> list[re.Match[str]]:
    """ "soy carlos ruiz de la oficina": the sentence's own words at the edges of a name go; small words inside stay."""
    first, last = 0, len(words)
    while last - first > 1 and words[last - 1].group().lower() in FOREIGN_WORDS:
        last -= 1
    while last - first > 1 and words[first].group().lower() in FOREIGN_WORDS:
        first += 1
    return words[first:last]


def _loose_end(text: str, words: list[re.Match[str]]) -> bool:
    """A field's name or a loose letter, unless it is the last letter of a spelled name."""
    if len(words) > 1 and len(words[-1].group()) == 1 and len(words[-2].group()) == 1:
        return _before_noun(text, words)
    return words[-1].group().lower() in FIELDS or (len(words) > 1 and _loose_letter(text, words[-1]))


def _before_noun(text: str, words: list[re.Match[str]]) -> bool:
    """An article after a name with an initial: "beck jennifer p a psychiatrist"."""
    if words[-1].group() != "a" or len(words) < 3 or len(words[-3].group()) == 1:
        return False
    following = WORD.match(text, words[-1].end() + 1)
    low = following.group().lower() if following is not None else ""
    return len(low) > 3 and (low in COMMON or low in DICTIONARY) and low not in _VERBS and low not in CLOSED


def _loose_letter(text: str, word: re.Match[str]) -> bool:
    """A last letter that is no initial: the possessive "s", the article "a" before another word."""
    low = word.group().lower()
    if word.group().isupper() and not text.isupper():
        return False
    following = WORD.search(text, word.end())
    return (low == "s" and following is not None) or (
        low == "a" and following is not None and following.group().lower() not in _VERBS and text[word.end()] != "."
    )


def _may_be_name(view: View, lows: list[str], score: float) -> bool:
    """Not a single letter, and not only everyday words, months or days."""
    if T.PERSON in view.expected:
        return True
    if sum(map(len, lows)) < 2 or _RELATIVES.issuperset(lows):
        return False
    if len(view.words) == 1 and lows[0] in FOREIGN_WORDS:
        return False  # "mahina"
    if (view.language == "hi" and _FUNCTION_HI.issuperset(lows)) or _is_counted(view, lows):
        return False
    if len(lows) > 1 and len(lows[-1]) == 1 and all(w in COMMON for w in lows[:-1]):
        return False  # "option b", "vitamin d"
    known = any(w in GIVEN_NAMES or w in NAMES_ALSO_WORDS for w in lows)
    named = known or not WORD_NAMES.isdisjoint(lows) or not SURNAMES_ALSO_WORDS.isdisjoint(lows)
    if score >= _CERTAIN and (named or not all(w in COMMON for w in lows)):
        return True
    if score >= _ALL_BUT_SURE and len(lows) == 1 and lows[0] not in _ADDRESSED:
        return True
    if all(w in MONTHS or w in WEEKDAYS for w in lows):
        return False
    if view.language != "en":
        lows = [w for w in lows if w not in view.everyday]
        known = any(w in GIVEN_NAMES or w in NAMES_ALSO_WORDS for w in lows)
    if lows and lows[0] in _PARTICLES and not RARE.isdisjoint(lows):
        return True  # "du cane"
    return known or not all(w in COMMON or w in DICTIONARY or w in RARE or w in FOREIGN_WORDS for w in lows)


def _is_counted(view: View, lows: list[str]) -> bool:
    """A number amid words of Hindi, alone or before what is counted: "char baje", "main char tarikh ko aaunga"."""
    if lows[0] not in NUMBERS_HI or not all(w in NUMBERS_HI or w in _EVERYDAY_HI for w in lows):
        return False
    said = WORD.findall(view.written.source.lower())
    places = [at for at, low in enumerate(said) if low == lows[0]]
    if all(at > 1 and said[at - 1] in _NUMBERING and said[at - 2] in _NUMBERED_THINGS for at in places):
        return True  # "token number satrah"
    if any(said[max(0, at - 1)] in _NAME_OF or said[min(at + 1, len(said) - 1)] in _SPEAKS for at in places):
        return False  # "mera naam char hai"
    return view.language == "hi" or not _ONLY_HI.isdisjoint(said)


def _without_possessive(text: str, end: CharIndex) -> CharIndex:
    return end - 2 if text[max(0, end - 2) : end].lower() in POSSESSIVES else end


def _grown(
    text: str, start: CharIndex, end: CharIndex, everyday: frozenset[str], *, left: bool
) -> tuple[CharIndex, CharIndex]:
    """Over neighbouring words that can only be more of the name; to the left only where no cue stands before it."""
    for _ in range(_MAX_GROWTH):
        match = WORD.match(text, end + 1) if text[end : end + 1] == " " else None
        if match is not None and (after := _after_initial(text, start, match, everyday)) is not None:
            match = after
        elif match is None or not (
            _is_strange(match.group(), everyday, right=True) or _is_surname(text[start:end], match.group())
        ):
            break
        end = _without_possessive(text, match.end())
    for _ in range(_MAX_GROWTH if left else 0):
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


def _after_initial(
    text: str, start: CharIndex, initial: re.Match[str], everyday: frozenset[str]
) -> re.Match[str] | None:
    """Up to where a name goes on over a letter: to the surname after it ("silvia j krenova"), or to the letter itself
    where it ends the turn after two words ("schmall rahima s"). None where the letter is no initial."""
    letter = initial.group()
    if len(letter) > 1 or not letter.isalpha() or letter in ("a", "i"):
        return None
    dot = text[initial.end() : initial.end() + 1] == "."
    following = WORD.match(text, initial.end() + 1 + dot)
    surname = following.group() if following is not None else ""
    written = letter.isupper() and surname[:1].isupper() and surname[1:].islower()
    if following is not None and len(surname) > 2 and (written or _is_strange(surname, everyday, right=True)):
        return following
    ends = following is None and not text[initial.end() :].strip(" .,!?")
    return initial if ends and len(text[start : initial.start()].split()) > 1 else None


def _is_surname(name: str, word: str) -> bool:
    """An everyday word that is a surname, after a lone given name ("robert miller")."""
    given = name.lower()
    return word.lower() in SURNAMES_ALSO_WORDS and given in GIVEN_NAMES and given not in NAMES_AMBIGUOUS


def _is_strange(word: str, everyday: frozenset[str], *, right: bool) -> bool:
    low = word.lower()
    if right:
        low = low[: _without_possessive(low, len(low))]
    if not low.replace("'", "").replace("’", "").replace("-", "").isalpha() or _CONTRACTED.search(low):
        return False
    if low in GIVEN_NAMES:
        return True
    if low in _KIN and not right:
        return True
    if not right and low in RARE:
        return False
    return (
        len(low) > 2
        and low not in everyday
        and low not in DICTIONARY
        and low not in FOREIGN_WORDS
        and low not in FIELDS
        and low not in _TITLES
        and low not in NUMBERS
        and not ((inner := _PREFIXED.fullmatch(low)) and inner.group(1) in everyday)
    )
