"""The trained tagger as a recognizer, and which turns it need not see."""

from typing import Final

from deid_stream.detect.lexicon import words
from deid_stream.detect.neural import NeuralTagger
from deid_stream.detect.plain import SURE
from deid_stream.detect.recognizer import View
from deid_stream.model.spans import Detection

_CLOSED: Final = words("closed_en")
_LONG: Final = 400
"""Characters up to which a turn is worth the look for a skip."""


class TaggerRecognizer:
    """Runs the model over the source text, told what was just asked for."""

    name = "neural"

    def __init__(self, tagger: NeuralTagger) -> None:
        self._tagger = tagger

    def find(self, view: View) -> list[Detection]:
        if not view.expected and holds_nothing(view):
            return []
        return self._tagger.tag(view.written.source, view.expected[0] if view.expected else None)


def holds_nothing(view: View) -> bool:
    """Only words of the closed vocabulary, which are never part of a name or an address, and plain numbers."""
    if len(view.text) > _LONG:
        return False
    mask = None
    for start, end, word in view.words:
        if word in _CLOSED:
            continue
        if not view.has_digit:
            return False
        mask = mask or view.plain_mask
        if not (mask[start] & SURE and mask[end - 1] & SURE):
            return False
    return True
