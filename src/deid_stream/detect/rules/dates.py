"""Dates: a date of birth where the words before it or the question say so, else a date."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules import cues
from deid_stream.detect.rules.base import near
from deid_stream.detect.rules.plain import SURE
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_BIRTH: Final = near("|".join(["born|birth|birth ?date|birthday|dob|d o b", *cues.words_of(EntityType.DATE_OF_BIRTH)]))
_BIRTHDAY: Final = re.compile(
    r"(?<!\w)(?:(?:turn(?:s|ed|ing)?|(?:i|you|he|she|they|we)(?:'ll| will) be) \d{1,3}"
    r"|(?:my|his|her|their|\w+'s) (?:1[3-9]|[2-9]\d)(?:st|nd|rd|th))"
    r"(?: birthday)?(?: (?:is|was|falls|fell|comes))?(?: (?:on|this|last|next|the))* \Z"
)
"""A birthday told by the age that one reaches: "she turned 30 on the", "it was her 60th on the". From 13 on: "her 2nd
on the" may be a visit."""
_YEAR_AFTER: Final = re.compile(
    r"(?:[ ,]+(?:um|uh|erm?|and|so))*[ ,]+(?:(?:the |my )?year(?:'s| is| was| of)?|in|that'?s|that was|it'?s|it was|was"
    r"|(?:ko )?(?:hua|hui|paida hua|paida hui)(?: tha| thi| hai)?(?: saal| san)?|(?:hai,? )?(?:saal|san|year)"
    r"|born(?: in)?)"
    r"[ ,]+(?P<year>(?:19|20) ?\d\d|[12],\d{3}|[2-9]\d|0\d)(?![\w,]| ?\d|\.\d|'| (?:of us|in total|to)(?!\w))"
)
"""The year of birth, told after its day and month: "the 5th of may, and the year's 81"."""
_YEARLESS: Final = re.compile(r"(?:[^\W\d]|\d(?:st|nd|rd|th))\Z")
"""How a date ends that holds no year: in a word or in "5th". The 5 of "may 5" may be a year."""
_LEAD: Final = re.compile(
    r"(?:(?:in|since|from|of|years?|is|was|until|till|before|after|by|during|late|early|mid|summer|winter|spring"
    r"|autumn|fall"
    r"|model|the) )*"
)
"""Words that show a year to be one, and are no part of it."""
_AGE: Final = re.compile(
    r"(?<!\w)(\d{1,3}) ?-?years?[ -]old|(?:i'm|i am|aged|age (?:is|of)) (\d{1,3})(?!\d| ?\d|,|\.\d)", re.IGNORECASE
)


_AGE_HINTS: Final = ("year", "i'm", "i am", "age")
"""Without one of these ``_AGE`` cannot match in ASCII text."""


class DateRecognizer:
    """Dates and ages in written form."""

    name = "dates"

    def find(self, view: View) -> list[Detection]:
        if not view.has_digit:
            return []
        found = []
        asked = EntityType.DATE_OF_BIRTH in view.expected or view.open_run is EntityType.DATE_OF_BIRTH
        for start, end, kind, sure in view.plain:
            if kind != "date" or not sure:
                continue
            lead = _LEAD.match(view.low[start:end])
            start += lead.end() if lead is not None else 0
            born = (
                asked
                or view.open_run is EntityType.DATE_OF_BIRTH
                or _BIRTH.search(view.low, max(0, start - 40), start) is not None
                or _BIRTHDAY.search(view.low, max(0, start - 40), start) is not None
            )
            entity_type = EntityType.DATE_OF_BIRTH if born else EntityType.DATE_TIME
            found.append(view.detection(start, end, entity_type, 0.9 if born else 0.6, self.name))
            year = _YEAR_AFTER.match(view.low, end) if born and _YEARLESS.search(view.low, start, end) else None
            if year is not None and not view.plain_mask[year.start("year")] & SURE:
                found.append(view.detection(*year.span("year"), entity_type, 0.9, f"{self.name}/year"))
        aged = not view.text.isascii() or any(map(view.low.__contains__, _AGE_HINTS))
        for match in _AGE.finditer(view.text) if aged else ():
            group = 1 if match.group(1) else 2
            found.append(view.detection(*match.span(group), EntityType.AGE, 0.6, self.name))
        return found
