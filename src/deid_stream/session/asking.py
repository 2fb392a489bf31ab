"""How long an answer may still come: from the question to where what it asks for has been said.

On a line with an echo, and where one channel carries both voices, the turn that asks holds the answer as well. What is
said after that turn is no answer.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from deid_stream.detect.conversation import questions
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment
from deid_stream.model.spans import Span
from deid_stream.session.turns import Turn
from deid_stream.text.normalise import normalise
from deid_stream.units import FOREVER_MS, CharIndex, Interval, Ms

_FROM_YOU: Final = re.compile(r"(?i)(?<![^\W_])(?:I|you|your)(?![^\W_]).*\?\Z", re.DOTALL)
"""A recogniser may take an answer for a question: "how will drive near the old mill?" """
_SENTENCE: Final = re.compile(r"[^.?!]+[.?!]*")


def opened(
    turn: Turn, types: Sequence[EntityType], spans: Sequence[Span], answers: Callable[[EntityType, EntityType], bool]
) -> Interval:
    """Media time in which an answer counts to a question for ``types`` that ``turn`` asks: from the sentence that asks,
    for as long as ``FOREVER_MS``, or to the turn's end where all of it stands behind the question. ``answers``: whether
    a value of the first type is one that was asked for as the second."""
    at, from_ms = next(_asking(turn, types), (0, turn.start_ms))
    found = [span.entity_type for span in spans if span.start > at]
    answered = all(any(answers(kind, wanted) for kind in found) for wanted in types)
    return Interval(from_ms, turn.end_ms if answered else FOREVER_MS)


def _asking(turn: Turn, types: Sequence[EntityType]) -> Iterator[tuple[CharIndex, Ms]]:
    """Where the sentences begin, in characters of the turn's text and in media time, that ask for one of ``types``."""
    for segment, start in zip(turn.segments, turn.starts(), strict=True):
        for sentence in _SENTENCE.finditer(segment.text):
            if not set(types).isdisjoint(questions.asked(normalise(sentence.group()).text.lower())):
                yield start + sentence.start(), _said_ms(segment, sentence.start())


def asks(text: str) -> list[Interval]:
    """Sentences of ``text`` (characters) in which somebody asks somebody for a value: they answer nothing."""
    sentences = [sentence for sentence in _SENTENCE.finditer(text) if _FROM_YOU.search(sentence.group())]
    return [Interval(*each.span()) for each in sentences if questions.asked(normalise(each.group()).text.lower())]


def _said_ms(segment: Segment, at: CharIndex) -> Ms:
    """When the word at a place of the text begins; where the words are not those of the text, the segment does."""
    if len(segment.words) != len(segment.text.split()):
        return segment.start_ms
    start_ms = segment.words[len(segment.text[:at].split())].start_ms
    return segment.start_ms if start_ms is None else start_ms
