"""Turns that are nothing but a name, or a name and a number ("priya 8940558796")."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import (
    COMMON,
    DICTIONARY,
    FIELDS,
    FOREIGN_WORDS,
    GIVEN_NAMES,
    MONTHS,
    NAMES_ALSO_WORDS,
    VERBS_HI,
    WEEKDAYS,
)
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Origin

_TURN: Final = re.compile(
    r"\W*(?P<name>[^\W\d_]{2,20}(?:['’-][^\W\d_]{1,20})?(?:[ .]{1,2}[^\W\d_]{1,20}(?:['’-][^\W\d_]{1,20})?){0,2})"
    r"(?:[ ,.-]+(?:and )?(?P<code>[^\W_]{0,6}\d[\w -]{2,24}))?\W*"
)
_INITIALS: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,5}")
"""Letters without a vowel, which name a field or an office: "tfn", "bsb"."""
_FIELD_ENDS: Final = ("ment", "tion")
_FIELD_LETTERS: Final = 8
"""A word that ends so and has at least this many letters is no name. A smaller value leaves names unredacted
("clement")."""
_MIN_DIGITS: Final = 4
"""A number beside a name that nobody knows must have at least this many digits to back it."""
_MIN_LETTERS: Final = 5
"""A word that nobody knows is a name, alone in its turn, from this many letters on; of several words one must have as
many. A smaller value redacts more misheard short words."""


class BareNameRecognizer:
    """One to three words, none of them everyday, one known as a name, or a lone unknown word where nothing else was
    asked for ("which bank is it with"), or with a number."""

    name = "bare"

    def find(self, view: View) -> list[Detection]:
        text = view.text
        if len(text) > 80:
            return []
        match = _TURN.fullmatch(text)
        if match is None:
            return []
        words = match.group("name").lower().replace(".", " ").replace("'s", "").replace("’s", "").split()
        if not FIELDS.isdisjoint(words) or not VERBS_HI.isdisjoint(words):
            return []
        known = any(w in GIVEN_NAMES for w in words)
        if len(words) == 1 and not known and _INITIALS.fullmatch(words[0]):
            return []
        strange = all(
            (w not in COMMON or w in NAMES_ALSO_WORDS) and w not in MONTHS and w not in WEEKDAYS for w in words
        )
        code = match.group("code") or ""
        numbered = sum(map(str.isdecimal, code)) >= _MIN_DIGITS and text[match.end("name")] != "-"  # no "JIRA-12345"
        unknown = not code and all(
            len(w) >= _MIN_LETTERS - 2 and w not in DICTIONARY and w not in FOREIGN_WORDS and "thank" not in w
            for w in words
        )
        # "consignment 4471" tells what the number is of
        numbered = numbered and (known or not all(len(w) >= _FIELD_LETTERS and w.endswith(_FIELD_ENDS) for w in words))
        lone = unknown and max(map(len, words)) >= _MIN_LETTERS and not view.quantity_asked
        if strange and (known or lone or (numbered and all(len(w) > 2 for w in words))):
            start, end = match.span("name")
            return [view.detection(start, end, EntityType.PERSON, 0.8, self.name, Origin.TURN)]
        return []
