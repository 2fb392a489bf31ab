"""Bare answers: what the other party just asked for is the whole turn, less the words around it.

"what is your full name" - "yes it's g a b q u e a fleming": nothing in the answer says name, the question does.
"""

import re
from typing import Final

from deid_stream.detect.judge.addresses import STREETS
from deid_stream.detect.judge.growing import SIGN_WORDS
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules import cues
from deid_stream.detect.rules.runs import only_dictation
from deid_stream.detect.vocabulary import (
    COMMON,
    FIELDS,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    NAMES_ALSO_WORDS,
    VERBS_HI,
    word_set,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.languages import WordClass, lexicon
from deid_stream.text.tokens import WORD

_AROUND: Final = word_set("answers.around")
_AROUND_SPELLED: Final = word_set("answers.around_spelled")
"""The same around a spelled answer, where "see", "a", "i", "are", "hey" may be letters."""
_DICTATION: Final = frozenset(
    w
    for w, c in lexicon(("en",)).classes.items()
    if c not in (WordClass.SCALE, WordClass.SYMBOL, WordClass.AND, WordClass.POINT, WordClass.AT) and w not in "ai"
)
_LIMIT: Final = 14
"""A bare answer has at most this many words, spelled letters not counted. A larger value takes more of a long reply for
the value that was asked for."""
_REFUSES: Final = re.compile(
    r"\?|\b(?:don'?t|do not|can'?t|cannot|won'?t|why|what|which|how|forgot|forgotten|remember|repeat"
    r"|pardon|wait|hold on|"
    r"not sure|no idea|never (?:set|had|made|got|gave)|haven'?t|didn'?t|help|want|need|looking|problem"
    r"|issue|trying|already|agent|human|representative)\b"
)
_FUNCTION: Final = word_set("answers.function")
"""Single words that answer nothing."""
_DESCRIBES: Final = word_set("answers.describes")
"""Words after a password that tell how it is written."""
_LOOKS: Final = re.compile(
    r"(?:(?:ok|okay|yes|yeah|um|uh|erm|so)[ ,]+)*let me (?:just )?(?:look|see|check|find it|get it)[ ,]+"
)
"""What somebody says before a code that they must look for first."""
_SPEAKING: Final = frozenset("kar raha rahe rahi".split())
_I_HINDI: Final = frozenset("hum mai main yahan".split())
_WRITTEN_AS: Final = re.compile(
    r"(?<![^\W_])(?:all )?(?:(?:as |in )?one word|(?:in )?(?:lower ?case|upper ?case|small letters|capitals|caps)"
    r"|no spaces)(?![^\W_])"
)
"""After a user name, how it is written."""
_LISTS: Final = frozenset({"and", "then"})
_BETWEEN_LISTED: Final = word_set("answers.between_listed")
"""Words between the letters of a password that were asked for by their places."""
_SECRET_WORDS: Final = 5
"""A password that was asked for has at most this many words, signs not counted. A larger value takes more of a sentence
for one."""
_SITES: Final = word_set("answers.sites")
"""Words of an answer to "your address?" that tell where it lies."""
_BEFORE_SITE: Final = frozenset("yes yeah yep sure ok okay so um uh er it's its it is that's on at".split())
_HOUSE_NUMBER: Final = re.compile(
    r"(?:(?:yes|yeah|um|uh|it's|it is|we're|at)[ ,]+)*(?:house )?(?:number|no) (?P<number>\d{1,4} ?[a-z]?)\W*"
)
"""An answer that is only the number of a house."""
_COUNTS: Final = re.compile(
    r"(?:(?:um|uh|it's|it is|they're|only|just|about|yes|yeah)[ ,]+)*\d{1,2}[ -](?:digits?|numbers?|characters?"
    r"|letters?|ank)\W*"
)
"""An answer that only says how long a code is: "six digits"."""
_NAMED_SITES: Final = _SITES | STREETS | word_set("addresses.houses")
_HOUSES: Final = word_set("addresses.houses") - frozenset(
    "church exchange house inn post surgery warehouse works".split()
)
"""Houses whose whole name is "the" and this word: "the lodge"."""
_SITE_WORDS: Final = 4
"""An answer that tells where an address lies has at most this many words. A larger value redacts more of a sentence."""
_SENTENCE: Final = word_set("answers.sentence")
"""Words of a sentence: an answer with one of them is more than an address."""
_ASKS: Final = word_set("answers.asks")
"""First words of an answer that asks for something instead: "search for a room"."""
_HEARD_LETTERS: Final = word_set("answers.heard_letters")
"""Words that a letter may be heard as: u, r, c, y, o, b."""
_SAYS_HI: Final = FUNCTION_HI | VERBS_HI
_NEGATIONS_HI: Final = frozenset("nahi nahin nai mat".split())
"""With nothing but ``_SAYS_HI`` beside them they refuse a secret: "woh to aaya hi nahi"."""
_SPOKEN: Final = {T.PERSON, T.ADDRESS, T.PASSWORD, T.USERNAME, T.EMAIL_ADDRESS, T.VEHICLE_ID, T.PASSPORT,
                  T.DRIVER_LICENSE, T.IN_PAN, T.IFSC, T.UK_NINO, T.IN_GSTIN, T.IBAN_CODE, T.UPI_ID}  # fmt: skip

SECRETS: Final = frozenset({T.PASSWORD, T.USERNAME})
"""Types that are said in parts, a word a turn."""
_PARTS: Final = 2
"""Such a part has at most this many words. A larger value takes more short remarks for a part of the value."""
SPELLED: Final = frozenset(_SPOKEN)
"""Types that are spelled out."""
_PIECE: Final = 5
"""A piece of a spelled value has at most this many words. A larger value takes more remarks for spelling."""


def spelled_piece(text: str, *, code_words: bool = True) -> bool:
    """Nothing but letters and digits one by one, or words that stand for letters, and few of them."""
    words = WORD.findall(text.lower())
    return 0 < len(words) <= _PIECE and all(len(w) == 1 or (code_words and w in _DICTATION) for w in words)


class AnswerRecognizer:
    """The answer to what was just asked, where it is short enough to be nothing else."""

    name = "answer"

    def find(self, view: View) -> list[Detection]:
        if view.open_run in SPELLED and view.written.source.strip() and spelled_piece(view.written.source):
            whole = WORD.finditer(view.written.source)
            ends = [end for word in whole for end in word.span()]
            return [Detection(ends[0], ends[-1], view.open_run, 0.8, self.name, Origin.QUESTION)]
        if view.open_run in SECRETS and (more := self._another_part(view, view.open_run)):
            return more
        for expected in view.expected:
            found = self._date(view) if expected is T.DATE_OF_BIRTH else self._spoken(view, expected)
            if found:
                return found
        return []

    def _another_part(self, view: View, expected: T) -> list[Detection]:
        """A word or two right after a part of a secret: "fluffy", "bunny". A sentence or thanks is none."""
        said = WORD.findall(view.low)
        words = [word for word in said if word not in _AROUND]
        alone = len(words) == 1 or len(words) == len(said) == _PARTS
        if not alone or any(word in _FUNCTION for word in words):
            return []
        return self._spoken(view, expected)

    def _spoken(self, view: View, expected: T) -> list[Detection]:
        if expected not in _SPOKEN:
            return []
        words = list(WORD.finditer(view.written.source.lower()))
        if sum(len(w.group()) > 1 for w in words) > _LIMIT:
            return []
        spelled = self._spelled([w.group() for w in words], expected)
        if not spelled and _REFUSES.search(view.low):
            return []
        if expected is T.ADDRESS and not spelled and (site := _named_site(words)) is not None:
            return [Detection(*site, expected, 0.8, self.name, Origin.QUESTION)]
        if expected is T.PASSWORD and _COUNTS.fullmatch(view.low) is not None:
            return []
        if expected is T.ADDRESS and (numbered := _HOUSE_NUMBER.fullmatch(view.low)) is not None:
            return [view.detection(*numbered.span("number"), expected, 0.8, self.name, Origin.QUESTION)]
        around = _AROUND_SPELLED if spelled else _AROUND
        first, last = 0, len(words)
        while first < last and words[first].group() in around:
            first += 1
        while last > first and words[last - 1].group() in around:
            if words[last - 1].group() in _HEARD_LETTERS and last - 2 >= first and _one_sound(words[last - 2].group()):
                break
            last -= 1
        if expected is T.PASSWORD:
            first, last = _listed(words, first, last)
            last = next((i for i in range(first + 1, last) if _describes(words, i)), last)
        if expected is T.PERSON:
            first, last = _who_speaks(words, first, last)
        if expected is T.PASSWORD and (lead := _LOOKS.match(view.written.source.lower())) is not None:
            first = max(first, sum(w.start() < lead.end() for w in words))
        if expected is T.USERNAME:
            written = _WRITTEN_AS.search(view.written.source.lower(), words[first].end()) if first < last else None
            last = last if written is None else sum(w.start() < written.start() for w in words[:last])
        kept = [w.group() for w in words[first:last]]
        if not kept or not (spelled or self._telling(kept, expected)):
            return []
        if expected is T.ADDRESS and kept[0] in _ASKS:
            return []
        start, end = words[first].start(), words[last - 1].end()
        return [Detection(start, end, expected, 0.8, self.name, Origin.QUESTION)]

    @staticmethod
    def _spelled(words: list[str], expected: T) -> bool:
        """At least half of the words are letters or short pieces of them; in codes, numbers and code words too."""
        if expected is T.PERSON:
            short = [w for w in words if len(w) <= 2 and w.isalpha()]
            return len(short) * 2 >= len(words) and sum(len(w) == 1 for w in short) >= 2
        if expected is T.ADDRESS and not STREETS.isdisjoint(words):
            return False
        dictated = sum(_dictated(w) or w in ("a", "i") for w in words)
        others = sum(not _dictated(w) and w not in _AROUND for w in words)
        return dictated >= 3 and dictated * 2 >= len(words) and others * 2 <= dictated

    @staticmethod
    def _telling(kept: list[str], expected: T) -> bool:
        """Something in it can be such a value: no row of everyday words."""
        if expected is T.PERSON:
            if len(kept) == 1 and kept[0] not in _FUNCTION:
                return kept[0] not in FIELDS
            strange = sum(w in GIVEN_NAMES or (w not in COMMON and not _DIGIT.search(w)) for w in kept)
            return (strange > 0 and (strange * 2 >= len(kept) or len(kept) <= 3)) or (
                len(kept) <= 2 and any(w in NAMES_ALSO_WORDS for w in kept)
            )
        if expected is T.ADDRESS:
            return _is_address(kept)
        if expected in (T.PASSWORD, T.USERNAME):
            if not _NEGATIONS_HI.isdisjoint(kept) and _SAYS_HI.issuperset(kept):
                return False
            if all(_one_sound(w) or w in _BETWEEN_LISTED for w in kept):
                return True
            said = [w for w in kept if w not in SIGN_WORDS and w not in _LISTS and not _one_sound(w)]
            return len(said) <= _SECRET_WORDS and any(w not in _AROUND for w in kept)
        dictated = sum(map(_dictated, kept))
        return len(kept) <= 6 and any(w not in COMMON for w in kept) and dictated * 2 >= len(kept)

    def _date(self, view: View) -> list[Detection]:
        """The answer to "your date of birth?": from its first number or month (or misheard word) to its last."""
        marks = _one_date(view.low, [m.span() for m in _DATE_MARK.finditer(view.low)])
        words = list(WORD.finditer(view.low))
        if not marks or (len(marks) == 1 and len(words) > 6):
            return []
        alone = view.low[slice(*marks[0])]
        if len(marks) == 1 and len(alone) <= 2 and not only_dictation(view.text):
            return []
        plain = [p for p in view.plain if p.sure]
        if len(marks) < 3 and any(p.kind != "date" for p in plain) and not any(p.kind == "date" for p in plain):
            return []
        start, end = marks[0][0], marks[-1][1]
        before = [w for w in words if w.start() < start]
        while before and before[0].group() in _AROUND:
            before.pop(0)
        while before and before[-1].group() == "the":
            before.pop()
        if before and cues.first_named(view.low[before[0].start() : start]) not in (None, T.DATE_OF_BIRTH):
            return []
        if 0 < len(before) <= 3 and len(words) <= 9 and not _REFUSES.search(view.low):
            start = before[0].start()
        return [view.detection(start, end, T.DATE_OF_BIRTH, 0.85, self.name, Origin.QUESTION)]


_DIGIT: Final = re.compile(r"\d")
_NEXT_SENTENCE: Final = re.compile(r"[.?!]\s+[^\W\d_]")
_DATE_MARK: Final = re.compile(
    rf"(?<![^\W_])(?:[^\W_]*\d[^\W_]*|{'|'.join(sorted(MONTHS, key=len, reverse=True))})(?![^\W_])"
)


def _one_date(low: str, marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The numbers and months of the sentence that names a month, where just one does: what a turn says before the
    question, or after its answer, is no part of the date. All of them where none or several do."""
    sentences: list[list[tuple[int, int]]] = []
    for mark in marks:
        if sentences and _NEXT_SENTENCE.search(low, sentences[-1][-1][1], mark[0] + 1) is None:
            sentences[-1].append(mark)
        else:
            sentences.append([mark])
    dated = [sentence for sentence in sentences if any(low[slice(*mark)] in MONTHS for mark in sentence)]
    return dated[0] if len(dated) == 1 else marks


def _one_sound(word: str) -> bool:
    return len(word) == 1 or _dictated(word)


def _who_speaks(words: list[re.Match[str]], first: int, last: int) -> tuple[int, int]:
    """Bounds of the name in an answer that says who speaks: "main sona bol rahi hoon"."""
    said = [word.group() for word in words]
    at = next((i for i in range(first + 1, last - 1) if said[i] in ("bol", "baat") and said[i + 1] in _SPEAKING), None)
    if at is None:
        return first, last
    while first + 1 < at and said[first] in _I_HINDI:
        first += 1
    return first, at


def _listed(words: list[re.Match[str]], first: int, last: int) -> tuple[int, int]:
    """Bounds of an answer that names one letter or digit after the other, with the "one" at its edges: "one and
    four", "g then one"."""
    joined = [word.group() for word in words]
    if first > 1 and joined[first - 2] in ("one", "i", "a") and joined[first - 1] in _LISTS:
        first -= 2
    if last + 1 < len(words) and joined[last] in _LISTS and joined[last + 1] == "one":
        last += 2
    return first, last


def _describes(words: list[re.Match[str]], at: int) -> bool:
    """The word begins what is said of a password, and not the next of the letters that were asked for: "t and nine",
    "t and the fifth is nine"."""
    if words[at].group() not in _DESCRIBES:
        return False
    if words[at].group() not in _LISTS:
        return True
    after = next((w.group() for w in words[at + 1 :] if w.group() not in _BETWEEN_LISTED), "")
    return not after or not _one_sound(after)


def _dictated(word: str) -> bool:
    return (len(word) == 1 and word not in "ai") or any(map(str.isdecimal, word)) or word in _DICTATION


def _named_site(words: list[re.Match[str]]) -> tuple[int, int] | None:
    """Bounds of a short answer that ends in what one lives in or on: "the coach house", "yes it's mill lane"."""
    first = 0
    while first < len(words) and words[first].group() in _BEFORE_SITE:
        first += 1
    kept = [w.group() for w in words[first:]]
    if not 1 < len(kept) <= _SITE_WORDS or kept[-1] not in _NAMED_SITES:
        return None
    named = kept[:-1] == ["the"] and kept[-1] in _HOUSES
    named = named or any(w not in _FUNCTION and w not in _AROUND for w in kept[:-1])
    return (words[first].start(), words[-1].end()) if named and _SENTENCE.isdisjoint(kept) else None


def _is_address(kept: list[str]) -> bool:
    """A dictated code ("n one three j e", misheard words among it), or place words with at most a few everyday ones, or
    where it lies ("first floor above the bakery")."""
    if len(kept) > 2 and not _SITES.isdisjoint(kept) and _SENTENCE.isdisjoint(kept) and kept[0] not in _FUNCTION:
        return True
    dictated = sum(map(_dictated, kept))
    common = sum(w in COMMON and not _dictated(w) for w in kept)
    if dictated >= 2 and common * 2 <= dictated and len(kept) <= 9:
        return True
    return len(kept) <= 6 and common <= len(kept) // 3 and common + dictated < len(kept)
