"""Runs of digits and codes: four or more digits go, whatever they are, unless they are plainly something else.

Works on the written form. A run is a row of groups of digits (and of letters mixed with digits) with nothing but
signs, fillers and corrections between them. What the run is called follows the words before it, what was just asked,
its length, and a checksum; none of these lets a run go free.
"""

import re
from itertools import pairwise
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules import checksums, cues
from deid_stream.detect.rules.pieces import only_carried
from deid_stream.detect.rules.plain import SURE, UNSURE, UNSURE_DATE
from deid_stream.detect.rules.runs import Group, Run, only_dictation
from deid_stream.detect.vocabulary import COMMON_EN, FUNCTION_HI, VERBS_HI, word_set
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection
from deid_stream.units import CharIndex

MIN_DIGITS: Final = 4
"""A run of at least this many digits is redacted unless it is plainly something else. A smaller value redacts more
house numbers and amounts; a larger one leaves the last four digits of a card."""
_MOST_OF_QUANTITY: Final = 6
"""A number of at most this many digits may answer "how many", "how much" or "what time", and then stays. A larger value
leaves short account numbers."""
_CARD_DIGITS: Final = 12
"""A number of this many digits or more is never an amount. A larger value leaves long numbers beside a currency."""
NUMBERED: Final = frozenset(
    {
        T.PHONE_NUMBER, T.CREDIT_CARD, T.CARD_CVV, T.CARD_EXPIRY, T.BANK_ACCOUNT, T.IBAN_CODE, T.IFSC, T.ID_NUMBER,
        T.US_SSN, T.IN_AADHAAR, T.IN_PAN, T.IN_GSTIN, T.PASSPORT, T.DRIVER_LICENSE, T.UK_NHS, T.UK_NINO, T.PASSWORD,
        T.VEHICLE_ID, T.ADDRESS, T.DATE_OF_BIRTH, T.UPI_ID, T.USERNAME,
    }
)  # fmt: skip
"""Types whose values are, or may be, digits."""
_SHORT_ANSWER: Final = 60
"""Only a turn of at most this many characters can be a bare answer with a fragment of fewer than four digits. A larger
value redacts more short numbers in longer sentences."""
_NEAR_CUE: Final = 30
"""A number of fewer than four digits must stand at most this many characters from its cue. A larger value redacts more
short numbers that the cue does not mean."""
_DICTATED_CODE: Final = 5
"""A turn of nothing but letters and digits is a code from this many characters on. A smaller value redacts names of
products ("b 12"); a larger one leaves short codes."""
_PREFIX: Final = re.compile(r"(?:^|(?<=[^\w]))([a-z]{1,4})[ -]$")
_NO_PREFIX: Final = word_set("digits.no_prefix")
_EVERYDAY: Final = COMMON_EN | FUNCTION_HI
_CODE_WORDS: Final = frozenset("abc xyz def pqr lmn".split())
_CORRECTION: Final = re.compile(
    r"(?<![^\W_])(?:no|nope|nah|sorry|wrong|actually|should be|ends?(?: in| with)?|ending(?: in| with)?"
    r"|last (?:bit|part|two|three)|(?:last|first|middle|final) (?:\w+ )?(?:digits?|numbers?)|rather|instead"
    r"|nahi|nahin|galat)(?![^\W_])"
)
_AMENDS: Final = re.compile(
    r"\W*(?:(?:no|nope|sorry|wait|actually|hang on|i mean|um|uh|oh)[ ,.]+)+(?:it is|it's|its|that's|that is)[ ,]+"
)
"""All that stands before a number that is said anew ("no wait it is 31,207"): an amount would have its unit."""
_PLACE_IN_NUMBER: Final = re.compile(r"[\W_]*(?:at the (?:end|start|beginning|front)|not \d|instead)(?![^\W_])")
_ONE_DIGIT: Final = re.compile(
    r"(?:last|first|middle|final|second|third) (?:digit|number|one)(?: is|'s| should be| was)? \Z"
)
_ENDING: Final = re.compile(
    r"(?<![^\W_])(?:end(?:s|ing)? (?:in|with)|last (?:two|three|four|2|3|4)(?: digits?)?(?: (?:is|are|of|as))?)[\W_]+\Z"
)
_EXPLICIT: Final = re.compile(
    r"(?:(?:number|id|code|pin|otp|cvv|cvc)'s|number|no|num|id|code|is|was|it's|its|cvv|cvc|ssn|pin|otp|#|:"
    r"|ending(?: in| with)?"
    r"|digits(?: are)?|card|a/c|ac|acc|extension|ext|pin|hain?|es)\W{1,3}(?:(?:star|hash|pound|the) )?$"
)

