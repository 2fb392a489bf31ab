"""One call: turn after turn, what was asked, what was found, and nothing of what was said."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import msgspec

from deid_stream.detect.conversation import questions
from deid_stream.detect.conversation.language import heard, is_foreign, language_of, readable
from deid_stream.detect.conversation.state import Broken, ConversationState, ReadBack
from deid_stream.detect.conversation.terms import ALLOW, DENY, Terms
from deid_stream.detect.conversation.values import Digester
from deid_stream.detect.recognizer import View
from deid_stream.detect.resolve import resolve
from deid_stream.detect.rules import cues
from deid_stream.detect.rules.answers import SECRETS, SPELLED, spelled_piece
from deid_stream.detect.rules.digits import NUMBERED
from deid_stream.detect.rules.pieces import only_carried
from deid_stream.detect.rules.placeholders import PLACEHOLDER
from deid_stream.detect.rules.runs import only_dictation
from deid_stream.errors import DetectionError
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Span
from deid_stream.text.guess import evidence
from deid_stream.text.languages import lexicon_of
from deid_stream.text.normalise import normalise
from deid_stream.text.tokens import plain_letters
from deid_stream.units import Interval

_OPEN_TURNS: Final = 4
"""Turns of the whole call that a value broken off at the end of a turn may be continued in."""
_FULL_LENGTH: Final = {
    EntityType.CREDIT_CARD: 16, EntityType.IN_AADHAAR: 12, EntityType.PHONE_NUMBER: 10, EntityType.US_SSN: 9,
    EntityType.CARD_CVV: 3, EntityType.CARD_EXPIRY: 4, EntityType.UK_NHS: 10,
}  # fmt: skip
"""Digits of a whole value: one with fewer has broken off, and digits of the next turns may be the rest of it."""
_FULL_LENGTH_OTHERWISE: Final = 9
"""The same of every other type. A larger value goes on expecting digits in later turns, and redacts more of them."""
_PIECEWISE: Final = {EntityType.PHONE_NUMBER: 15, EntityType.CARD_CVV: 4}
"""The same where it comes piece by piece: with a country's code, or as some cards have it."""
_LONGEST: Final = 19
"""Digits of the longest card number: a value that comes piece by piece is open until then."""
_PIECE: Final = 5
"""Digits up to which a turn is one piece of a value that is read out."""
_PIECE_OF_ADDRESS: Final = 3
"""A turn of at most this many words may be a piece of an address that goes on after a "mm-hm". A larger value redacts
more of what is said after a whole one."""
_READ_BACK_TURNS: Final = 3
"""Turns for which the last number of a turn may be read back or corrected. A larger value takes more short numbers for
corrections."""
_ANNOUNCES: Final = re.compile(
    r"(?<![^\W_])(?:is|are|it'?s|goes|follows|ends in|ending in|hai|hain|es|say|says|note|likho|likhiye|number)[\W_]*\Z"
)
_HALF_ADDRESS: Final = re.compile(r"(?:@|(?<![^\W_])(?:at|at the rate(?: of)?|dot|underscore|dash|arroba|punto))\W*\Z")
"""An e-mail address goes on in the next turn."""
_ENDS_IN_DIGITS: Final = re.compile(r"\d\W*\Z")
_ANNOUNCED_REACH: Final = 48
"""Characters at the end of a turn in which the words must stand that say which number comes next ("my card number
is")."""
_MAX_SPEAKERS: Final = 64
"""Speakers of a call that are kept apart. Above this what is known of them is forgotten, so that a transcript with a
new name in every turn cannot fill the memory."""
_DIGITS_NAMED: Final = frozenset(NUMBERED - {EntityType.USERNAME, EntityType.PASSWORD, EntityType.ADDRESS})
"""Types whose question makes "for to" digits."""


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
        languages: Iterable[str] | None = None,
    ) -> None:
        self._find = find
        self._digester = Digester(key)
        self._terms = Terms(allow, deny)
        self._languages = readable(languages)
        self._state = msgspec.convert(msgspec.to_builtins(state), ConversationState) if state else ConversationState()

    def state(self) -> ConversationState:
        """A copy of what must be kept to go on exactly here."""
        return msgspec.convert(msgspec.to_builtins(self._state), ConversationState)

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        """Spans of one whole turn in original characters: sorted, disjoint, of all types, numbered.

        ``prev`` is what the other party said before; it counts only if it was not itself a turn. ``language`` is the
        turn's BCP 47 tag where the recogniser names one. Raises ``UnsupportedLanguageError`` if the turn is marked, or
        plainly is, in a language without tables, and ``DetectionError`` if ``text`` is not a ``str`` or a recognizer
        fails; the turn must then be withheld.
        """
        if not isinstance(text, str):
            raise DetectionError(f"text must be str, not {type(text).__name__}")
        who = str(speaker)
        state = self._state
        text, prev = plain_letters(text), prev and plain_letters(prev)
        own = evidence(text)
        if len(state.heard) >= _MAX_SPEAKERS:
            state.heard.clear()
        before = state.heard.get(who, {})
        state.heard[who] = heard(before, own)
        spoken = language_of(language, own, before, self._languages, len(text.split()))
        if prev is not None and not self._was_a_turn(prev, who):
            self._listen(normalise(prev).text.lower(), f"not {who}")
        expected, open_run = self._expected(who), self._open_run(who)
        expecting = open_run is not None or not _DIGITS_NAMED.isdisjoint(expected)
        written = normalise(text, lexicon_of(spoken), expecting=expecting)
        view = View(
            written,
            expected,
            open_run,
            self._corrected(who),
            quantity_asked=state.quantity_asked,
            language=spoken,
            foreign=is_foreign(text, own, spoken),
        )
        detections = [
            *self._find(view),
            *state.known.recall(view, self._digester),
            *self._terms.denied(written),
        ]
        spans = resolve(text, detections)
        if spans and (kept := self._terms.allowed(written)):
            left = [s for s in spans if s.detector == DENY or not _inside(s, kept)]
            view.removed += [ALLOW] * (len(spans) - len(left))
            spans = left
        for rule_id in view.removed:
            state.removed[rule_id] = state.removed.get(rule_id, 0) + 1
        spans = state.known.number(written, spans, self._digester)
        self._remember(view, who, spans)
        return spans

    def _expected(self, who: str) -> tuple[EntityType, ...]:
        asked = self._state.asked
        return tuple(asked.types) if asked is not None and asked.by != who else ()

    def _open_run(self, who: str) -> EntityType | None:
        broken = self._state.broken.get(who)
        return broken.entity_type if broken is not None else None

    def _corrected(self, who: str) -> EntityType | None:
        """Type of the number that this turn may correct."""
        read_back = self._state.read_back
        return read_back.entity_type if read_back is not None else None

    def _was_a_turn(self, prev: str, who: str) -> bool:
        digest = self._digester("turn", prev)
        return any(digest == last for speaker, last in self._state.last_turns.items() if speaker != who)

    def _remember(self, view: View, who: str, spans: list[Span]) -> None:
        state = self._state
        state.turns += 1
        before = state.broken.get(who)
        for speaker in list(state.broken):
            if speaker != who and state.broken[speaker].entity_type in SECRETS and not only_carried(view.low):
                state.broken[speaker].turns_left = 0  # the talk moves on
            state.broken[speaker].turns_left -= 1
            if state.broken[speaker].turns_left <= 0 or speaker == who:
                del state.broken[speaker]
        after = _broken_off(view, spans, before) or _announced(view)
        if after is not None:
            state.broken[who] = after
        self._said_number(view, spans)
        piece = len(view.words) <= _PIECE_OF_ADDRESS
        answers = state.asked is not None and state.asked.by != who
        self._answered(who, spans, open_run=after is not None, piece=piece)
        said = {span.entity_type for span in spans}
        self._listen(_without_placeholders(view, spans), who, said, answers=answers)
        if len(state.last_turns) >= _MAX_SPEAKERS:
            state.last_turns.clear()
        state.last_turns[who] = self._digester("turn", view.written.source)

    def _said_number(self, view: View, spans: list[Span]) -> None:
        """Notes the number in this turn, since one of the next turns may correct it."""
        state = self._state
        numbers = [s.entity_type for s in spans if s.entity_type in NUMBERED and _digits(view, s) >= 2]
        if numbers:
            state.read_back = ReadBack(numbers[-1], _READ_BACK_TURNS)
        elif state.read_back is not None:
            state.read_back.turns_left -= 1
            if state.read_back.turns_left <= 0:
                state.read_back = None

    def _answered(self, who: str, spans: list[Span], *, open_run: bool, piece: bool) -> None:
        """Closes what this turn answered; an unanswered or half answered question stays open a few turns.

        ``piece``: the turn is short enough to hold only a piece of an address ("flat nine", "laburnum court").
        """
        asked = self._state.asked
        if asked is None or asked.by == who:
            return
        found = {s.entity_type for s in spans}
        asked.pending = []
        if open_run and found & NUMBERED and not found & SECRETS:
            asked.turns_left = questions.ARMED_TURNS
            return
        numbered = bool(found & NUMBERED)
        half = EntityType.ADDRESS if piece and EntityType.ADDRESS in found else None
        asked.types = [t for t in asked.types if t is half or (t not in found and not (numbered and t in NUMBERED))]
        asked.turns_left -= 1
        if not asked.types or asked.turns_left <= 0:
            self._state.asked = None

    def _listen(self, low: str, who: str, said: Collection[EntityType] = (), *, answers: bool = False) -> None:
        """Notes for which types of values this turn (``low``: in lower case) asks the other speakers. ``said``: types
        of values in the turn itself. ``answers``: another speaker's question was open; then a turn that names a type
        and holds such a value answers and does not ask ("flat nine")."""
        state = self._state
        types = list(questions.asked(low))
        if answers and said and not questions.requests(low):
            numbered = not NUMBERED.isdisjoint(said)
            types = [k for k in types if k not in said and not (numbered and k is EntityType.ID_NUMBER)]
        more = questions.asks_again(low) or (
            EntityType.DATE_OF_BIRTH in state.last_types and questions.asks_part_of_date(low)
        )
        if not types and state.last_types and more:
            types = state.last_types
        elif not types and not state.last_types and questions.asks_to_spell(low):
            types = [EntityType.PERSON]
        elsewhere = questions.moves_on(low)
        state.quantity_asked = elsewhere and not types
        if types:
            state.asked = questions.opened(state.asked, who, types, said)
            state.last_types = list(types)
        if types or elsewhere:
            self._close_others(who, types)

    def _close_others(self, who: str, types: list[EntityType]) -> None:
        """A new question ends what the others had broken off, unless it asks for the same; another topic ends all."""
        state = self._state
        for speaker in [s for s, b in state.broken.items() if s != who and b.entity_type not in types]:
            del state.broken[speaker]
        if not types:
            state.read_back = None
            if state.asked is not None and state.asked.by == who:
                state.asked = None


