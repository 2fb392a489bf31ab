"""Names that a speaker compares to a thing of the same name: "berry, like the fruit", "like the season, summer"."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.text.tokens import NAME_PATTERN

_KINDS: Final = "|".join(sorted(word_set("likened.kinds")))
_LIKE: Final = rf"(?:(?:just )?like|as in|same as|spel(?:t|led) like|it's like) (?:the|a) (?:{_KINDS})(?![^\W_])"
_BEFORE: Final = re.compile(rf"(?<![^\W_])(?P<v>{NAME_PATTERN})[ ,]+(?:(?:spel(?:t|led)|that's) )?{_LIKE}")
_AFTER: Final = re.compile(rf"(?<![^\W_]){_LIKE},? (?P<v>{NAME_PATTERN})")
_NO_NAME: Final = word_set("judge.function") | word_set("likened.no_name")
_OPENS: Final = re.compile(r"(?:(?:um|uh|erm|yes|yeah|it's|it is|that's)[ ,]+)*")
_ENDS: Final = re.compile(r"\W*(?:(?:with an? [^\W_]+|please|thanks)\W*)?\Z")
_NAMED: Final = re.compile(r"(?<![^\W_])(?:sur)?names?(?:'s)?(?![^\W_])")
_SHORT: Final = 7
"""A turn of at most this many words that says nothing but such a comparison is about a name. A larger value redacts
words of ordinary comparisons."""


class LikenedRecognizer:
    """Finds a word that is compared to a thing of the same name, where a name was asked for, where the turn says "name"
    or "surname", or where it says nothing else."""

    name = "likened"

    def find(self, view: View) -> list[Detection]:
        low = view.low
        if "like " not in low and "as in " not in low and "same as " not in low:
            return []
        asked = EntityType.PERSON in view.expected or _NAMED.search(low) is not None
        found = []
        for pattern in (_BEFORE, _AFTER):
            for match in pattern.finditer(low):
                opens = len(view.words) <= _SHORT and _OPENS.fullmatch(low, 0, match.start()) is not None
                said = match["v"].removesuffix("'s")
                if said not in _NO_NAME and (asked or (opens and _ENDS.match(low, match.end()))):
                    found.append(view.detection(*match.span("v"), EntityType.PERSON, 0.8, self.name))
        return found
