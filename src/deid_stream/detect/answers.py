"""Bare answers: what the other party just asked for is the whole turn, less the words around it.

"what is your full name" - "yes it's g a b q u e a fleming": nothing in the answer says name, the question does.
"""

import re
from typing import Final

from deid_stream.detect.lexicon import COMMON, GIVEN_NAMES, NAMES_ALSO_WORDS
from deid_stream.detect.plain import plain_stretches
from deid_stream.detect.recognizer import View
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_AROUND: Final = frozenset(
    ["yes", "yeah", "yep", "yup", "yea", "no", "nope", "okay", "ok", "sure", "right", "well", "so", "um", "uh", "er", "erm", "umm", "ah", "hmm", "oh", "please", "thanks", "thank", "you", "sir", "madam", "maam", "ma'am", "hi", "hello", "hey", "sorry", "it", "it's", "its", "is", "was", "that's", "thats", "that", "the", "my", "name", "names", "surname", "full", "first", "last", "middle", "i'm", "im", "i", "am", "this", "here", "here's", "you", "go", "got", "and", "a", "an", "of", "course", "alright", "fine", "correct", "absolutely", "certainly", "one", "second", "moment", "just", "let", "me", "see", "think", "spell", "spelled", "spelt", "spelling", "as", "followed", "by", "in", "on", "at", "with", "for", "would", "be", "will", "address", "postcode", "post", "code", "zip", "number", "date", "birth", "born", "dob", "live", "living", "email", "mail", "id", "user", "username", "password", "passcode", "to", "then", "capital", "all", "lower", "case", "lowercase", "uppercase", "letters", "letter", "again", "repeat", "get", "have", "there", "they're", "we're", "we", "our", "your", "street", "house", "plate", "passport"]
)
_LIMIT: Final = 14
"""Words a bare answer has at most, spelled letters not counted."""
_REFUSES: Final = re.compile(
    r"\?|\b(?:don'?t|do not|can'?t|cannot|won'?t|why|what|which|how|forgot|forgotten|remember|repeat|pardon|wait|hold on|"
    r"not sure|no idea|didn'?t|help|want|need|looking|problem|issue|trying|already|agent|human|representative)\b"
)
_SPOKEN: Final = {T.PERSON, T.ADDRESS, T.PASSWORD, T.USERNAME, T.EMAIL_ADDRESS, T.VEHICLE_ID, T.PASSPORT,
                  T.DRIVER_LICENSE, T.IN_PAN, T.IFSC, T.UK_NINO, T.IN_GSTIN, T.IBAN_CODE, T.UPI_ID}  # fmt: skip


class AnswerRecognizer:
    """The answer to what was just asked, where it is short enough to be nothing else."""

    name = "answer"

    def find(self, view: View) -> list[Detection]:
        for expected in view.expected:
            found = self._date(view) if expected is T.DATE_OF_BIRTH else self._spoken(view, expected)
            if found:
                return found
        return []

    def _spoken(self, view: View, expected: T) -> list[Detection]:
        if expected not in _SPOKEN or _REFUSES.search(view.low):
            return []
        words = list(_WORD.finditer(view.low))
        if len(words) > _LIMIT:
            return []
        first, last = 0, len(words)
        while first < last and self._around(words[first].group(), expected):
            first += 1
        while last > first and self._around(words[last - 1].group(), expected):
            last -= 1
        kept = [w.group() for w in words[first:last]]
        if not kept or not self._telling(kept, expected):
            return []
        start, end = words[first].start(), words[last - 1].end()
        return [view.detection(start, end, expected, 0.8, self.name)]

    @staticmethod
    def _around(word: str, expected: T) -> bool:
        return word in _AROUND and not (expected is not T.PERSON and len(word) == 1)

    @staticmethod
    def _telling(kept: list[str], expected: T) -> bool:
        """Something in it can be such a value: no row of everyday words."""
        if expected is T.PERSON:
            strange = sum(w in GIVEN_NAMES or w not in COMMON for w in kept)
            return (
                (strange > 0
                and (strange * 2 >= len(kept) or len(kept) <= 3))
                or (len(kept) <= 2 and any(w in NAMES_ALSO_WORDS for w in kept))
            )
        if expected is T.ADDRESS:
            return len(kept) <= 12 and any(w not in COMMON for w in kept)
        if expected in (T.PASSWORD, T.USERNAME):
            return len(kept) <= 5 and any(w not in _AROUND for w in kept)
        return len(kept) <= 6 and any(any(map(str.isdecimal, w)) or w not in COMMON for w in kept)

    def _date(self, view: View) -> list[Detection]:
        """Everything from the first to the last number or month of an answer to "your date of birth?"."""
        marks = [m.span() for m in _DATE_MARK.finditer(view.low)]
        if not marks or (len(marks) == 1 and len(_WORD.findall(view.low)) > 6):
            return []
        sure = [p for p in plain_stretches(view.text) if p.sure and p.kind in ("amount", "quantity")]
        if sure and not any(p.kind == "date" for p in plain_stretches(view.text)) and len(marks) < 3:
            return []
        start, end = marks[0][0], marks[-1][1]
        return [view.detection(start, end, T.DATE_OF_BIRTH, 0.85, self.name)]


_DATE_MARK: Final = re.compile(
    r"(?<![^\W_])(?:[^\W_]*\d[^\W_]*|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)(?![^\W_])"
)