_POINT: Final = re.compile(r"(?<=\d)\.(?=\d)")
_TWO_POINTS: Final = re.compile(r"\d\.\d+\.\d")
_NO_SIGN: Final = re.compile(r"[^\d .,-]")
_COUNT_DIGITS: Final = 2
"""A number that says how many digits there are has at most this many."""
_HOW_MANY: Final = re.compile(r" (?:digits|numbers|figures|characters)(?![^\W_])")
_ALL_OF_THEM: Final = re.compile(r"(?<![^\W_])(?:all|whole|full) \Z")
_KEY_AFTER: Final = re.compile(r" (?:star|asterisk|hash|pound)(?: (?:key|sign|button))?(?![^\W_])")
"""The key that ends a code: "the gate code is 441 star" counts no stars."""


class DigitRecognizer:
    """Every digit run and mixed code of a turn."""

    name = "digits"

    def find(self, view: View) -> list[Detection]:
        if not view.has_digit:
            return []
        found: list[Detection] = []
        dictated = only_dictation(view.text) or (view.open_run is not None and only_carried(view.low))
        short = view.most_digits < MIN_DIGITS and len(view.text) <= _SHORT_ANSWER
        for run in view.runs:
            detection = self._judge(view, run, dictated=dictated, short=short)
            if detection is not None:
                found.append(detection)
        return found

    def _judge(self, view: View, run: Run, *, dictated: bool, short: bool) -> Detection | None:
        armed = next((t for t in view.expected if t in NUMBERED), None)
        before_it = view.low[: run.start]
        continued = view.open_run is not None and (only_dictation(before_it) or (dictated and only_carried(before_it)))
        if continued:
            armed = view.open_run
        corrected = view.corrects is not None and _corrects(view, run)
        total = run.digits
        if total < 2 and not (armed or dictated or corrected):
            return None
        before = view.low[max(0, run.start - 60) : run.start]
        cue = cues.nearest(before if total >= MIN_DIGITS else before[-_NEAR_CUE:])
        if cue not in NUMBERED:
            cue = None
        mixed = any(g.mixed for g in run.groups)
        if view.quantity_asked and armed is None and cue is None and total <= _MOST_OF_QUANTITY and not mixed:
            return None
        at_end = run.end >= len(view.low.rstrip(" .!"))
        amends = total > MIN_DIGITS and at_end and _AMENDS.fullmatch(before_it) is not None
        strict = (armed is not None or cue is not None or amends) and total >= 3
        keyed = cue is T.PASSWORD and _KEY_AFTER.match(view.low, run.end) is not None
        whole = keyed or total >= _CARD_DIGITS or _pointed(view, run, strict=strict)
        left = run.groups if whole else self._not_plain(view, run, strict=strict, dictated=dictated)
        if not left:
            return None
        digits = sum(g.digits for g in left)
        start, end = left[0].start, left[-1].end
        prefix = "" if view.text[start].isalpha() else self._prefix(view, start)
        explicit = before[: len(before) - len(prefix) - 1] if prefix else before
        if digits >= MIN_DIGITS:
            rule = "run"
        elif mixed and any(_is_code(view.text[g.start : g.end], g) for g in left):
            rule = "code"
        elif armed is not None and digits <= _COUNT_DIGITS and _how_many(view.low, start, end):
            return None
        elif armed is not None and _answers(view, digits, short=short, dictated=dictated, continued=continued):
            rule = "continued" if continued else "asked"
        elif corrected:
            rule = "corrected"
        elif dictated and digits >= 2 and sum(map(str.isalnum, view.text)) >= _DICTATED_CODE:
            rule = "dictated"
        elif cue is not None and digits >= (3 if cue is T.ID_NUMBER else 2) and _EXPLICIT.search(explicit):
            rule = "cue"
        elif digits >= 2 and _ENDING.search(before):
            rule = "ending"
        elif prefix and digits >= 3 and len(prefix) <= 3:
            rule = "prefix"
        else:
            return None
        named = cue or armed or (view.corrects if corrected else None)
        entity_type, score = label(_compact(view.text, left), named, mixed=mixed or bool(prefix))
        if prefix:
            start -= len(prefix) + 1
        while start and (view.text[start - 1] == "+" or (view.text[start - 1] == "(" and ")" in view.text[start:end])):
            start -= 1
        return view.detection(start, end, entity_type, score, f"{self.name}/{rule}")

    @staticmethod
    def _not_plain(view: View, run: Run, *, strict: bool, dictated: bool) -> tuple[Group, ...]:
        """The groups that no plain stretch covers; with ``strict`` only sure stretches count.

        A bare year that is all of the turn is no year.
        """
        counted = SURE if strict else SURE | UNSURE if dictated else SURE | UNSURE | UNSURE_DATE
        mask = view.plain_mask
        return tuple(g for g in run.groups if not (mask[g.start] & counted and mask[g.end - 1] & counted))

    @staticmethod
    def _prefix(view: View, start: CharIndex) -> str:
        """A short word of letters before the digits that belongs to the code ("dge 548614909")."""
        match = _PREFIX.search(view.low, max(0, start - 6), start)
        if match is None:
            return ""
        word = match.group(1)
        if (
            word in _NO_PREFIX
            or word in VERBS_HI
            or ((word in _EVERYDAY or word in view.everyday) and word not in _CODE_WORDS)
            or cues.first_named(word)
        ):
            return ""
        return word


