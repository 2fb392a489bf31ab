"""Guesses at numbers, dates and addresses on the net: what evidence they need beside the model's."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.judge.addresses import NUMBERS, PLACES, STREETS
from deid_stream.detect.judge.growing import SIGN_WORDS
from deid_stream.detect.judge.places import is_number
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.cues import nearest
from deid_stream.detect.rules.digits import MIN_DIGITS, NUMBERED
from deid_stream.detect.rules.runs import only_dictation
from deid_stream.detect.vocabulary import (
    COMMON,
    DICTIONARY,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    NAMES_INDIA,
    WEEKDAYS,
    everyday,
    word_set,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.text.normalise import UPI_HANDLES
from deid_stream.text.tokens import PLAIN, WORD
from deid_stream.units import Interval

_CUE_REACH: Final = 40
"""Characters before a guess in which words must say what number it is, where it has few digits. A larger value believes
more guesses."""
VALUED: Final = frozenset(
    {T.PHONE_NUMBER, T.CREDIT_CARD, T.CARD_CVV, T.CARD_EXPIRY, T.ID_NUMBER, T.EMAIL_ADDRESS, T.BANK_ACCOUNT}
)
NUMERIC: Final = NUMBERED - {T.ADDRESS, T.PASSWORD, T.USERNAME, T.DATE_OF_BIRTH, T.UPI_ID}
_CARDS: Final = frozenset({T.CREDIT_CARD, T.CARD_EXPIRY, T.CARD_CVV})
_BARE: Final = 2
"""A turn that nobody asked for and that has at most this many digits or letters is no number of anything. A larger
value leaves short codes."""
_BIRTH: Final = re.compile(r"(?<![^\W_])(?:born|birth\w*|dob|d o b|bday|baby|aged?|jan[a]?m\w*|paida)(?![^\W_])|जन्म")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_CERTAIN: Final = 0.9
"""From this model score on an address on the net needs no sign ("@", ".") in it. A smaller value redacts more everyday
words; a larger one leaves addresses whose signs were not recognised."""
_SIGN: Final = re.compile(r"@|\.|\b(?:at|dot|arroba|punto|rate)\b")
_JOINED: Final = re.compile(r"[^\W_] ?[@.] ?[^\W_]|[^\W_] (?:at|dot|arroba|punto) [^\W_]")
_COUNT_WORDS: Final = r"(?:digits?|letters?|characters?|figures|ank|akshar|अंक|अक्षर)"
_COUNTS: Final = re.compile(rf"[ -]?{_COUNT_WORDS}(?!\w)")
_COUNTED: Final = re.compile(rf"(?:[^\W\d_]+ )?\d{{1,2}} {_COUNT_WORDS}")
"""After a number: how many there are of them ("the three digit code")."""
_PLACES_ASKED: Final = re.compile(r"(?<![^\W_])(?:letter|character|digit)s?(?: number)?(?: \w+,? (?:and|then))? \Z")
"""Before a number that says which letters of a secret are asked for."""
_PLACES_AFTER: Final = re.compile(
    r"(?:,? (?:and |or |then )?(?:the )?[^\W_]+){0,2}? (?:letter|character|digit)s?(?![^\W_])"
)
_EVERYDAY_HI: Final = everyday("hi")
_MAKERS: Final = word_set("judge.makers")
_MODEL_LETTERS: Final = 2
"""The name of a model may begin with at most this many letters ("v eleven")."""
_MODEL_WORDS: Final = 3
"""A maker's name for a product is at most this many words. A larger value leaves codes that follow a maker."""
_FUNCTION: Final = word_set("judge.function")
_BEFORE_DATE: Final = word_set("judge.before_date")


def foreign_evidence(view: View, text: str, detection: Detection) -> bool:
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
        return capital or any((w in GIVEN_NAMES or w in NAMES_INDIA) and w not in FUNCTION_HI for w in lows)
    return any(map(str.isdecimal, view.written.between(detection.start, detection.end))) or kind in view.expected


def number_evidence(view: View, text: str, detection: Detection) -> bool:
    """A few digits that only the model takes for a number need a question, a cue, or letters among them."""
    if view.expected or view.open_run is not None:
        return True
    if only_dictation(view.text) and not view.quantity_asked:
        return sum(map(str.isalnum, view.text)) > _BARE
    written = view.written.between(detection.start, detection.end)
    digits = sum(map(str.isdecimal, written))
    if not digits and detection.entity_type in _CARDS and MONTHS.isdisjoint(PLAIN.findall(written.lower())):
        return False
    if digits >= MIN_DIGITS:
        return not view.quantity_asked
    if nearest(text[max(0, detection.start - _CUE_REACH) : detection.start].lower()) in NUMBERED:
        return True
    return digits >= 2 and any(
        w.isalpha() and w not in COMMON and w not in DICTIONARY for w in PLAIN.findall(written.lower())
    )


