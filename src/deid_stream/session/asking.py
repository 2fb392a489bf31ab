"""What was asked before a turn, and how long an answer may still come: from the question to where what it asks for has
been said.

On a line with an echo, and where one channel carries both voices, the turn that asks holds the answer as well. What is
said after that turn is no answer.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nlargest
from typing import Final, NamedTuple

import msgspec

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
_QUESTION_WORDS: Final = 40
"""A question is looked for in so many words before its answer. A larger value finds one that much more was said after,
and takes longer for each turn."""
_LASTING_SEGMENTS: Final = 4
"""And in so many segments that last beyond the answer, those that begin last. A larger value takes longer where a
recogniser sends many that overlap."""


class Overheard(NamedTuple):
    """A question within a segment that lasts beyond its answer: who asks (a channel), for which types, and the media
    time at which the question begins."""

    by: str
    types: tuple[EntityType, ...]
    from_ms: Ms


def overheard(turn: Turn, pending: Iterable[Segment]) -> Overheard | None:
    """The last question that another channel asked before the last segment of ``turn``, in a ``pending`` segment: turns
    are detected in the order of their ends, so that segment is detected after the answer. It may go on after the turn,
    since a recogniser may make one segment of two questions and of the pause that the answer to the first fills. Or it
    has no times, and its turn stays open, since the pause between it and the next words is not known."""
    begins_ms, found, newest_ms = turn.segments[-1].start_ms, None, -1
    for segment in _asked_before(turn, pending):
        said = Turn(begins_ms, segment.channel, (_before(segment, begins_ms) if segment.timed else segment,))
        for at, types in _questions(said):
            asked_ms = at.ms if segment.timed else segment.end_ms
            if asked_ms >= newest_ms:
                newest_ms, from_ms = asked_ms, at.ms if segment.timed else min(at.ms, turn.start_ms)
                found = Overheard(str(segment.channel), types, from_ms)
    return found


def _asked_before(turn: Turn, pending: Iterable[Segment]) -> list[Segment]:
    """The ``pending`` segments of other channels that may hold a question before ``turn``. A segment without times
    counts by when it came: at the end of its stretch."""
    last = turn.segments[-1]
    others = [segment for segment in pending if segment.channel != turn.channel]
    untimed = [segment for segment in others if not segment.timed and segment.end_ms < last.end_ms]
    lasting = [
        segment
        for segment in others
        if segment.timed and segment.start_ms < last.start_ms and segment.end_ms > turn.end_ms
    ]
    return [
        *nlargest(_LASTING_SEGMENTS, untimed, key=lambda one: one.end_ms),
        *nlargest(_LASTING_SEGMENTS, lasting, key=lambda one: one.start_ms),
    ]


def _before(segment: Segment, until_ms: Ms) -> Segment:
    """The last ``_QUESTION_WORDS`` of a segment that begin before a media time; none where a word has no time or is not
    of the text."""
    texts = segment.text.split()
    starts = [word.start_ms for word in segment.words if word.start_ms is not None]
    count = sum(ms < until_ms for ms in starts) if len(starts) == len(segment.words) == len(texts) else 0
    last = slice(max(0, count - _QUESTION_WORDS), count)
    return msgspec.structs.replace(segment, text=" ".join(texts[last]), words=segment.words[last])


def opened(
    turn: Turn, types: Sequence[EntityType], spans: Sequence[Span], answers: Callable[[EntityType, EntityType], bool]
) -> Interval:
    """Media time in which an answer counts to a question for ``types`` that ``turn`` asks. It begins with the sentence
    that asks. It ends with the turn where the turn itself holds every answer behind its question (see the module), else
    never (``FOREVER_MS``). ``answers``: whether a value of the first type is one that was asked for as the second."""
    at = whole = _At(0, turn.start_ms)
    if any(sentence != whole for sentence, _ in _sentences(turn)):
        at = next((at for at, kinds in _questions(turn) if not set(types).isdisjoint(kinds)), whole)
    found = [span.entity_type for span in spans if span.start > at.char]
    answered = all(any(answers(kind, wanted) for kind in found) for wanted in types)
    return Interval(at.ms, turn.end_ms if answered else FOREVER_MS)


class _At(NamedTuple):
    """Where a sentence begins: in the turn's text, and in media time."""

    char: CharIndex
    ms: Ms


def _questions(turn: Turn) -> Iterator[tuple[_At, tuple[EntityType, ...]]]:
    """The sentences of a turn that ask for a value, and the types that each asks for."""
    for at, sentence in _sentences(turn):
        types = questions.asked(normalise(sentence).text.lower())
        if types:
            yield at, types


def _sentences(turn: Turn) -> Iterator[tuple[_At, str]]:
    for segment, start in zip(turn.segments, turn.starts(), strict=True):
        for sentence in _SENTENCE.finditer(segment.text):
            yield _At(start + sentence.start(), _said_ms(segment, sentence.start())), sentence.group()


def asks(text: str) -> list[Interval]:
    """Sentences of ``text`` (characters) in which somebody asks somebody for a value: they answer nothing."""
    sentences = [sentence for sentence in _SENTENCE.finditer(text) if _FROM_YOU.search(sentence.group())]
    return [Interval(*each.span()) for each in sentences if questions.asked(normalise(each.group()).text.lower())]


def _said_ms(segment: Segment, at: CharIndex) -> Ms:
    """When the word at a place of the text begins; where the words are not those of the text, the segment does."""
    following = segment.text[at:].split()  # a sentence may begin within a word: "your.name?"
    if not following or len(segment.words) != len(segment.text.split()):
        return segment.start_ms
    start_ms = segment.words[-len(following)].start_ms
    return segment.start_ms if start_ms is None else start_ms
