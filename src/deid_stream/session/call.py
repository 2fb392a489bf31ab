"""One call from its first record to its last: what may leave, and when. Pure: events in, outputs out.

session.receive(event)      decoded records, each topic in its own order
session.advance(now_ms)     the partition's stream time (record time)
session.outputs()           what may leave now, in order
"""

import msgspec

from deid_stream.audio.align.profiles import MAX_REACH_MS
from deid_stream.audio.hold.timeline import Placement
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Event, Segment
from deid_stream.model.outputs import AuditAction, Output, Retraction
from deid_stream.model.spans import AudioSpan
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session import coverage
from deid_stream.session import state as states
from deid_stream.session.arrival import placed
from deid_stream.session.awaiting import AwaitingAudio
from deid_stream.session.holdback import Holdback
from deid_stream.session.ledger import Ledger
from deid_stream.session.lifecycle import Lifecycle
from deid_stream.session.placing import WITHHELD, located, widened
from deid_stream.session.ports import ConversationFactory, NeededOffsets, Positions
from deid_stream.session.rereading import Rereading
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import STEP_MS, Sound
from deid_stream.session.transcript import Transcript, TranscriptState
from deid_stream.session.turns import Known, PendingTurns, following
from deid_stream.units import FOREVER_MS, Ms

__all__ = ["CallSession", "ConversationFactory", "NeededOffsets", "Positions"]


