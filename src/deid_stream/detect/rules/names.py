"""Names after, before and between the words that show them. The trained tagger finds the others.

A word that nobody says otherwise is a name after a weak cue ("with okonkwo"); a word that is an everyday word too
("will", "chase") is one where only a name can stand: after thanks, as the one who is called, at the end of a question.
"""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.kin import KIN_HINDI, is_name_word, kin
from deid_stream.detect.vocabulary import (
    COMMON,
    DICTIONARY,
    FUNCTION_HI,
    GIVEN_NAMES,
    MONTHS,
    NAMES_ALSO_WORDS,
    RARE,
    WORD_NAMES,
    expressions,
    word_set,
)
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import LETTERS, NAME, NAME_PATTERN, POSSESSIVES


def _alternatives(field: str) -> str:
    return "|".join(expressions("names", field)) or r"\b\B"


_CUE: Final = re.compile(
    r"(?<![^\W_])(?:(?P<strong>(?:my|full|first|last|sur|family|the|her|his|their|middle|maiden|whose"
    r"|in the|under the|customer|account holder'?s?|reservation|booking)"
    r" ?names?(?: (?:is|was|it's|its|are|of|would be|on it is|will be))*|name(?:'s| is|d|:)?"
    r"|names (?:is|are)?|surname(?: is)?|"
    r"under(?: the name(?: of)?)?|named me|call me|miss|mx|dr|doctor|(?<!jai )(?<!sat )shri|smt|(?<!sat )sri"
    rf"|{_alternatives('strong')})"
    r"|(?P<weak>i'?m|i am|this is|it'?s|it is|speaking (?:with|to)|talking (?:with|to)|thank you"
    r"|thanks|hi|hello|hey|dear|with|by|for|from|to|ask for|regards|called|named))"
    r"[ ,.:-]+",
)
_TITLED: Final = re.compile(
    rf"(?<![^\W_])(?:mr|mrs|ms|mister|missus|mx)\.? +(?P<first>{NAME_PATTERN})",
)
_ANY_DOCTOR: Final = re.compile(
    r"(?<![^\W_])(?:an?|any|another|her|his|my|our|that|the|their|this|which|your) (?:doctor|dr|miss|missus)[ ,.:-]+\Z"
)
"""Somebody who is not named: "the doctor will call you"."""
_SENTENCE: Final = COMMON | DICTIONARY | RARE
_NEAR: Final = 24
"""Characters before a word in which what it depends on must stand. A larger value costs time in long turns."""
_NO_SURNAME: Final = word_set("names.no_surname")
_EXPLICIT: Final = re.compile(
    r"(?<![^\W_])(?:(?:my|his|her|our|the|customer'?s?) (?:full |first |last |sur|family |middle |maiden "
    r"|married )?name"
    r"(?:'s| is| was)|surname(?:'s| is)|last name(?:'s| is)|m(?:other|um|om)'?s maiden name(?:'s| is| was)"
    r"|(?:you can )?call me|they call me|the name'?s|in the names? of|under the names?(?: of)?) +"
    rf"(?P<name>{NAME_PATTERN})(?! (?:on|in|for|as|not|a|an|the|to|been|being|already|still|right|with"
    r"|of)\b)"
)
_NO_NAME: Final = word_set("names.no_name")
_SPEAKS: Final = re.compile(
    rf"(?<![^\W_])(?:{_alternatives('i_am')}) (?P<name>{NAME_PATTERN}(?: {NAME_PATTERN}){{0,2}}?)"
    rf" (?:{_alternatives('speaking')})(?![^\W_])"
)
_CALLS: Final = re.compile(
    r"(?:^|(?<=[.?!,] )|(?<=hello )|(?<=hi ))(?:(?:(?:this|that|it) is|is (?:this|that|it)|it'?s|its|yes|yeah|hello|hi"
    r"|good (?:morning|afternoon|evening)) )?"
    rf"(?P<name>{NAME_PATTERN}(?: {NAME_PATTERN}){{0,2}}?(?: and {LETTERS.pattern})?)"
    r" (?:speaking|here(?= (?:from|calling|at)\b)|calling from)(?![^\W_])"
)
_RESPECTED: Final = re.compile(
    rf"(?<![^\W_])(?P<name>{NAME_PATTERN}) (?P<respect>{_alternatives('respect')})(?![^\W_])"
)
_WORD_NAME: Final = "|".join(sorted(map(re.escape, WORD_NAMES), key=len, reverse=True))
_VERBS: Final = (
    r"(?:e-?mail|text|call|ring|phone|tell|ask|remind|meet|invite|message|contact|ping|notify|invited|met|emailed"
    r"|texted"
    r"|told|asked|add|cc|copy in|loop in|marry|married|with|thanks|thank you|cheers|sorry|hi|hello|hey|dear|bye"
    r"|goodbye|okay|ok"
    r"|alright|right|good (?:morning|afternoon|evening)|yes|no|sure|great|welcome back|welcome|ask for|regards"
    r"|love from"
    r"|(?:transfer|hand|put|pass|connect|forward|switch)(?:ring|ing|ed)? (?:me |you |us |him |her |the call )?(?:over "
    r"|on |across |through |up )?to"
    r"|(?:speak|spoke|speaking|talk|talked|talking|spoken|reporting|listen) (?:to|with)|(?:this is|it'?s|i'?m|i am)"
    r"|my (?:wife|husband|son|daughter|brother|sister|mother|father|mom|mum|dad|boss|friend|manager|partner|colleague"
    r"|cousin"
    r"|neighbou?r|uncle|aunt|fianc[eé]e?|girlfriend|boyfriend|nephew|niece|assistant|agent|lawyer|accountant)'?s?"
    r"|(?:spoke|talked|spoken|speaking) (?:to|with) was|spoke to|from|to|and)"
)
_VERB_NAME: Final = re.compile(
    rf"(?<![^\W_])(?P<verb>{_VERBS}) (?P<name>{_WORD_NAME})(?P<after>[ ,.?!]*\Z|[,.?!]| (?:and"
    rf"|or) (?:(?P<second>{_WORD_NAME})\b)?"
    r"| [^\W\d_]+)?(?![^\W_])"
)
_NOUNS: Final = frozenset("call contact email e-mail message phone text".split())
_NOUN_BEFORE: Final = re.compile(
    r"(?<![^\W_])(?:an?|any|by|check|have|her|his|in|my|no|of|on|over|the|this|use|via|your) \Z"
)
"""Before what is a thing and no verb."""
_MODALS: Final = frozenset({"will", "may"})
"""Verbs that end no sentence that presents somebody: "this is my husband will"."""
_PRESENTS: Final = re.compile(r"(?<![^\W_])(?:this is|here is|here's|it's|meet|and) \Z")
_WEAK_VERBS: Final = word_set("names.weak_verbs")
_OPENERS: Final = word_set("names.openers")
_VOCATIVE_AFTER: Final = re.compile(
    r"[ ,]+(?:let'?s|let me|bear|could you|can you|just|one moment|i'?ll|i will|do you|would you|hold on"
    r"|thank|and (?:your|what|what's|could|can|may|do|is))(?![^\W_])"
)
_ADDRESSED: Final = re.compile(
    r"[ ,]+(?:and (?:your|what(?:'s| is) your)|(?:could|can) you|can i (?:take|get|have))(?![^\W_])"
)
"""After an opener and a word that is said for its own sake there, too: "okay will and your last name"."""
_AFTER_PERSON: Final = re.compile(
    r" (?:about|that|yesterday|today|tomorrow|again|for (?:me|the|your|that|calling)|from (?:the |our )?[a-z]+"
    r"|speaking|calling|here|by the way"
    r"|could|can|would|will|please|let(?:'?s)?|bear|how|what|do you|did you|i'?m|i'?ll|i will|i have|we|one moment|just"
    r"|hold"
    r"|have a"
    r"|who|said|says|called|told|is (?:my|the|on|here|out|\d)|has|was|needs|wants|lives|works|when|if|at (?:the|your"
    r"|my)|on (?:the|your)"
    r"|in (?:accounts?|billing|sales|support|it|hr|the)|last (?:week|month|night)|this (?:morning|week)|i called"
    r"|to (?:the|my|our)|and)(?![^\W_])"
)
_GIVING: Final = frozenset("email e-mail text message tell remind".split())
_THING_AFTER: Final = re.compile(r" (?:the|an?|my|our|his|her|their|some)(?![^\W_])")
"""What a person is given or told: "email rose the contract"."""
_OPENING: Final = re.compile(
    rf"\W*(?P<name>{_WORD_NAME})[ ,]+(?:what can i|how can i|how may i|how are you|can i (?:help|just|take|get|have)"
    rf"|could i"
    r"|can you hear|could you (?:please|just|tell|confirm|hold|repeat)|thank you for|thanks for|are you (?:there"
    r"|still)|i(?:'ll| will) (?:just|need)|this is)"
    r"(?![^\W_])"
)
_CLOSING: Final = re.compile(
    r"(?:(?<![^\W_])(?:what|which|who|how|when|where|why|is|are|do|did|does|can|could|would|will|have)\b[^.]*"
    rf" (?:it|you|that|this|him|her|them|there|today|now|okay|please|though|it again"
    rf"|your end)[ ,]+(?P<name>{_WORD_NAME}))\W*\Z"
)
_NO_VOCATIVE: Final = word_set("names.no_vocative")
_ENDEARMENTS: Final = word_set("names.endearments")
"""What people call anybody after thanks: "cheers love". Elsewhere such a word may be a name."""
_THANKS: Final = frozenset({"thanks", "thank you", "cheers", "ta"})
_SPELLS: Final = re.compile(r"(?<![^\W_])(?:spell(?:ed|s|ing|t)?(?: is| it| that| as)?|that(?:'s| is)|thats)[ ,:]+\Z")
_EXPLAINED: Final = re.compile(r"(?<![^\W_])([^\W\d_])(?: [^\W\d_]+){1,2}? \1[^\W\d_]+")
"""A letter and the word that explains it: "b for bravo", "p as in peter"."""
_LETTERED: Final = (
    r"(?:(?:an?|one|two|double|no|[1-3]) |[1-3]|a(?=[^\W\d_]{2} ))[^\W\d_](?: ?[^\W\d_])?(?:['’]?s)?(?![^\W_])"
)
_REMARKED: Final = re.compile(
    rf"(?<![^\W_])(?P<first>{NAME_PATTERN})[ ,]+(?:spel(?:t|led) )?with {_LETTERED}(?: and {_LETTERED})?"
    rf"[ ,]+(?P<name>(?=[^\W\d_]{{2}}){NAME_PATTERN})(?![^\W_])"
)
"""A surname after a remark on how the given name is spelled: "joanne with two n's fairweather"."""
_MONEY: Final = re.compile(r"\b(?:send|sending|transfer|pay|request|dollars|bucks|rupees|pounds)\b|[$£€₹]")
_MAX_WORDS: Final = 4
"""A name after a cue has at most this many words. A larger value redacts more of what follows it."""
_NO_INITIAL: Final = {"es": "iyeoua"}
"""Single letters that are words."""
_TITLE_BEFORE: Final = re.compile(r"[A-Z][\w'’]* \Z|(?:The|the|a|my|My) \Z")
"""Part of a title or of another name, or a thing: "Labor Day", "the Grace"."""
_CASED: Final = re.compile(r"(?<=[a-z,;] )(?P<name>[A-Z][a-z]+(?:['’-][A-Z]?[a-z]+)?)(?![^\W_])")