def _broken_off(view: View, spans: list[Span], before: Broken | None) -> Broken | None:
    """The number that this turn ends in and that may go on: nothing follows it, and it is not as long as such are."""
    source = view.written.source
    last = spans[-1] if spans else None
    if _HALF_ADDRESS.search(source.lower()) and (
        EntityType.EMAIL_ADDRESS in view.expected or (last is not None and last.entity_type is EntityType.EMAIL_ADDRESS)
    ):
        return Broken(EntityType.EMAIL_ADDRESS, _OPEN_TURNS)
    if last is not None and last.entity_type in SECRETS and not _says_more(source[last.end :]):
        return Broken(last.entity_type, _OPEN_TURNS, before.digits if before is not None else 0)
    if last is None and view.digits and not view.quantity_asked and only_dictation(view.text):
        return Broken(EntityType.ID_NUMBER, _OPEN_TURNS, view.digits)
    spelled = _spelled_on(view, last, before)
    if spelled is not None:
        return spelled
    carried = before is not None and only_carried(view.low)
    if last is None or last.entity_type not in NUMBERED or not (carried or only_dictation(source[last.end :])):
        return None
    digits = _digits(view, last)
    written = view.written.between(last.start, last.end)
    if last.entity_type is EntityType.ADDRESS and not _ENDS_IN_DIGITS.search(written):
        return None  # its house number was said in it, and its street is its end
    if not digits:
        letters = before is not None and only_dictation(view.text)
        return Broken(last.entity_type, _OPEN_TURNS, before.digits, before.pieces) if before and letters else None
    goes_on = before is not None and (carried or only_dictation(source[: last.start]))
    so_far = digits + (before.digits if before is not None and goes_on else 0)
    pieces = 1 + (before.pieces if before is not None and goes_on else 0)
    piecewise = digits <= _PIECE and (pieces > 1 or only_dictation(view.text))
    entity_type = before.entity_type if before is not None and goes_on else last.entity_type
    full = _FULL_LENGTH.get(entity_type, _LONGEST if piecewise else _FULL_LENGTH_OTHERWISE)
    if pieces > 1:
        full = _PIECEWISE.get(entity_type, full)
    return Broken(entity_type, _OPEN_TURNS, so_far, pieces) if so_far < full else None