class CallSession:
    """See the module. One instance per call; not thread-safe."""

    def __init__(
        self,
        call_id: str,
        customer_id: str,
        *,
        detector: ConversationFactory,
        key: bytes,
        settings: SessionSettings,
        policy: CompiledPolicy,
        pseudonym_key: bytes = b"",
        key_id: str = "",
    ) -> None:
        """``key`` keys the digests of values; ``key_id`` names the master key that it comes from, for the checkpoint.
        ``pseudonym_key`` is what keyed operators use, ``key`` where it is empty."""
        self.call_id = call_id
        self.customer_id = customer_id
        self._settings = settings
        self._policy = policy
        self._life = Lifecycle()
        self._holdback = Holdback(settings.holdback_ms)
        self._turns = PendingTurns.of(settings)
        self._sound = Sound()
        self._awaiting = AwaitingAudio()
        self._rereading = Rereading(Positions(-1, -1))
        self._ledger = Ledger(call_id, customer_id)
        self._transcript = Transcript(
            self._ledger, policy, detector=detector, key=key, pseudonym_key=pseudonym_key or key
        )
        self._key_id = key_id
        self._bound = coverage.Bound()
        self._now_ms: Ms = 0
        self._on_hold = False
        self._snapshot: bytes | None = None
        self._encoded_transcript: msgspec.Raw | None = None
        """The transcript's state as the snapshot holds it; None: encode it again. Only turns, policies and records that
        are not audio change it."""

    # -- what the worker asks

    @property
    def minor(self) -> bool:
        """The call was declared a minor's: nothing of it leaves but its audit."""
        return self._life.minor

    @property
    def bound(self) -> bool:
        """The call is its customer's for good: ``call.started`` said so, or something has been released under that
        customer's policy."""
        return self._life.started or self._ledger.released

    @property
    def closed(self) -> bool:
        """Ended, and everything has been released or withheld."""
        return self._life.closed

    @property
    def last_record_ms(self) -> Ms:
        """The latest record time of the call's own records."""
        return self._life.last_record_ms

    @property
    def held_bytes(self) -> int:
        return self._sound.held_bytes

    @property
    def next_deadline_ms(self) -> Ms:
        """Record time at which ``advance`` will do something even if no record arrives."""
        # asked of every call in every batch
        life, settings = self._life, self._settings
        at_ms = min(life.last_record_ms + settings.idle_ms, self._holdback.next_deadline_ms)
        if (due_ms := self._sound.tail_due_ms) is not None and due_ms < at_ms:
            at_ms = due_ms
        if life.ended_ms is None:
            return at_ms
        waits_ms = life.ended_ms if life.duration_ms is None else max(life.ended_ms, life.last_record_ms)
        grace_ms = waits_ms + settings.end_grace_ms
        return min(at_ms, grace_ms) if self._now_ms < grace_ms else at_ms

    def needed_offsets(self) -> NeededOffsets:
        """See NeededOffsets."""
        offsets = self._turns.offsets() + self._awaiting.offsets() + self._rereading.offsets()
        return NeededOffsets(
            transcripts=min((o for o in offsets if o >= 0), default=-1),
            audio=self._sound.first_offset(),
        )

    def use(self, policy: CompiledPolicy) -> None:
        """Apply another policy from the next turn on."""
        self._policy, self._encoded_transcript = policy, None
        self._transcript.use(policy)

    def hold(self) -> None:
        """Decide nothing until ``go_on``: it is not certain yet whose call this is."""
        self._on_hold = True

    def go_on(self) -> None:
        """The call is this customer's."""
        if self._on_hold:
            self._on_hold = False
            self._progress(self._life.last_record_ms)

    def outputs(self) -> list[Output]:
        """Everything that may leave since the last call, in order."""
        return self._ledger.drain()

    def retraction(self, time_ms: Ms, reason: str) -> Retraction | None:
        """Takes back everything of the call that has left; None where nothing has."""
        return self._ledger.retraction(time_ms, reason)

    def refuse(self) -> None:
        """A record of the call became a dead letter: the summary counts it."""
        self._ledger.refused += 1
        self._snapshot = None

    def receive(self, event: Event) -> None:
        """Take in one record. Raises AudioFormatError for audio that cannot be part of the call."""
        life = self._life
        if life.closed:
            self._ledger.audit(AuditAction.DROPPED, life.media(), event.time_ms)
            return
        if event.time_ms > life.last_record_ms:
            life.last_record_ms = event.time_ms
        if isinstance(event, AudioChunk):
            self._receive_audio(event)
        elif isinstance(event, Segment):
            self._snapshot = self._encoded_transcript = None
            self._receive_segment(event if event.timed else placed(event, life.started_ms or event.time_ms))
        else:
            self._snapshot = self._encoded_transcript = None
            self._receive_lifecycle(event)

    def advance(self, now_ms: Ms) -> None:
        """Let record time reach ``now_ms``: what has waited too long is passed, fail closed."""
        life = self._life
        if life.closed or now_ms <= self._now_ms:
            return
        self._now_ms = now_ms
        if self._holdback.expire(now_ms):
            self._stop_awaiting()
            self._progress(now_ms)
        elif self._sound.tail_due_ms is not None and now_ms >= self._sound.tail_due_ms:
            self._progress(now_ms)
        overdue = now_ms >= life.last_record_ms + self._settings.idle_ms
        if not life.closed and (overdue or self._complete(now_ms)):
            self._finish(now_ms)

    def _receive_lifecycle(self, event: CallStarted | CallEnded) -> None:
        life, redacted = self._life, self._transcript.metadata
        refused = life.start(event, redacted) if isinstance(event, CallStarted) else life.end(event)
        if life.minor:
            self._ledger.forbid(event.time_ms)
        if refused:
            self._ledger.audit(AuditAction.DROPPED, refused, event.time_ms)
        self._progress(event.time_ms)

    def _receive_audio(self, chunk: AudioChunk) -> None:
        # audio alone moves things on by steps, so most chunks only need to be held
        end_ms = chunk.offset_ms + len(chunk.data) // chunk.format.frame_bytes * 1000 // chunk.format.rate_hz
        steps = chunk.offset_ms // STEP_MS != end_ms // STEP_MS
        arrived_ms = self._sound.arrived_ms(chunk.channel) if steps else 0
        placement = self._sound.add(chunk)
        if placement is not Placement.HELD:
            if not self._rereading.knows(chunk):
                reason = f"audio_{placement.value}"
                self._ledger.audit(AuditAction.DROPPED, reason, chunk.time_ms, chunk.channel, seq=chunk.seq)
            return
        self._holdback.mark(chunk.time_ms, end_ms + MAX_REACH_MS)
        if self._sound.held_bytes > self._settings.max_held_bytes:
            self._holdback.force((self._holdback.watermark_ms + self._sound.end_ms) // 2)
            self._ledger.audit(AuditAction.WITHHELD, "buffer_full", chunk.time_ms, chunk.channel)
            self._progress(chunk.time_ms)
        elif self._life.ended_ms is not None or (steps and self._bound.moves(self._sound, chunk, arrived_ms)):
            self._progress(chunk.time_ms)

    def _receive_segment(self, segment: Segment) -> None:
        if not self._rereading.knows(segment):
            self._ledger.transcripts += 1
            self._stop_awaiting()
            self._hear(segment)
            return
        known = self._rereading.take(segment)
        if isinstance(known, Segment):
            self._hear(known)
        elif known is not None:
            self._awaiting.add(known)
            self._progress(segment.time_ms)

    def _stop_awaiting(self) -> None:
        lost, missing = self._rereading.give_up()
        self._ledger.lost = self._ledger.lost or missing
        for turn in lost:
            self._cut(widened(turn.start_ms, turn.end_ms, turn.channel, WITHHELD), self._life.last_record_ms)

    def _hear(self, segment: Segment) -> None:
        if segment.is_final:
            self._hear_final(segment)
            self._holdback.cover(segment.channel, segment.end_ms)
        elif not self._on_hold:
            self._transcript.interim(segment)
        if segment.transcribed_until_ms is not None:
            self._holdback.cover(segment.channel, segment.transcribed_until_ms)
        self._progress(segment.time_ms)

    def _hear_final(self, segment: Segment) -> None:
        channel = segment.channel
        known = self._transcript.known(segment)
        pending = self._turns.get(channel, segment.segment_id)
        if known is not None and segment.revision > known.revision:
            self._awaiting.extend(self._transcript.correct(segment, known))
        elif known is not None or (pending is not None and segment.revision <= pending.revision):
            seq = known.seq if known is not None else None
            self._ledger.audit(AuditAction.DROPPED, "segment_repeat", segment.time_ms, channel, seq=seq)
        elif self._transcript.forgotten(segment):
            self._ledger.audit(AuditAction.DROPPED, "segment_late", segment.time_ms, channel)
        else:
            self._turns.put(segment)
            self._holdback.mark(segment.time_ms, segment.end_ms + self._settings.context_window_ms)

    def _progress(self, now_ms: Ms) -> None:
        if self._rereading.open or self._on_hold:
            return
        holdback = self._holdback
        known = coverage.covered(holdback, self._sound, self._life.declared_channels, self._now_ms)
        self._bound.slowest = known.channel
        if holdback.advance(known.until_ms):
            self._snapshot = None
            holdback.settle()
        self._bound.closing.clear()
        self._detect(holdback.watermark_ms, now_ms, self._known)
        if self._awaiting:
            self._locate_arrived(final=False)
        self._release(now_ms, final=False)
        if self._complete(now_ms):
            self._finish(now_ms)

    def _detect(self, until_ms: Ms, now_ms: Ms, known: Known | None = None) -> None:
        while (turn := self._turns.pop_closed(until_ms, known)) is not None:
            self._snapshot = self._encoded_transcript = None
            replaced = self._turns.take_replaced(turn)
            self._awaiting.extend(self._transcript.release(turn, now_ms, replaced, self._turns))

    def _known(self, channel: int, until_ms: Ms) -> bool:
        parts = (self._holdback, self._sound, self._life.declared_channels, self._now_ms)
        if coverage.known(*parts, channel=channel, until_ms=until_ms):
            return True
        self._bound.closing.add(channel)
        return False

    def _complete(self, now_ms: Ms) -> bool:
        parts = (self._life, self._holdback, self._sound, self._settings)
        return not self._rereading.open and coverage.complete(*parts, now_ms)

    def _finish(self, now_ms: Ms) -> None:
        life, self._snapshot = self._life, None
        self._stop_awaiting()
        self._detect(FOREVER_MS, now_ms)
        self._locate_arrived(final=True)
        self._release(now_ms, final=True)
        life.finish()
        self._ledger.close(
            life.ended_ms or life.last_record_ms,
            duration_ms=life.duration_ms or max(self._sound.end_ms, *self._holdback.covered.values(), 0),
            channels=max(life.declared_channels, len(self._sound.channels)),
            audio_chunks=self._sound.chunks,
            metadata=life.metadata,
            incomplete=coverage.missing(life, self._ledger, self._sound),
            removed=self._transcript.removed,
        )

    def _locate_arrived(self, final: bool) -> None:
        due = self._awaiting.take_due(self._sound, self._holdback.forced_ms, final=final)
        for entry in due:
            self._snapshot = None
            others = (other.turn for other in (*self._awaiting, *due))
            until_ms = following(entry.turn, self._turns, others)
            cut, explained = located(entry, self._sound, self._settings, until_ms, self._transcript.mates(entry.turn))
            for span in cut:
                self._cut(span, entry.turn.segments[0].time_ms)
            for channel, known in explained.items():
                self._sound.explain(channel, known)
        if not self._sound.channels:
            for entry in self._awaiting.overflow():
                self._snapshot = None
                self._sound.lose(entry.turn.end_ms + MAX_REACH_MS)
                now_ms, channel = self._life.last_record_ms, entry.turn.channel
                self._ledger.audit(AuditAction.WITHHELD, "turn_without_audio", now_ms, channel)

    def _cut(self, span: AudioSpan, time_ms: Ms) -> None:
        self._sound.cut(span)
        self._ledger.silenced(span, time_ms)

    def _release(self, now_ms: Ms, final: bool) -> None:
        earliest = (self._turns.earliest_start_ms(), self._awaiting.earliest_start_ms())
        limits = [self._holdback.watermark_ms, *(start_ms for start_ms in earliest if start_ms is not None)]
        limit_ms = min(limits) - MAX_REACH_MS
        self._bound.leave(limit_ms, awaiting=bool(self._awaiting))
        for released in self._sound.release(
            limit_ms,
            gap_limit_ms=self._holdback.forced_ms - MAX_REACH_MS,
            final=final,
            operator=self._policy.audio,
            allowed_ms=now_ms,
            disguise=self._policy.voice_disguise and self._policy.training,
        ):
            self._snapshot = None
            if isinstance(released, AudioSpan):
                self._ledger.silenced(released, now_ms)
            else:
                self._ledger.publish(released)

    def snapshot(self) -> bytes:
        """The call's share of the checkpoint: content-free JSON, the same object until something changes."""
        if self._snapshot is None:
            self._encoded_transcript = self._encoded_transcript or states.encoded(self._transcript.state())
            self._snapshot = states.encode(
                states.CallState(
                    v=states.VERSION,
                    call_id=self.call_id,
                    customer_id=self.customer_id,
                    key_id=self._key_id,
                    lifecycle=self._life.state(),
                    holdback=self._holdback.state(),
                    sound=self._sound.state(),
                    transcript=self._encoded_transcript,
                    rereading=self._rereading.state(self._turns.sources(), self._awaiting.state()),
                    ledger=self._ledger.state(),
                )
            )
        return self._snapshot

    @classmethod
    def restore(
        cls,
        snapshot: bytes,
        positions: Positions,
        *,
        detector: ConversationFactory,
        key: bytes,
        settings: SessionSettings,
        policy: CompiledPolicy,
        pseudonym_key: bytes = b"",
    ) -> "CallSession":
        """A session as the checkpoint left it. Records below ``positions`` that are read again count only where they
        were pending. Raises StateError for a snapshot that this version cannot read."""
        state = states.decode(snapshot)
        session = cls(
            state.call_id,
            state.customer_id,
            detector=detector,
            key=key,
            settings=settings,
            policy=policy,
            pseudonym_key=pseudonym_key,
            key_id=state.key_id,
        )
        session._life.restore(state.lifecycle)
        session._holdback.restore(state.holdback)
        session._sound.restore(state.sound)
        assert isinstance(state.transcript, TranscriptState)  # noqa: S101 - as it was decoded
        session._transcript.restore(state.transcript)
        session._rereading = Rereading(positions, state.rereading)
        session._ledger.restore(state.ledger, minor=state.lifecycle.minor)
        return session