def _answers(view: View, digits: int, *, short: bool, dictated: bool, continued: bool) -> bool:
    """Fewer than four digits where they were asked for or a number is being read out; in pure dictation even one."""
    if digits >= 2 and (short or digits >= 3):
        return True
    return dictated and (continued or bool(view.expected))


def _how_many(low: str, start: int, end: int) -> bool:
    """A number of digits, not digits: "is it the whole 16", "only 15 digits"."""
    return _HOW_MANY.match(low, end) is not None or _ALL_OF_THEM.search(low, 0, start) is not None


def _corrects(view: View, run: Run) -> bool:
    """A few digits of a number just said are said anew: "no, four two nine", "the last digit is four"."""
    if run.digits >= MIN_DIGITS or any(view.plain_mask[g.start] for g in run.groups):
        return False
    before, after = view.low[max(0, run.start - _NEAR_CUE) : run.start], view.low[run.end : run.end + _NEAR_CUE]
    if run.digits == 1:
        return _ONE_DIGIT.search(before) is not None
    return _CORRECTION.search(before) is not None or _PLACE_IN_NUMBER.match(after) is not None


def _is_code(word: str, group: Group) -> bool:
    """A word of letters and digits that nobody says otherwise: ``g58a58``, ``njo156``."""
    if not group.mixed or len(word) < 5:
        return False
    changes = sum(a.isdecimal() != b.isdecimal() for a, b in pairwise(word))
    return changes >= 2 or group.digits >= 3


def _pointed(view: View, run: Run, *, strict: bool) -> bool:
    """Whether digits that were read out came with points between them ("3.20, 4.47.4"): each piece looks like an amount
    or a time, but nobody lists so many where a number is told (``strict``), nor has any of them two points. No piece is
    a date, and none has a word of its own that says what it is, as units and "version" do."""
    points = len(_POINT.findall(view.low, run.start, run.end))
    if points < 2 or run.digits < MIN_DIGITS or _NO_SIGN.search(view.low, run.start, run.end):
        return False
    if not strict and _TWO_POINTS.search(view.low, run.start, run.end) is None:
        return False
    about = [plain for plain in view.plain if plain.sure and plain.start < run.end and run.start < plain.end]
    return all(
        plain.kind in ("amount", "time") and run.start <= plain.start and plain.end <= run.end for plain in about
    )


def _compact(text: str, parts: tuple[Group, ...]) -> str:
    return "".join(text[g.start : g.end] for g in parts)


_SPECIFIC: Final = NUMBERED - {T.ID_NUMBER, T.CREDIT_CARD, T.PHONE_NUMBER, T.BANK_ACCOUNT}


def label(code: str, cue: T | None, *, mixed: bool) -> tuple[T, float]:
    """What to call a run: ``code`` is its letters and digits, ``cue`` what the words around it said."""
    length = len(code)
    if mixed or not code.isdecimal():
        return (cue, 0.8) if cue in _SPECIFIC or cue is T.BANK_ACCOUNT else (T.ID_NUMBER, 0.75)
    if 13 <= length <= 19 and cue not in (T.BANK_ACCOUNT, T.ID_NUMBER):
        return T.CREDIT_CARD, 0.99 if checksums.luhn(code) else 0.8
    if cue in _SPECIFIC:
        return cue, 0.85
    if cue is T.PHONE_NUMBER and length <= 15:
        return T.PHONE_NUMBER, 0.85
    if length == 12 and cue is None:
        if checksums.verhoeff(code) and code[0] not in "01":
            return T.IN_AADHAAR, 0.85
        return (T.PHONE_NUMBER, 0.7) if code.startswith("91") else (T.ID_NUMBER, 0.7)
    if cue is not None:
        return cue, 0.8
    if 10 <= length <= 12 or length == 7:
        return T.PHONE_NUMBER, 0.75
    return T.ID_NUMBER, 0.7
