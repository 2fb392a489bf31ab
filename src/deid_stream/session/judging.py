"""What the detector finds in a turn: in its text, and in its words where these say something else."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from deid_stream.detect.conversation import questions
from deid_stream.detect.conversation.language import primary, readable
from deid_stream.detect.conversation.state import Asked, ConversationState
from deid_stream.detect.rules.digits import NUMBERED
from deid_stream.detect.rules.told import (
    SENTENCE_END,
    begins,
    landmark,
    lives_at,
    mailed,
    sentence_of_name,
    thanked,
    told,
)
from deid_stream.errors import UnsupportedLanguageError
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment
from deid_stream.model.spans import Span
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.asking import Overheard, asks, opened
from deid_stream.session.hearing import HeardTurn
from deid_stream.session.placing import clip
from deid_stream.session.ports import ConversationFactory, TurnDetector
from deid_stream.session.released import covers_of, remaining, shifted, united
from deid_stream.session.turns import Turn
from deid_stream.text.tokens import WORD
from deid_stream.units import FOREVER_MS, CharIndex, Interval, Ms, merge, subtract
from deid_stream.words.confidence import BRIDGED_WORDS, UNSURE_ANSWER, certain, doubted_text
from deid_stream.words.placement import Placement

UNSURE_SCORE: Final = 0.5
"""Score of a span that was found only because the answer to a question was badly understood."""


class Judged(NamedTuple):
    """``spans`` in characters of the turn's text, of the types that the policy wants redacted; ``heard``: the words'
    own wording of the values that they have."""

    spans: tuple[Span, ...]
    heard: Sequence[str]
    placed: Sequence[Placement] = ()
    """By segment: where its words stand in its text."""


DETECTOR: Final = "detector"
"""Reason of a turn that a recognizer failed on."""


def _length(span: Span) -> int:
    return span.end - span.start


_DICTATED: Final = NUMBERED - {EntityType.ADDRESS, EntityType.DATE_OF_BIRTH, EntityType.USERNAME, EntityType.PASSWORD}
"""A number that was asked for may be found as another of these."""


def _answers(found: EntityType, wanted: EntityType) -> bool:
    return found is wanted or (found in _DICTATED and wanted in _DICTATED)


_SAID_IN_WORDS: Final = frozenset({EntityType.PERSON, EntityType.EMAIL_ADDRESS, EntityType.USERNAME})
_FOUND_IN_PIECES: Final = _SAID_IN_WORDS | {EntityType.ADDRESS}
_WORDS_BETWEEN_PIECES: Final = 4
"""At most this many words between two pieces of an answer count as a misheard part of it. A larger value redacts more
of what is said between them; a smaller one leaves pieces that were misheard."""
_WHOLE_EMAIL: Final = re.compile(r"(?i)(?:\.|(?<![^\W_])dot) ?[a-z]{2,6}\W*\Z")
_GOES_ON_MS: Final = 500
"""A word that begins less than this after a name may be its surname, even where it is written as the next sentence. A
larger value takes the first word of more sentences for a surname; a smaller one leaves surnames after a breath."""
_DIGITS: Final = re.compile(r"\d(?:[\d\s.,-]*\d)?")


def _placed(span: Span) -> tuple[Interval, EntityType]:
    return Interval(span.start, span.end), span.entity_type


def _announced(
    text: str, parts: Sequence[tuple[Interval, EntityType]], wanted: Sequence[EntityType]
) -> Iterator[tuple[Interval, EntityType]]:
    """What stands between the words that announce a value and the ``parts`` of it: it was misheard, too."""
    for part, kind in parts:
        answers = any(asked in _SAID_IN_WORDS and kind in (asked, EntityType.PERSON) for asked in wanted)
        if kind is EntityType.PERSON or answers:
            start = begins(text, part.start, asked=answers)
            if start < part.start and not any(Interval(start, part.start).overlaps(other) for other, _ in parts):
                yield Interval(start, part.start), kind


def _with_digits(text: str, parts: Sequence[Interval]) -> list[Interval]:
    """The parts, each with the whole number that it is of."""
    numbers = [Interval(*match.span()) for match in _DIGITS.finditer(text)]
    return merge([*parts, *(number for number in numbers if any(number.overlaps(part) for part in parts))])


def _beside(part: Interval, span: Span, text: str) -> bool:
    """Whether what is doubted belongs to an answer: no more than ``BRIDGED_WORDS`` stand between."""
    between = text[span.end : part.start] or text[part.end : span.start]
    return len(WORD.findall(between)) <= BRIDGED_WORDS


def _in_pieces(segment: Segment, answers: Sequence[Span]) -> list[Interval]:
    """What stands between the pieces of an answer in words that a recogniser read: it was misheard, too."""
    if not any(word.confidence is not None for word in segment.words):
        return []
    return [
        Interval(before.end, after.start)
        for before, after in pairwise(answers)
        if after.entity_type in _FOUND_IN_PIECES
        and len(WORD.findall(segment.text, before.end, after.start)) <= _WORDS_BETWEEN_PIECES
    ]


def _thanked(turn: Turn) -> Iterator[Interval]:
    """Whom somebody thanks, where the recogniser is not certain of what it read there."""
    for segment, start in zip(turn.segments, turn.starts(), strict=True):
        for part in thanked(segment.text):
            if not certain(segment.text, segment.words, part):
                yield Interval(start + part.start, start + part.end)


def _surnames(turn: Turn, names: Sequence[Interval]) -> Iterator[Interval]:
    """What a recogniser made a sentence of that it states right after a name of one word."""
    for segment, start in zip(turn.segments, turn.starts(), strict=True):
        for name in names:
            own = Interval(name.start - start, name.end - start)
            if 0 <= own.start < own.end <= len(segment.text) and _no_pause(segment, own.end):
                part = sentence_of_name(segment.text, own)
                yield Interval(start + part.start, start + part.end)


def _no_pause(segment: Segment, at: CharIndex) -> bool:
    """Whether a segment's next word is stated right after the one that ends at a place of its text."""
    following = len(segment.text[:at].split())
    if len(segment.words) != len(segment.text.split()) or not 0 < following < len(segment.words):
        return False
    ended_ms, begins_ms = segment.words[following - 1].end_ms, segment.words[following].start_ms
    return ended_ms is not None and begins_ms is not None and begins_ms - ended_ms < _GOES_ON_MS