def value(view: View, text: str, detection: Detection, plain: list[Interval]) -> Iterator[Detection]:
    """A number or code that the model saw; not everyday words, nor what is plainly something else."""
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if all((w in COMMON or w in DICTIONARY) and w not in NUMBERS and len(w) > 1 for w in lows):
        return
    if _counts(view, text, detection):
        return
    if detection.entity_type is T.EMAIL_ADDRESS and detection.score < _CERTAIN and not _has_host(view, detection):
        return
    if detection.entity_type is T.EMAIL_ADDRESS and detection.score < _CERTAIN and _is_site(view, detection):
        detection = msgspec.structs.replace(detection, entity_type=T.URL)
    if not view.expected and view.open_run is None and _is_model(text, detection):
        return
    if not view.expected and any(p.start <= detection.start and detection.end <= p.end for p in plain):
        return
    written = view.written.between(detection.start, detection.end)
    if detection.entity_type is T.EMAIL_ADDRESS and written.lower().rpartition("@")[2] in UPI_HANDLES:
        detection = msgspec.structs.replace(detection, entity_type=T.UPI_ID)
    yield detection


def _is_model(text: str, detection: Detection) -> bool:
    """Whether the detection is the name of a model: a letter or two and a short number directly after a maker, as in "a
    dyson v eleven"."""
    words = text[max(0, detection.start - _CUE_REACH) : detection.start].lower().split()
    said = text[detection.start : detection.end].lower().split()
    if not words or words[-1] not in _MAKERS or len(said) > _MODEL_WORDS:
        return False
    lettered = len(said) > 1 and said[0].isalpha() and len(said[0]) <= _MODEL_LETTERS
    return all(map(is_number, said[lettered:]))


def _has_host(view: View, detection: Detection) -> bool:
    """Signs between letters, as an address has them, or talk of mail."""
    written = view.written.between(detection.start, detection.end)
    return _JOINED.search(written) is not None or "mail" in view.low or T.EMAIL_ADDRESS in view.expected


def _counts(view: View, text: str, detection: Detection) -> bool:
    """A number that only says how many digits or letters there are."""
    written = view.written.between(detection.start, detection.end)
    if _COUNTED.fullmatch(written.lower()):
        return True
    if _COUNTS.match(text.lower(), detection.end) is None:
        return False
    return written.isdecimal() and len(written) <= _BARE


def _is_site(view: View, detection: Detection) -> bool:
    """A domain without anybody at it, where nobody speaks of mail: "you can see it at acme dot com"."""
    if T.EMAIL_ADDRESS in view.expected or view.open_run is not None or "mail" in view.low:
        return False
    said = view.written.between(detection.start, detection.end)
    return "." in said and "@" not in said and " at " not in said


def secret(view: View, text: str, detection: Detection, plain: list[Interval]) -> Iterator[Detection]:
    """A password or user name that only the model saw: nothing plain, and no sentence of everyday words."""
    if _counts(view, text, detection):
        return
    lows = [w.group().lower() for w in WORD.finditer(text, detection.start, detection.end)]
    if all(map(is_number, lows)) and (
        _PLACES_ASKED.search(text[max(0, detection.start - _CUE_REACH) : detection.start].lower())
        or _PLACES_AFTER.match(text[detection.end : detection.end + _CUE_REACH].lower())
    ):
        return  # "letters one and five of the secret word", "third and sixth digit"
    if not view.expected and view.open_run is None and _is_model(text, detection):
        return  # "hp deskjet twenty seven twenty"
    if (
        view.quantity_asked
        and not view.expected
        and all(is_number(w) or w in view.everyday or w in _EVERYDAY_HI for w in lows)
    ):
        return  # "do bacche aur teen bade"
    if SIGN_WORDS.issuperset(lows) and not view.expected:
        return  # "is that a dash or an underscore"
    if view.expected or view.open_run is not None:
        yield detection
        return
    if any(p.start <= detection.start and detection.end <= p.end for p in plain):
        return
    partly_plain = any(p.start < detection.end and detection.start < p.end for p in plain)
    ordinary = partly_plain and all(w in view.everyday or w in DICTIONARY or is_number(w) for w in lows)
    if ordinary and nearest(text[: detection.start].lower()) not in (T.PASSWORD, T.USERNAME):
        return  # "likha hai ki warranty do saal ki hai"
    if len(lows) > 1 and not _FUNCTION.isdisjoint(lows) and all(len(w) == 1 or w in view.everyday for w in lows):
        return
    yield detection


def born(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    """A date that only the model takes for one of birth: where nobody speaks of birth, a year is just a year."""
    written = view.written.between(detection.start, detection.end).lower()
    digits = "".join(filter(str.isdecimal, written))
    year = (len(digits) <= 2 or _YEAR.fullmatch(digits)) and MONTHS.isdisjoint(PLAIN.findall(written))
    asked = T.DATE_OF_BIRTH in view.expected or view.open_run is not None
    if not (digits and year) or asked or _BIRTH.search(view.low):
        yield from date(text, detection)
    else:
        yield msgspec.structs.replace(detection, entity_type=T.DATE_TIME)


def date(text: str, detection: Detection) -> Iterator[Detection]:
    """Without the words before a date ("the 3rd of march"); a date has a number or a month."""
    start = detection.start
    words = list(WORD.finditer(text, detection.start, detection.end))
    if not any(is_number(w.group().lower()) or w.group().lower() in MONTHS for w in words):
        return
    for match in words:
        if match.group().lower() not in _BEFORE_DATE:
            break
        start = match.end()
    last = next((w for w in reversed(words) if _of_date(w.group().lower())), words[-1])
    yield msgspec.structs.replace(detection, start=start, end=min(detection.end, last.end()))


def _of_date(low: str) -> bool:
    return is_number(low) or low in MONTHS or low in WEEKDAYS
