"""The trained tagger, and which turns it need not see."""

from collections.abc import Sequence
from typing import Final

from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.plain import SURE
from deid_stream.detect.vocabulary import CLOSED, ORDINARY
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

_LONG: Final = 400
"""Characters up to which a turn is worth the look for a skip."""
_CERTAIN: Final = 0.75
"""Score from which a rule's word counts as settled."""


_OPEN_ENDED: Final = frozenset({EntityType.PERSON, EntityType.ADDRESS})


class ModelStage:
    """Runs the model over the source text after the rules, told what was just asked for.

    A turn is spared the model, which is most of its cost, when every word is settled: found by a rule, plainly an
    amount, a date, a time or a quantity, or of a vocabulary that is hardly ever part of a name or an address. Where a
    rule has found a name or an address, the vocabulary is the closed one, because only the model may know their ends.
    """

    def __init__(self, tagger: NeuralTagger) -> None:
        self._tagger = tagger

    def find(self, view: View, found: Sequence[Detection]) -> list[Detection]:
        if settled(view, found):
            return []
        return self._tagger.tag(view.written.source, view.expected[0] if view.expected else None)


def settled(view: View, found: Sequence[Detection]) -> bool:
    """Nothing is left in the turn that only the model could tell."""
    if len(view.text) > _LONG or (view.expected and not any(d.entity_type in view.expected for d in found)):
        return False
    vocabulary = CLOSED if any(d.entity_type in _OPEN_ENDED for d in found) else ORDINARY
    covered = [(d.start, d.end) for d in found if d.score >= _CERTAIN]
    mask = view.plain_mask if view.has_digit else None
    for start, end, word in view.words:
        if word in vocabulary or (mask is not None and mask[start] & SURE and mask[end - 1] & SURE):
            continue
        left, right = view.written.to_source(start, end)
        if not any(a <= left and right <= b for a, b in covered):
            return False
    return True