def _reason(error: Exception) -> str:
    return error.code if isinstance(error, UnsupportedLanguageError) else DETECTOR


class Judge:
    """The conversation of one call. Every answer may be None: the detector failed, whatever it raised, and the turn
    must not be seen (law 2)."""

    def __init__(self, policy: CompiledPolicy, *, detector: ConversationFactory, key: bytes) -> None:
        self._policy = policy
        self._detector = detector
        self._key = key
        self._conversation = self._open(None)
        self._known: ConversationState | None = None
        """Of ``_conversation`` as it stands: making it costs a copy, and each turn and each checkpoint ask."""
        self.answerable = Interval(0, FOREVER_MS)
        """Media time in which an answer to the open question counts (``asking.opened``)."""
        self.why = DETECTOR
        """Why the last turn was refused, for the audit."""

    @property
    def removed(self) -> dict[str, int]:
        """Rules by which the detector let its own guesses go, over the whole call."""
        return self.state().removed

    def state(self) -> ConversationState:
        """Content-free; not to be changed."""
        if self._known is None:
            self._known = self._conversation.state()
        return self._known

    def restore(self, state: ConversationState | None, answerable: Interval) -> None:
        """Go on where a checkpoint was."""
        self._go_on(self._open(state))
        self.answerable = answerable

    def use(self, policy: CompiledPolicy) -> None:
        """Apply another policy from the next turn on."""
        before, self._policy = self._policy, policy
        if (policy.allow, policy.deny, policy.languages) != (before.allow, before.deny, before.languages):
            self._go_on(self._open(self.state()))

    def turn(self, turn: Turn, replaced: Turn | None = None, overheard: Overheard | None = None) -> Judged | None:
        """The next turn of the conversation. ``replaced``: the same segments as earlier revisions had them; what is
        left of the values that these show goes, too. ``overheard``: what was asked in a turn that is still to come."""
        try:
            if overheard is not None:
                self._overhear(overheard)
            heard = HeardTurn(turn)
            state, self._known = self.state(), None
            judged = self._judged(turn, heard, self._conversation, self._open(state) if heard.differs else None)
            judged = self._unsure(turn, state, judged)
            asked = self.state().asked
            if asked is not None and asked.by == str(turn.channel):
                now = opened(turn, asked.types, judged.spans, _answers)
                self.answerable = Interval(min(self._since(state.asked, asked), now.start), now.end)
            return judged if replaced is None else self._with_replaced(turn, replaced, state, judged)
        except Exception as error:  # noqa: BLE001 - any error of a recognizer, ours or a plugged-in one, fails closed
            self.why = _reason(error)
            return None

    def again(self, turn: Turn) -> Judged | None:
        """A turn that the conversation has heard before, with other words: its questions and answers do not count
        twice, but the values that it holds keep their numbers."""
        try:
            state = self.state()
            heard = HeardTurn(turn)
            repeated = self._open(state)
            judged = self._judged(turn, heard, repeated, self._open(state) if heard.differs else None)
            self._go_on(self._open(msgspec.structs.replace(state, known=repeated.state().known)))
            return judged
        except Exception as error:  # noqa: BLE001 - as in ``turn``
            self.why = _reason(error)
            return None

    def _overhear(self, overheard: Overheard) -> None:
        state = self.state()
        asked = questions.opened(state.asked, overheard.by, overheard.types)
        since = self._since(state.asked, asked)
        self._go_on(self._open(msgspec.structs.replace(state, asked=asked, quantity_asked=False)))
        self.answerable = Interval(min(since, overheard.from_ms), FOREVER_MS)

    def _since(self, before: Asked | None, now: Asked) -> Ms:
        """Where the answer to an earlier question counts from that is still open beside the one that was just asked."""
        both = before is not None and before.by == now.by and set(before.types) < set(now.types)
        return self.answerable.start if both else FOREVER_MS

    def _with_replaced(self, turn: Turn, replaced: Turn, state: ConversationState, judged: Judged) -> Judged:
        aside = self._open(state)
        try:
            found = self._judged(replaced, HeardTurn(replaced), aside, None).spans
        except UnsupportedLanguageError:
            return judged  # the revision says in what language it is
        kept: list[Span] = []
        pairs = zip(turn.segments, replaced.segments, turn.starts(), replaced.starts(), strict=True)
        for new, old, new_at, old_at in pairs:
            covers = covers_of(old.text, clip(found, old_at, old_at + len(old.text)))
            kept += shifted(remaining(covers, old.text, new.text), new_at)
        spans = united(judged.spans, kept)
        if sum(map(_length, spans)) > sum(map(_length, judged.spans)):
            self._go_on(aside)  # it knows better what may go on
        return judged._replace(spans=spans)

    def _judged(self, turn: Turn, heard: HeardTurn, conversation: TurnDetector, aside: TurnDetector | None) -> Judged:
        """``aside`` has got as far as ``conversation``, to hear what the words say without a trace."""
        language = self._language(turn)
        spans = self._wanted(conversation.turn(turn.text, turn.channel, language=language))
        if aside is None:
            return Judged(tuple(spans), (), heard.placed)
        beyond = self._wanted(aside.turn(heard.text, turn.channel, language=language))
        return Judged(tuple(sorted([*spans, *heard.added(beyond, spans)])), heard.values(beyond), heard.placed)

    def _unsure(self, turn: Turn, state: ConversationState, judged: Judged) -> Judged:
        """With spans for what a recogniser may have misheard: a name that it does not know comes out as other words."""
        asked = state.asked
        wanted: list[EntityType] = []
        if asked is not None and asked.by != str(turn.channel):
            wanted = [kind for kind in asked.types if self._policy.operator(kind) is not None]
        misheard = [(part, kind) for kind in wanted for part in self._doubted_answer(turn, judged, kind)]
        places = [part for part, kind in [*map(_placed, judged.spans), *misheard] if kind is EntityType.ADDRESS]
        beside = self._beside_address(turn, places, asked=EntityType.ADDRESS in wanted)
        misheard += [(part, EntityType.ADDRESS) for part in beside]
        if self._reads_names(turn):
            asked_name = EntityType.PERSON in wanted
            named = any(span.entity_type is EntityType.PERSON for span in judged.spans)
            told_names = told(turn.text, asked=asked_name)
            if asked_name and not named and not told_names:
                told_names = told(turn.text, asked=True, unnamed=True)
            misheard += [(part, EntityType.PERSON) for part in told_names]
            misheard += [(part, EntityType.PERSON) for part in _thanked(turn)]
            misheard += [(part, EntityType.EMAIL_ADDRESS) for part in self._mailed(turn)]
            if asked_name:
                parts = [*misheard, *map(_placed, judged.spans)]
                names = [part for part, kind in parts if kind is EntityType.PERSON]
                misheard += [(part, EntityType.PERSON) for part in _surnames(turn, names)]
            misheard += list(_announced(turn.text, [*misheard, *map(_placed, judged.spans)], wanted))
        spans = list(judged.spans)
        for part, kind in misheard:
            spans += [
                Span(left.start, left.end, kind, UNSURE_SCORE, UNSURE_ANSWER)
                for left in subtract(part, [Interval(span.start, span.end) for span in spans])
                if any(map(str.isalnum, turn.text[left.start : left.end]))
            ]
        return judged._replace(spans=tuple(sorted(spans)))

    def _reads_names(self, turn: Turn) -> bool:
        """Whether a recogniser read the turn in English, and names go: it says how sure it is of its words."""
        if self._policy.operator(EntityType.PERSON) is None or primary(self._language(turn)) not in ("", "en"):
            return False
        return any(word.confidence is not None for segment in turn.segments for word in segment.words)

    def _mailed(self, turn: Turn) -> list[Interval]:
        return mailed(turn.text) if self._policy.operator(EntityType.EMAIL_ADDRESS) is not None else []

    def _beside_address(self, turn: Turn, places: Sequence[Interval], *, asked: bool) -> list[Interval]:
        """What a recogniser's text says of where an address is, beside its parts, which are ``places``; and where one
        was ``asked`` for, what it says before them of where somebody lives."""
        parts: list[Interval] = []
        for segment, start in zip(turn.segments, turn.starts(), strict=True):
            own = Interval(start, start + len(segment.text))
            if any(word.confidence is not None for word in segment.words):
                for place in (part.intersect(own) for part in places if part.overlaps(own)):
                    end = landmark(segment.text, Interval(place.start - start, place.end - start))
                    parts.append(Interval(place.end, start + end))
                    if asked:
                        parts.append(Interval(start + lives_at(segment.text, place.start - start), place.start))
        return [part for part in parts if part.length]

    def _doubted_answer(self, turn: Turn, judged: Judged, wanted: EntityType) -> list[Interval]:
        """What the recogniser doubts of an answer that was asked for."""
        return [
            Interval(start + part.start, start + part.end)
            for segment, start in zip(turn.segments, turn.starts(), strict=True)
            for doubted in self._doubted(segment, clip(judged.spans, start, start + len(segment.text)), wanted)
            for part in subtract(doubted, asks(segment.text))
        ]

    def _doubted(self, segment: Segment, found: Sequence[Span], wanted: EntityType) -> list[Interval]:
        """What is doubted of an answer; where the segment has what was asked for, only what stands beside that."""
        answers = [span for span in found if _answers(span.entity_type, wanted)]
        in_words = wanted in _SAID_IN_WORDS
        if not answers:
            parts = doubted_text(segment.text, segment.words, self.answerable, in_words=in_words)
            parts = self._but_after_mail(segment, parts, found)
            return _with_digits(segment.text, parts) if wanted in _DICTATED else parts
        # from doubtful word to doubtful word one would come to whatever is said after the answer
        parts = doubted_text(segment.text, segment.words, self.answerable, bridged=0, in_words=in_words)
        parts = self._but_after_mail(segment, parts, found)
        beside = [part for part in parts if any(_beside(part, span, segment.text) for span in answers)]
        return beside + _in_pieces(segment, [span for span in answers if span.entity_type is wanted])

    def _but_after_mail(self, segment: Segment, parts: list[Interval], found: Sequence[Span]) -> list[Interval]:
        """The doubted ``parts``, but of the rest of a sentence after a whole e-mail address only what is doubted there
        by itself: it says how the address is written ("all in lower case"), and the doubt about that is none of it."""
        mails = [span.end for span in found if span.entity_type is EntityType.EMAIL_ADDRESS]
        if not mails or not _WHOLE_EMAIL.search(segment.text[: max(mails)]):
            return parts
        end = max(mails)
        stop = SENTENCE_END.search(segment.text, end)
        rest = Interval(end, stop.end() if stop else len(segment.text))
        kept = [left for part in parts for left in subtract(part, [rest])]
        own = doubted_text(segment.text, segment.words, self.answerable, bridged=0, in_words=False)
        return sorted([*kept, *(part for part in own if rest.start <= part.start < rest.end)])

    def _language(self, turn: Turn) -> str | None:
        """The tag of the turn's segments: one that is not read, where there is one; None where they differ."""
        tags = {segment.language for segment in turn.segments}
        if len(tags) == 1:
            return tags.pop()
        read = readable(self._policy.languages)
        return next((tag for tag in sorted(tags) if primary(tag) and primary(tag) not in read), None)

    def _go_on(self, conversation: TurnDetector) -> None:
        self._conversation, self._known = conversation, None

    def _open(self, state: ConversationState | None) -> TurnDetector:
        policy = self._policy
        return self._detector.conversation(
            self._key, allow=policy.allow, deny=policy.deny, state=state, languages=policy.languages
        )

    def _wanted(self, found: Sequence[Span]) -> list[Span]:
        return [span for span in found if self._policy.operator(span.entity_type) is not None]