def _is_any_doctor(low: str, at: int) -> bool:
    """A word of a sentence after somebody who is not named: "the doctor will call you", "the missus wants a refund"."""
    if _ANY_DOCTOR.search(low, max(0, at - _NEAR), at) is None:
        return False
    following = NAME.match(low, at)
    return following is not None and following.group() in _SENTENCE


class NameRecognizer:
    """ "my name is ...", "mrs ...", "thank you will", "main ... bol raha hoon" """

    name = "names"

    def find(self, view: View) -> list[Detection]:
        found = [*self._titled(view), *self._introduced(view)]
        low = view.low
        for match in _EXPLICIT.finditer(low) if "name" in low or "call me" in low else ():
            # the whole word: before "on" or "the" the pattern stops within it
            whole = NAME.match(low, match.start("name"))
            word = whole.group() if whole is not None else ""
            if whole is not None and word not in _NO_NAME and not (word in COMMON and word.endswith(("ing", "ed"))):
                found.append(self._hit(view, *whole.span(), "explicit", 0.85))
        hindi = view.language == "hi"
        for match in _SPEAKS.finditer(low) if hindi else ():
            found.extend(self._spoken(view, match, "speaking", needs=False))
        if "speaking" in low or " here" in low or "calling" in low:
            for match in _CALLS.finditer(low):
                found.extend(self._spoken(view, match, "calling", needs=True))
        for match in _RESPECTED.finditer(low) if hindi or " ji" in low else ():
            name = match.group("name")
            if name in KIN_HINDI:
                continue
            if is_name_word(name, view.everyday) and (view.language != "en" or name in GIVEN_NAMES):
                found.append(self._hit(view, *match.span("name"), "respect", 0.75))
        found.extend(self._hit(view, start, end, rule, 0.75) for start, end, rule in kin(view))
        found.extend(self._spelled(view))
        for match in _REMARKED.finditer(low) if " with " in low else ():
            if is_name_word(match.group("first"), view.everyday) and match.group("name") not in view.everyday:
                found.append(self._hit(view, *match.span("first"), "remarked", 0.8))
                found.append(self._hit(view, *match.span("name"), "remarked", 0.8))
        found.extend(self._word_names(view))
        return found

    def _spelled(self, view: View) -> Iterator[Detection]:
        """A word given letter by letter: after "spelled", or after the word that it spells ("nguyen n g u y e n"); or
        anywhere, where two of its letters or more are explained ("b for bravo e for echo l l")."""
        if view.written.text is view.written.source:
            return
        previous = ""
        for start, end, low in view.words:
            if low.isalpha() and len(low) > 1:
                left, right = view.written.to_source(start, end)
                if right - left >= 2 * len(low) - 1 and (
                    low == previous
                    or (len(low) > 2 and _SPELLS.search(view.low[max(0, start - 24) : start]))
                    or len(_EXPLAINED.findall(view.written.source[left:right].lower())) > 1
                ):
                    yield self._hit(view, start, end, "spelled", 0.8)
                    if low == previous:
                        at = view.low.rfind(previous, 0, start)
                        yield self._hit(view, at, at + len(previous), "spelled", 0.8)
            previous = low

    def _hit(self, view: View, start: int, end: int, rule: str, score: float) -> Detection:
        return view.detection(start, end, EntityType.PERSON, score, f"{self.name}/{rule}")

    def _titled(self, view: View) -> Iterator[Detection]:
        for match in _TITLED.finditer(view.low):
            first = match.group("first")
            if first in _NO_SURNAME or _is_any_doctor(view.low, match.start("first")):
                continue
            end = match.end()
            if view.text[end : end + 1] == " ":
                end = max(end, self._name_end(view, end + 1, strong=True))
                end -= view.text[end - 1] == " "
            yield self._hit(view, match.start("first"), end, "titled", 0.9)

    def _introduced(self, view: View) -> Iterator[Detection]:
        asked = EntityType.PERSON in view.expected
        for match in _CUE.finditer(view.low):
            strong = asked or (match.group("strong") is not None and not _is_any_doctor(view.low, match.end()))
            strong = strong or (match.group("weak") in ("to", "from") and _MONEY.search(view.low) is not None)
            end = self._name_end(view, match.end(), strong=strong)
            if end > match.end():
                yield self._hit(view, match.end(), end, "strong" if strong else "weak", 0.85 if strong else 0.7)

    def _spoken(self, view: View, match: re.Match[str], rule: str, *, needs: bool) -> Iterator[Detection]:
        """All words of a name that somebody gives who speaks; with ``needs`` each must be one or known as one."""
        lows = [w.group() for w in NAME.finditer(match.group("name"))]
        if not needs and not FUNCTION_HI.isdisjoint(lows):
            # "main delhi se ravi bol raha hoon": the word before "se" or "mein" is a place
            return
        proper = [is_name_word(w, view.everyday) or w in WORD_NAMES for w in lows if w != "and"]
        if (all(proper) if needs else any(proper) or not lows[0].isascii()) and not any(
            w in _NO_NAME for w in lows if w != "and"
        ):
            yield self._hit(view, *match.span("name"), rule, 0.8)

    def _word_names(self, view: View) -> Iterator[Detection]:
        """Everyday words where only a name can stand."""
        low = view.low
        if WORD_NAMES.isdisjoint(view.said):
            return
        for match in _VERB_NAME.finditer(low):
            if self._is_called(low, match):
                yield self._hit(view, *match.span("name"), "called", 0.75)
                if match.group("second"):
                    yield self._hit(view, *match.span("second"), "called", 0.75)
        for pattern in (_OPENING, _CLOSING):
            match_ = pattern.match(low) if pattern is _OPENING else pattern.search(low)
            if match_ is not None and (pattern is _OPENING or match_.group("name") not in _NO_VOCATIVE):
                yield self._hit(view, *match_.span("name"), "vocative", 0.75)
        text = view.text
        if not (text.islower() or text.isupper()):
            for match in _CASED.finditer(text):
                word = match.group("name").lower()
                title = text[match.end() : match.end() + 2].strip()[:1].isupper() or _TITLE_BEFORE.search(
                    text[max(0, match.start() - 16) : match.start()]
                )
                if word in WORD_NAMES and word not in MONTHS and word not in _NO_VOCATIVE and not title:
                    yield self._hit(view, *match.span("name"), "capital", 0.7)

    @staticmethod
    def _is_called(low: str, match: re.Match[str]) -> bool:
        """The verb takes a person here: the name ends the turn or is followed by what is said of or to persons."""
        verb, name = match.group("verb"), match.group("name")
        rest = low[match.end("name") :]
        ends = not rest.strip(" .,?!")
        follows = _AFTER_PERSON.match(rest) is not None or rest[:1] in (",", "!", "?")
        follows = follows or (verb in _GIVING and _THING_AFTER.match(rest) is not None)
        if verb in _NOUNS and _NOUN_BEFORE.search(low, max(0, match.start() - _NEAR), match.start()):
            return False  # "i don't use email love"
        if verb in ("from", "to", "and", "with", "add") or (name in _ENDEARMENTS and verb in _THANKS):
            return False
        if verb in _WEAK_VERBS or verb.startswith(("this", "it", "i")):
            weak = name in _NO_VOCATIVE or name in MONTHS
            told = re.match(r" (?:from (?:the |our )?[a-z]+|speaking|calling|here|by the way|how can|how may)\b", rest)
            if verb in _OPENERS and (_VOCATIVE_AFTER if not weak else _ADDRESSED).match(rest):
                return True
            if ends and name in _MODALS and verb.startswith("this"):
                return True
            return bool(told) or (
                not weak and (ends or rest[:1] == ",") and (verb.startswith("this") or name in GIVEN_NAMES)
            )
        if verb.startswith("my "):
            if name in _MODALS and _PRESENTS.search(low, 0, match.start()):
                return ends
            return name not in ("will", "may", "cash", "page", "case") and follows
        return ends or follows or match.group("second") is not None

    @staticmethod
    def _name_end(view: View, start: int, *, strong: bool) -> int:
        text = view.text
        at, end, known = start, start, False
        for count in range(_MAX_WORDS):
            match = NAME.match(text, at)
            if match is None:
                break
            low = match.group().lower()
            initial = count > 0 and len(low) == 1 and low not in _NO_INITIAL.get(view.language, "i")
            named = low in GIVEN_NAMES or (strong and low in NAMES_ALSO_WORDS)
            if strong and count == 0 and low in MONTHS:
                following = NAME.match(text, match.end() + 1)
                named = following is not None and is_name_word(following.group().lower(), view.everyday)
            if not (named or initial or is_name_word(low, view.everyday)):
                break
            known = known or named
            end = match.end()
            if low.endswith(POSSESSIVES):
                end -= 2
                break
            at = end
            while at < len(text) and text[at] in " ." and at - end < 2:
                at += 1
            if at == end:
                break
        return end if strong or known else start
