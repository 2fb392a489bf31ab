"""Names after the words that introduce them. The trained tagger finds the others."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import COMMON, DICTIONARY, GIVEN_NAMES, MONTHS, NAMES_ALSO_WORDS, WEEKDAYS
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_CUE: Final = re.compile(
    r"(?<![^\W_])(?:(?P<strong>(?:my|full|first|last|sur|family|the|her|his|their|middle|maiden|whose"
    r"|in the|under the|customer|account holder'?s?|reservation|booking)"
    r" ?names?(?: (?:is|was|it's|its|are|of|would be|on it is|will be))*|name(?:'s| is|d|:)?"
    r"|names (?:is|are)?|surname(?: is)?|"
    r"under(?: the name(?: of)?)?|(?:mera |meri )?naa?m(?: hai)?|named me|call me|miss|mx|dr|doctor|shri|smt|sri)"
    r"|(?P<weak>i'?m|i am|this is|it'?s|it is|speaking (?:with|to)|talking (?:with|to)|thank you"
    r"|thanks|hi|hello|hey|dear|with|by|for|from|to|ask for|regards|called|named))"
    r"[ ,.:-]+",
)
_TITLED: Final = re.compile(r"(?<![^\W_])(?:mr|mrs|ms|mister|missus|mx)\.? +(?P<first>[^\W\d_]+(?:['’-][^\W\d_]+)*)")
_NO_SURNAME: Final = frozenset("and or is the a me my who i you it to of in on at for with from".split())
_NAME_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MONEY: Final = re.compile(r"\b(?:send|sending|transfer|pay|request|dollars|bucks|rupees|pounds)\b|[$£€₹]")
_MAX_WORDS: Final = 4


def is_name_word(low: str) -> bool:
    """Could be part of a name: known as one, or no everyday word."""
    return low in GIVEN_NAMES or (
        len(low) > 1 and low not in COMMON and low not in DICTIONARY and low not in MONTHS and low not in WEEKDAYS
    )


class NameRecognizer:
    """ "my name is ...", "mrs ...", "this is ..." """

    name = "names"

    def find(self, view: View) -> list[Detection]:
        found: list[Detection] = []
        asked = EntityType.PERSON in view.expected
        paid = _MONEY.search(view.low) is not None
        for match in _TITLED.finditer(view.low):
            if match.group("first") not in _NO_SURNAME:
                end = match.end()
                if view.text[end : end + 1] == " ":
                    end = max(end, self._name_end(view.text, end + 1, strong=True))
                    end -= view.text[end - 1] == " "
                found.append(view.detection(match.start("first"), end, EntityType.PERSON, 0.9, self.name))
        for match in _CUE.finditer(view.low):
            strong = match.group("strong") is not None or asked
            strong = strong or (paid and match.group("weak") in ("to", "from"))
            end = self._name_end(view.text, match.end(), strong=strong)
            if end > match.end():
                found.append(view.detection(match.end(), end, EntityType.PERSON, 0.85 if strong else 0.7, self.name))
        return found

    @staticmethod
    def _name_end(text: str, start: int, *, strong: bool) -> int:
        at, end, known = start, start, False
        for count in range(_MAX_WORDS):
            match = _NAME_WORD.match(text, at)
            if match is None:
                break
            low = match.group().lower()
            initial = count > 0 and len(low) == 1 and low != "i"
            named = low in GIVEN_NAMES or (strong and low in NAMES_ALSO_WORDS)
            if strong and count == 0 and low in MONTHS:
                following = _NAME_WORD.match(text, match.end() + 1)
                named = following is not None and is_name_word(following.group().lower())
            if not (named or initial or is_name_word(low)):
                break
            known = known or named
            end = match.end()
            at = end
            while at < len(text) and text[at] in " ." and at - end < 2:
                at += 1
            if at == end:
                break
        return end if strong or known else start
