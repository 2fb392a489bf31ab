"""The text of one call: turns become sanitized segments, each under a record id kept through every revision."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.model.events import CallStarted, Segment
from deid_stream.model.outputs import AuditAction, SanitizedSegment
from deid_stream.model.spans import Span
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.redact.apply import Redacted, redact_segment
from deid_stream.redact.operators.registry import masked
from deid_stream.session.asking import overheard
from deid_stream.session.free_text import FreeText
from deid_stream.session.judging import Judge, Judged
from deid_stream.session.ledger import Ledger
from deid_stream.session.placing import Unlocated, clip
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.released import ReleasedSegment, adds, count_of, covers_of, inherited, shifted, united
from deid_stream.session.turns import Turn
from deid_stream.session.twins import Twins
from deid_stream.units import FOREVER_MS, Interval, Ms

_REMEMBERED_SEGMENTS: Final = 64
"""Number of released segments that are remembered, so that a revision or a repeat is known as one. A segment that ends
before the oldest of its channel is dropped as late. A larger value makes checkpoints larger."""
_HELD_SEGMENTS: Final = 24
"""Number of released segments whose text stays in memory, so that a revision can be judged with its turn. Their text is
never in a checkpoint. A larger value takes more memory per call; with a smaller one fewer revisions are judged so."""

_Key = tuple[int, str]
"""A segment of a call: its channel and its id."""


class TranscriptState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The transcript's share of a checkpoint: the conversation's state, the next record ids, the released segments. It
    holds nothing that was said."""

    conversation: ConversationState | None = None
    asked_ms: Ms = 0
    answered_ms: Ms = FOREVER_MS
    next_seq: dict[int, int] = {}
    released: tuple[ReleasedSegment, ...] = ()
    forgotten_until_ms: dict[int, Ms] = {}


