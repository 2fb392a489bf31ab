"""The text of one call: turns become sanitized segments, each under a record id kept through every revision."""

from collections.abc import Sequence

from deid_stream.model.events import Segment
from deid_stream.model.outputs import AuditAction, SanitizedSegment
from deid_stream.model.spans import Span
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.redact.apply import Redacted, redact_segment
from deid_stream.redact.operators import masked
from deid_stream.session.hearing import HeardTurn
from deid_stream.session.ledger import Ledger
from deid_stream.session.placing import Unlocated, clip
from deid_stream.session.ports import ConversationFactory, TurnDetector
from deid_stream.session.state import CallState, ReleasedSegment
from deid_stream.session.turns import Turn
from deid_stream.units import Ms

_REMEMBERED_SEGMENTS = 64


class Transcript:
    """Begins where ``state`` left off. What it releases goes to the ledger; its answer is what to silence with it.

    Fails closed (law 2): a detector that raises withholds the turn's text and has all of its audio muted.
    """

    def __init__(
        self, state: CallState, ledger: Ledger, policy: CompiledPolicy, *, detector: ConversationFactory, key: bytes
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._policy = policy
        self._detector = detector
        self._key = key
        self._conversation = detector.conversation(key, allow=policy.allow, deny=policy.deny, state=state.conversation)
        self._released = {known.segment_id: known for known in state.released}

    def use(self, policy: CompiledPolicy) -> None:
        """Apply another policy from the next turn on."""
        if policy.allow != self._policy.allow or policy.deny != self._policy.deny:
            self._conversation = self._detector.conversation(
                self._key, allow=policy.allow, deny=policy.deny, state=self._conversation.state()
            )
        self._policy = policy

    def save(self) -> None:
        """Write what a checkpoint needs into the state."""
        self._state.conversation = self._conversation.state()
        self._state.released = list(self._released.values())

    def known(self, segment_id: str) -> ReleasedSegment | None:
        """What has left of a segment, for as long as it is remembered."""
        return self._released.get(segment_id)

    def interim(self, segment: Segment) -> None:
        """Show an interim as the policy wants it: not at all, or without a letter of it."""
        if self._policy.interims != "masked" or segment.segment_id in self._released:
            return
        seq = self._state.next_seq.get(segment.channel, 0)
        self._publish(segment, Redacted(masked(segment.text), (), ()), seq, segment.time_ms)

    def release(self, turn: Turn, now_ms: Ms) -> Unlocated:
        """Detect a turn and let its segments leave."""
        found = self._spans_of(turn)
        if found is None:
            for segment in turn.segments:
                self._withhold(segment)
            return Unlocated(turn, (), muted=True)
        spans, heard = found
        for segment, start in zip(turn.segments, turn.starts(), strict=True):
            own = clip(spans, start, start + len(segment.text))
            self._emit(segment, own, heard, self._take_seq(segment.channel), now_ms)
        return Unlocated(turn, spans, muted=False)

    def correct(self, segment: Segment, known: ReleasedSegment) -> Unlocated | None:
        """A revision after release: the same record id again; audio that has left is not taken back. None where the
        detector failed."""
        turn = Turn(segment.end_ms, segment.channel, (segment,))
        found = self._spans_of(turn)
        if found is None:
            self._ledger.audit(AuditAction.WITHHELD, "detector", segment.time_ms, segment.channel, seq=known.seq)
            return None
        spans, heard = found
        self._emit(segment, spans, heard, known.seq, segment.time_ms)
        self._ledger.audit(AuditAction.CORRECTED, "revision", segment.time_ms, segment.channel, seq=known.seq)
        return Unlocated(turn, spans, muted=False)

    def _spans_of(self, turn: Turn) -> tuple[tuple[Span, ...], Sequence[str]] | None:
        """What the policy wants redacted, and the values that only the words have. None: the detector failed, whatever
        it raised, and the turn must not be seen."""
        try:
            heard = HeardTurn(turn)
            aside = self._aside() if heard.differs else None
            spans = self._wanted(self._conversation.turn(turn.text, turn.channel))
            if aside is None:
                return tuple(spans), ()
            beyond = self._wanted(aside.turn(heard.text, turn.channel))
            return tuple(sorted([*spans, *heard.added(beyond, spans)])), heard.values(beyond)
        except Exception:  # noqa: BLE001 - any error of a recognizer, ours or a plugged-in one, fails closed
            return None

    def _aside(self) -> TurnDetector:
        """A conversation that has got as far as this one; what it hears changes nothing here."""
        return self._detector.conversation(
            self._key, allow=self._policy.allow, deny=self._policy.deny, state=self._conversation.state()
        )

    def _wanted(self, found: Sequence[Span]) -> list[Span]:
        return [span for span in found if self._policy.operator(span.entity_type) is not None]

    def _take_seq(self, channel: int) -> int:
        seq = self._state.next_seq.get(channel, 0)
        self._state.next_seq[channel] = seq + 1
        return seq

    def _emit(self, segment: Segment, spans: Sequence[Span], heard: Sequence[str], seq: int, now_ms: Ms) -> None:
        redacted = redact_segment(
            segment.text,
            segment.words,
            spans,
            channel=segment.channel,
            operator_of=self._policy.operator,
            key=self._key,
            heard=heard,
        )
        self._remember(segment, seq)
        self._state.segments += 1
        self._ledger.redacted(spans, segment.time_ms, segment.channel, seq)
        for reason, count in (("words_disagree", redacted.disagreements), ("value_remains", redacted.remains)):
            if count:
                self._ledger.audit(
                    AuditAction.WITHHELD, reason, segment.time_ms, segment.channel, seq=seq, counts={"places": count}
                )
        self._publish(segment, redacted, seq, now_ms)

    def _publish(self, segment: Segment, redacted: Redacted, seq: int, allowed_ms: Ms) -> None:
        self._ledger.publish(
            SanitizedSegment(
                call_id=self._state.call_id,
                customer_id=self._state.customer_id,
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
        self._remember(segment, seq)
        self._state.withheld = True
        self._ledger.audit(AuditAction.WITHHELD, "detector", segment.time_ms, segment.channel, seq=seq)

    def _remember(self, segment: Segment, seq: int) -> None:
        released = self._released
        released[segment.segment_id] = ReleasedSegment(
            segment.segment_id, segment.revision, segment.channel, seq, segment.end_ms
        )
        if len(released) > _REMEMBERED_SEGMENTS:
            oldest = released.pop(next(iter(released)))
            forgotten = self._state.forgotten_until_ms
            forgotten[oldest.channel] = max(oldest.end_ms, forgotten.get(oldest.channel, 0))