def _says_more(text: str) -> bool:
    """Whether words follow, beside how a secret is written."""
    return not only_carried(text.lower())


def _spelled_on(view: View, last: Span | None, before: Broken | None) -> Broken | None:
    """A value of which this turn spells a few letters, and that may go on. "mike" for a name spells nothing yet."""
    if last is None:
        return None
    if before is not None and before.entity_type in SPELLED:
        more = spelled_piece(view.written.source)
        return Broken(before.entity_type, _OPEN_TURNS, before.digits, before.pieces + 1) if more else None
    wanted = next((kind for kind in view.expected if kind in SPELLED), None)
    if wanted is None or not spelled_piece(view.written.source, code_words=wanted is not EntityType.PERSON):
        return None
    return Broken(wanted, _OPEN_TURNS)


def _announced(view: View) -> Broken | None:
    """The turn ends where its number should begin: "my card number is"."""
    if _ANNOUNCES.search(view.low) is None:
        return None
    cue = cues.nearest(view.low[-_ANNOUNCED_REACH:])
    return Broken(cue, _OPEN_TURNS, pieces=0) if cue in NUMBERED else None


def _without_placeholders(view: View, spans: list[Span]) -> str:
    """What the turn says; a placeholder that names a type asks for nothing."""
    tags = [s for s in spans if s.detector == PLACEHOLDER]
    if not tags:
        return view.low
    text = view.written.source
    for tag in reversed(tags):
        text = text[: tag.start] + text[tag.end :]
    return normalise(text).text.lower()


def _inside(span: Span, places: list[Interval]) -> bool:
    return any(place.start <= span.start and span.end <= place.end for place in places)


def _digits(view: View, span: Span) -> int:
    return sum(map(str.isdecimal, view.written.between(span.start, span.end)))
