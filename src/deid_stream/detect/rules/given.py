"""Given names anywhere in a turn, unless they are part of a place ("san jose", "helena street")."""

from typing import Final

from deid_stream.detect.judge.addresses import STREETS
from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import FUNCTION_HI, GIVEN_NAMES, NAMES_AMBIGUOUS, word_set
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import POSSESSIVES

_NAMES: Final = frozenset(n for n in GIVEN_NAMES - NAMES_AMBIGUOUS if len(n) > 2)
_BEFORE_PLACES: Final = word_set("given.before_places")
_MUST_HI: Final = frozenset("chahiye hai hoga hogi padega padegi padta tha".split())
"""After the infinitive of a Hindi verb: "jana padega"."""
_AFTER_PLACES: Final = STREETS | frozenset(
    "airport station university college hotel park city county apartments hospital school stadium"
    " bay beach island hills"
    " valley heights springs falls creek river lake hall".split()
)


class GivenNameRecognizer:
    """Common given names that are no other word."""

    name = "given"

    def find(self, view: View) -> list[Detection]:
        words = view.words
        found = []
        for at, (start, end, low) in enumerate(words):
            bare = low[:-2] if low.endswith(POSSESSIVES) else low
            if bare not in _NAMES or (view.language != "en" and bare in view.everyday):
                continue
            before = words[at - 1][2] if at else ""
            after = words[at + 1][2] if at + 1 < len(words) else ""
            if bare in FUNCTION_HI and after in _MUST_HI:
                continue  # "police station jana padega"
            if before not in _BEFORE_PLACES and after not in _AFTER_PLACES:
                found.append(
                    view.detection(
                        start, end - len(low) + len(bare), EntityType.PERSON, 0.75, self.name, Origin.GAZETTEER
                    )
                )
        return found