class Transcript:
    """Detects turns and lets their segments leave, redacted, through the ledger. ``release`` returns what must be
    silenced in the audio.

    Fails closed (law 2): a detector that raises withholds the turn's text and has all of its audio muted.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: CompiledPolicy,
        *,
        detector: ConversationFactory,
        key: bytes,
        pseudonym_key: bytes = b"",
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._pseudonym_key = pseudonym_key or key
        self._judge = Judge(policy, detector=detector, key=key)
        self._free_text = FreeText(ledger, detector=detector, key=key, pseudonym_key=self._pseudonym_key)
        self._next_seq: dict[int, int] = {}
        self._released: dict[_Key, ReleasedSegment] = {}
        self._forgotten_until_ms: dict[int, Ms] = {}
        self._held: dict[_Key, Segment] = {}
        self._twins = Twins(self._held, self._released)
        self._turn_of: dict[_Key, tuple[_Key, ...]] = {}

    @property
    def removed(self) -> dict[str, int]:
        """Rules by which the detector let its own guesses go, over the whole call."""
        return self._judge.removed

    def state(self) -> TranscriptState:
        return TranscriptState(
            conversation=self._judge.state(),
            asked_ms=self._judge.answerable.start,
            answered_ms=self._judge.answerable.end,
            next_seq=dict(self._next_seq),
            released=tuple(self._released.values()),
            forgotten_until_ms=dict(self._forgotten_until_ms),
        )

    def restore(self, state: TranscriptState) -> None:
        self._judge.restore(state.conversation, Interval(state.asked_ms, state.answered_ms))
        self._next_seq = dict(state.next_seq)
        self._released.clear()
        self._released.update({(known.channel, known.segment_id): known for known in state.released})
        self._forgotten_until_ms = dict(state.forgotten_until_ms)

    def use(self, policy: CompiledPolicy) -> None:
        """Apply another policy from the next turn on."""
        self._policy = policy
        self._judge.use(policy)

    def metadata(self, event: CallStarted) -> dict[str, str]:
        """What may leave of the free text in the call's metadata, by field."""
        return self._free_text.redacted(event, self._policy)

    def known(self, segment: Segment) -> ReleasedSegment | None:
        """The released segment of that channel and id; None where none has left, or it is not remembered any more."""
        return self._released.get((segment.channel, segment.segment_id))

    def forgotten(self, segment: Segment) -> bool:
        """Whether the segment ends before the oldest one that is remembered of its channel."""
        return segment.end_ms <= self._forgotten_until_ms.get(segment.channel, -1)

    def interim(self, segment: Segment) -> None:
        """Let an interim leave with every letter masked, if the policy asks for interims; else drop it."""
        if self._policy.interims != "masked" or self.known(segment) is not None:
            return
        seq = self._next_seq.get(segment.channel, 0)
        self._publish(segment, Redacted(masked(segment.text), (), ()), seq, segment.time_ms)

    def release(
        self, turn: Turn, now_ms: Ms, replaced: Turn | None = None, pending: Iterable[Segment] = ()
    ) -> list[Unlocated]:
        """Detect a turn and let its segments leave. ``replaced``: the turn as earlier revisions of its segments had it;
        ``pending``: what is detected after it. Returns what must be silenced, turn by turn."""
        judged = self._judge.turn(turn, replaced, overheard(turn, pending))
        if judged is None:
            for segment in turn.segments:
                self._withhold(segment)
            return [Unlocated(turn, (), muted=True)]
        spans = judged.spans
        for segment, start in zip(turn.segments, turn.starts(), strict=True):
            spans = united(spans, shifted(self._twins.spans_of(segment), start))
        keys = tuple((segment.channel, segment.segment_id) for segment in turn.segments)
        for segment, start, words in zip(turn.segments, turn.starts(), judged.placed, strict=True):
            own = clip(spans, start, start + len(segment.text))
            seq = self._take_seq(segment.channel)
            self._emit(segment, Judged(own, judged.heard, (words,)), seq, now_ms)
            self._remember(segment, seq, own, in_doubt=len(own) < len(spans))
            self._ledger.redacted(own, segment.time_ms, segment.channel, seq)
            self._ledger.segments += 1
            self._hold(segment, keys)
        placed = [Unlocated(turn, spans, muted=False, placed=judged.placed)]
        for segment, start in zip(turn.segments, turn.starts(), strict=True):
            own = clip(spans, start, start + len(segment.text))
            for twin, found in self._twins.showing(segment, own):
                placed += self._add(twin, Judged(tuple(found), ()), segment.time_ms)
        return placed

    def correct(self, segment: Segment, known: ReleasedSegment) -> list[Unlocated]:
        """A revision after release goes out under the same record id. It is judged with the other segments of its turn,
        as far as they are in memory, and adds to what was redacted; it never takes from it. Audio that has left is not
        taken back. Where the detector fails, the text that has left stands, and what is still held is muted."""
        key = (segment.channel, segment.segment_id)
        together = [
            segment if other == key else self._held[other]
            for other in self._turn_of.get(key, (key,))
            if other == key or other in self._held
        ]
        turn = Turn(segment.end_ms, segment.channel, tuple(together))
        found = self._judge.again(turn)
        if found is None:
            self._ledger.withheld = True
            self._ledger.audit(AuditAction.WITHHELD, self._judge.why, segment.time_ms, segment.channel, seq=known.seq)
            return [Unlocated(Turn(segment.end_ms, segment.channel, (segment,)), (), muted=True)]
        placed: list[Unlocated] = []
        for other, start in zip(turn.segments, turn.starts(), strict=True):
            own = Judged(clip(found.spans, start, start + len(other.text)), found.heard)
            if other is segment:
                placed += self._revise(segment, known, own)
            else:
                placed += self._add(other, own, segment.time_ms)
        return placed

    def mates(self, turn: Turn) -> list[Segment]:
        """Segments that a turn of some segments was first detected with, as far as they are in memory, but for those of
        one line of words with them: where that line's times are off, theirs are."""
        own = {(segment.channel, segment.segment_id) for segment in turn.segments}
        keys = sorted({key for one in own for key in self._turn_of.get(one, ())} - own)
        others = [self._held[key] for key in keys if key in self._held]
        return turn.apart(others) if others else []

    def _revise(self, segment: Segment, known: ReleasedSegment, found: Judged) -> list[Unlocated]:
        held = self._held.get((segment.channel, segment.segment_id))
        kept = inherited(known, held.text if held else None, segment.text)
        turn = Turn(segment.end_ms, segment.channel, (segment,))
        seq, time_ms = known.seq, segment.time_ms
        if kept is None:
            # nobody knows which of its words went before
            self._publish(segment, Redacted(masked(segment.text), (), ()), seq, time_ms)
            self._remember(segment, seq, found.spans, in_doubt=True, words=-1)
            self._ledger.audit(AuditAction.CORRECTED, "revision_masked", time_ms, segment.channel, seq=seq)
            return [Unlocated(turn, found.spans, muted=False)]
        spans = united(found.spans, kept)
        self._emit(segment, Judged(spans, found.heard), seq, time_ms)
        if len(spans) > len(known.covers):
            self._ledger.redacted(spans[len(known.covers) :], time_ms, segment.channel, seq)
        self._remember(segment, seq, spans, in_doubt=known.in_doubt)
        self._hold(segment, self._turn_of.get((segment.channel, segment.segment_id), ()))
        self._ledger.audit(AuditAction.CORRECTED, "revision", time_ms, segment.channel, seq=seq)
        return [Unlocated(turn, spans, muted=False)]

    def _add(self, segment: Segment, found: Judged, time_ms: Ms) -> list[Unlocated]:
        """Publish a segment beside a revised one again if more of it must be redacted now."""
        known = self.known(segment)
        if known is None or known.words < 0 or not adds(found.spans, segment.text, known):
            return []
        spans = united(found.spans, inherited(known, segment.text, segment.text) or ())
        self._emit(segment, Judged(spans, found.heard), known.seq, time_ms)
        self._remember(segment, known.seq, spans, in_doubt=True)
        self._ledger.audit(AuditAction.CORRECTED, "neighbour_revised", time_ms, segment.channel, seq=known.seq)
        return [Unlocated(Turn(segment.end_ms, segment.channel, (segment,)), spans, muted=False)]

    def _take_seq(self, channel: int) -> int:
        seq = self._next_seq.get(channel, 0)
        self._next_seq[channel] = seq + 1
        return seq

    def _emit(self, segment: Segment, judged: Judged, seq: int, now_ms: Ms) -> None:
        redacted = redact_segment(
            segment.text,
            segment.words,
            judged.spans,
            channel=segment.channel,
            operator_of=self._policy.operator,
            key=self._pseudonym_key,
            heard=judged.heard,
            placed=judged.placed[0] if judged.placed else None,
        )
        for reason, count in (("words_disagree", redacted.disagreements), ("value_remains", redacted.remains)):
            if count:
                self._ledger.audit(
                    AuditAction.WITHHELD, reason, segment.time_ms, segment.channel, seq=seq, counts={"places": count}
                )
        self._publish(segment, redacted, seq, now_ms)

    def _publish(self, segment: Segment, redacted: Redacted, seq: int, allowed_ms: Ms) -> None:
        self._ledger.publish(
            SanitizedSegment(
                call_id=self._ledger.call_id,
                customer_id=self._ledger.customer_id,
                seq=seq,
                segment_id=segment.segment_id,
                revision=segment.revision,
                channel=segment.channel,
                language=segment.language,
                start_ms=segment.start_ms,
                end_ms=segment.end_ms,
                text=redacted.text,
                words=redacted.words,
                entities=redacted.entities,
                is_final=segment.is_final,
                time_ms=segment.time_ms,
                allowed_ms=allowed_ms,
            )
        )

    def _withhold(self, segment: Segment) -> None:
        seq = self._take_seq(segment.channel)
        self._remember(segment, seq, (), in_doubt=True, words=-1)
        self._ledger.withheld = True
        self._ledger.audit(AuditAction.WITHHELD, self._judge.why, segment.time_ms, segment.channel, seq=seq)

    def _hold(self, segment: Segment, turn: tuple[_Key, ...]) -> None:
        key = (segment.channel, segment.segment_id)
        self._held[key] = segment
        self._turn_of[key] = turn
        if len(self._held) > _HELD_SEGMENTS:
            oldest = next(iter(self._held))
            del self._held[oldest], self._turn_of[oldest]

    def _remember(
        self, segment: Segment, seq: int, spans: Sequence[Span], *, in_doubt: bool, words: int | None = None
    ) -> None:
        """``words`` -1: what of it went is not known, so a revision can only be masked."""
        released = self._released
        released[segment.channel, segment.segment_id] = ReleasedSegment(
            segment.segment_id,
            segment.revision,
            segment.channel,
            seq,
            segment.end_ms,
            count_of(segment.text) if words is None else words,
            covers_of(segment.text, spans),
            in_doubt,
        )
        if len(released) > _REMEMBERED_SEGMENTS:
            oldest = released.pop(next(iter(released)))
            forgotten = self._forgotten_until_ms
            forgotten[oldest.channel] = max(oldest.end_ms, forgotten.get(oldest.channel, 0))
