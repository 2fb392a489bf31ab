"""Where each recogniser word stands in its segment's text.

Providers differ: words may lack the text's punctuation, differ in case, or be formatted ("411" beside "four one
one"). A word that cannot be found literally is given the text between its found neighbours, so that whatever is
redacted in the text is redacted in the word too (law 3).
"""

from collections.abc import Sequence

from deid_stream.model.events import Word
from deid_stream.units import Interval

_TRIM = ".,;:!?\"'()[]{}…-"
_LOOK_AHEAD_CHARS = 200


def place_words(text: str, words: Sequence[Word]) -> list[Interval]:
    """One interval of ``text`` a word, in order; empty where the word has no place at all."""
    folded = text.lower()
    if len(folded) != len(text):  # a letter whose lower case is longer would shift what follows
        folded = text
    placed: list[Interval | None] = []
    cursor = 0
    for word in words:
        found = _find(folded, word.text, cursor)
        placed.append(found)
        if found is not None:
            cursor = found.end
    return _fill(placed, len(text))


def _find(folded: str, word: str, cursor: int) -> Interval | None:
    stop = cursor + _LOOK_AHEAD_CHARS + len(word)
    lowered = word.strip().lower()
    for candidate in (lowered, lowered.strip(_TRIM)):
        at = folded.find(candidate, cursor, stop) if candidate else -1
        while at >= 0:
            end = at + len(candidate)
            if _is_edge(folded, at) and _is_edge(folded, end):
                return Interval(at, end)
            at = folded.find(candidate, at + 1, stop)
    return None


def _is_edge(text: str, at: int) -> bool:
    return at == 0 or at == len(text) or not (text[at - 1].isalnum() and text[at].isalnum())


def _fill(placed: list[Interval | None], length: int) -> list[Interval]:
    filled: list[Interval] = []
    previous_end = 0
    for index, interval in enumerate(placed):
        if interval is None:
            following = next((later.start for later in placed[index + 1 :] if later is not None), length)
            filled.append(Interval(previous_end, following))
        else:
            filled.append(interval)
            previous_end = interval.end
    return filled
