"""One call: turn after turn, what was asked, what was found, and nothing of what was said."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from deid_stream.detect.conversation import questions
from deid_stream.detect.conversation.known import KnownValues
from deid_stream.detect.conversation.values import Digester
from deid_stream.detect.recognizer import View
from deid_stream.detect.resolve import resolve
from deid_stream.detect.rules.digits import NUMBERED
from deid_stream.detect.rules.runs import only_dictation
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Span
from deid_stream.text.normalise import normalise
from deid_stream.text.offsets import Written

_OPEN_TURNS: Final = 4
"""Turns of the whole call that a value broken off at the end of a turn may be continued in."""
_FULL_LENGTH: Final = {EntityType.CREDIT_CARD: 15, EntityType.IN_AADHAAR: 12, EntityType.PHONE_NUMBER: 10}
_FULL_LENGTH_OTHERWISE: Final = 9
_MAX_SPEAKERS: Final = 64


class Asked(msgspec.Struct):
    """An open question: who asked, for which types, and for how many answers it stays open."""

    by: str
    types: list[EntityType]
    turns_left: int


class Broken(msgspec.Struct):
    """A speaker's turn ended in the middle of a dictated value of this type."""

    entity_type: EntityType
    turns_left: int


class ConversationState(msgspec.Struct):
    """All that outlives a turn. Content-free: types, counters, keyed digests. JSON-able, restores exactly."""

    asked: Asked | None = None
    last_types: list[EntityType] = []
    """What was asked for last; "can you spell that" opens it again."""
    broken: dict[str, Broken] = {}
    known: KnownValues = msgspec.field(default_factory=KnownValues)
    last_turns: dict[str, str] = {}
    """Keyed digest of each speaker's last turn, to recognise a ``prev`` that was a turn itself."""
    turns: int = 0


class Conversation:
    """Detects turn by turn. Made by ``Detector.conversation``."""

    def __init__(
        self,
        find: Callable[[View], list[Detection]],
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
    ) -> None:
        self._find = find
        self._digester = Digester(key)
        self._allow = frozenset(filter(None, map(_compact, allow)))
        self._deny = tuple(filter(None, (term.strip().casefold() for term in deny)))
        self._state = msgspec.convert(msgspec.to_builtins(state), ConversationState) if state else ConversationState()

    def state(self) -> ConversationState:
        """A copy of what must be kept to go on exactly here."""
        return msgspec.convert(msgspec.to_builtins(self._state), ConversationState)

    def turn(self, text: str, speaker: int | str, prev: str | None = None) -> list[Span]:
        """Spans of one whole turn in original characters: sorted, disjoint, of all types, numbered.

        ``prev`` is what the other party said before; it counts only if it was not itself a turn.
        Raises ``DetectionError`` if ``text`` is not a ``str`` or a recognizer fails; the turn must then be withheld.
        """
        who = str(speaker)
        state = self._state
        written = normalise(text)
        if prev is not None and not self._was_a_turn(prev, who):
            self._listen(normalise(prev).text.lower(), f"not {who}")
        view = View(written, self._expected(who), self._open_run(who))
        detections = [*self._find(view), *state.known.recall(view, self._digester), *self._denied(text)]
        spans = resolve(text, detections)
        if self._allow:
            spans = [s for s in spans if not self._allowed(written, s)]
        spans = state.known.number(written, spans, self._digester)
        self._remember(view, who, spans)
        return spans

    def _expected(self, who: str) -> tuple[EntityType, ...]:
        asked = self._state.asked
        return tuple(asked.types) if asked is not None and asked.by != who else ()

    def _open_run(self, who: str) -> EntityType | None:
        broken = self._state.broken.get(who)
        return broken.entity_type if broken is not None else None

    def _was_a_turn(self, prev: str, who: str) -> bool:
        digest = self._digester("turn", prev)
        return any(digest == last for speaker, last in self._state.last_turns.items() if speaker != who)

    def _remember(self, view: View, who: str, spans: list[Span]) -> None:
        state = self._state
        state.turns += 1
        for speaker in list(state.broken):
            state.broken[speaker].turns_left -= 1
            if state.broken[speaker].turns_left <= 0 or speaker == who:
                del state.broken[speaker]
        last = spans[-1] if spans else None
        if last is not None and self._breaks_off(view, last):
            state.broken[who] = Broken(last.entity_type, _OPEN_TURNS)
        self._answered(who, spans)
        self._listen(view.low, who)
        if len(state.last_turns) >= _MAX_SPEAKERS:
            state.last_turns.clear()
        state.last_turns[who] = self._digester("turn", view.written.source)

    @staticmethod
    def _breaks_off(view: View, last: Span) -> bool:
        """The turn ends in a number that may go on: nothing follows it, and it is not as long as such numbers are."""
        if last.entity_type not in NUMBERED or not only_dictation(view.written.source[last.end :]):
            return False
        digits = sum(map(str.isdecimal, view.written.between(last.start, last.end)))
        return 0 < digits < _FULL_LENGTH.get(last.entity_type, _FULL_LENGTH_OTHERWISE)

    def _answered(self, who: str, spans: list[Span]) -> None:
        """Closes what this turn answered; an unanswered question stays open a few turns."""
        asked = self._state.asked
        if asked is None or asked.by == who:
            return
        found = {s.entity_type for s in spans}
        numbered = bool(found & NUMBERED)
        asked.types = [t for t in asked.types if t not in found and not (numbered and t in NUMBERED)]
        asked.turns_left -= 1
        if not asked.types or asked.turns_left <= 0:
            self._state.asked = None

    def _listen(self, low: str, who: str) -> None:
        """Arms what this turn asks the others for."""
        state = self._state
        types = list(questions.asked(low))
        if not types and state.last_types and questions.asks_again(low):
            types = state.last_types
        if types:
            state.asked = Asked(who, types, questions.ARMED_TURNS)
            state.last_types = list(types)
        if types or questions.moves_on(low):
            self._close_others(who, types)

    def _close_others(self, who: str, types: list[EntityType]) -> None:
        """A new question ends what the others had broken off, unless it asks for the same; another topic ends all."""
        state = self._state
        for speaker in [s for s, b in state.broken.items() if s != who and b.entity_type not in types]:
            del state.broken[speaker]
        if not types and state.asked is not None and state.asked.by == who:
            state.asked = None

    def _denied(self, text: str) -> list[Detection]:
        """The customer's own terms, wherever they stand as whole words."""
        found: list[Detection] = []
        if not self._deny:
            return found
        low = text.casefold()
        if len(low) != len(text):
            low = text.lower() if len(text.lower()) == len(text) else text
        for term in self._deny:
            at = low.find(term)
            while at >= 0:
                end = at + len(term)
                whole = (at == 0 or not low[at - 1].isalnum()) and (end == len(low) or not low[end].isalnum())
                if whole:
                    found.append(Detection(at, end, EntityType.ID_NUMBER, 1.0, "deny"))
                at = low.find(term, end)
        return found

    def _allowed(self, written: Written, span: Span) -> bool:
        return span.detector != "deny" and _compact(written.between(span.start, span.end)) in self._allow


def _compact(term: str) -> str:
    return "".join(c for c in normalise(term).text.casefold() if c.isalnum())
