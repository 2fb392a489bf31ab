"""One call from its first record to its last: what may leave, and when. Pure: events in, outputs out.

session.receive(event)      decoded records, each topic in its own order
session.advance(now_ms)     the partition's stream time (record time)
session.outputs()           what may leave now, in order
"""

from collections.abc import Sequence

import msgspec

from deid_stream.audio.align.profiles import MAX_REACH_MS, profile
from deid_stream.audio.hold.timeline import Placement
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Event, Segment
from deid_stream.model.outputs import AuditAction, Output
from deid_stream.model.spans import AudioSpan
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.arrival import placed
from deid_stream.session.holdback import QUIET_MARGIN_MS, Holdback
from deid_stream.session.ledger import Ledger
from deid_stream.session.placing import WITHHELD, Unlocated, explained, place, widened
from deid_stream.session.ports import ConversationFactory, NeededOffsets, Positions
from deid_stream.session.rereading import Rereading, part_of
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import STEP_MS, Sound
from deid_stream.session.state import CallState, UnlocatedTurn
from deid_stream.session.transcript import Transcript
from deid_stream.session.turns import PendingTurns
from deid_stream.units import Ms

__all__ = ["FOREVER_MS", "CallSession", "ConversationFactory", "NeededOffsets", "Positions"]

FOREVER_MS: Ms = 1 << 60
"""Later than any record: ``advance(FOREVER_MS)`` closes whatever is open."""

_KEPT_METADATA = frozenset({"direction", "region", "language", "queue", "disposition"})

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CallState)


class CallSession:
    """See the module. One instance a call; not thread-safe."""

    def __init__(
        self,
        call_id: str,
        customer_id: str,
        *,
        detector: ConversationFactory,
        key: bytes,
        settings: SessionSettings,
        policy: CompiledPolicy,
        state: CallState | None = None,
    ) -> None:
        """``state`` is a checkpoint's, for ``restore``; without it the call begins."""
        self._settings = settings
        self._policy = policy
        self._state = state or CallState(call_id=call_id, customer_id=customer_id)
        self._holdback = Holdback(settings.holdback_ms)
        self._turns = PendingTurns(settings.context_window_ms, settings.max_turn_ms)
        self._sound = Sound()
        self._unlocated: list[Unlocated] = []
        self._rereading = Rereading(Positions(-1, -1))
        self._ledger = Ledger(self._state)
        self._transcript = Transcript(self._state, self._ledger, policy, detector=detector, key=key)
        self._now_ms: Ms = 0
        self._snapshot: bytes | None = None

    # -- what the worker asks

    @property
    def call_id(self) -> str:
        return self._state.call_id

    @property
    def customer_id(self) -> str:
        return self._state.customer_id

    @property
    def minor(self) -> bool:
        """The call was declared a minor's: nothing of it leaves but its audit."""
        return self._state.minor

    @property
    def closed(self) -> bool:
        """Ended, and everything has been released or withheld."""
        return self._state.closed

    @property
    def held_bytes(self) -> int:
        return self._sound.held_bytes

    @property
    def next_deadline_ms(self) -> Ms:
        """Record time at which ``advance`` will do something even if no record arrives."""
        state = self._state
        deadlines = [state.last_record_ms + self._settings.idle_ms]
        if (deadline := self._holdback.next_deadline_ms) is not None:
            deadlines.append(deadline)
        if self._sound.tail_due_ms is not None:
            deadlines.append(self._sound.tail_due_ms)
        if state.ended_ms is not None:
            grace_ms = state.ended_ms + self._settings.end_grace_ms
            deadlines.append(grace_ms if self._now_ms < grace_ms else state.ended_ms + self._settings.end_limit_ms)
        return min(deadlines)

    def needed_offsets(self) -> NeededOffsets:
        """See NeededOffsets."""
        offsets = [segment.offset for segment in self._turns]
        offsets += [segment.offset for entry in self._unlocated for segment in entry.turn.segments]
        offsets += self._rereading.offsets()
        return NeededOffsets(
            transcripts=min((o for o in offsets if o >= 0), default=-1),
            audio=self._sound.first_offset(),
        )

    def use(self, policy: CompiledPolicy) -> None:
        """Apply another policy from the next turn on."""
        self._policy = policy
        self._transcript.use(policy)

    def outputs(self) -> list[Output]:
        """Everything that may leave since the last call, in order."""
        return self._ledger.drain()

    # -- events

    def receive(self, event: Event) -> None:
        """Take in one record. Raises AudioFormatError for audio that cannot be part of the call."""
        state = self._state
        if state.closed:
            return
        if event.time_ms > state.last_record_ms:
            state.last_record_ms = event.time_ms
        if isinstance(event, AudioChunk):
            self._receive_audio(event)
        elif isinstance(event, Segment):
            self._snapshot = None
            self._receive_segment(event if event.timed else placed(event, state.started_ms or event.time_ms))
        else:
            self._snapshot = None
            self._receive_lifecycle(event)

    def advance(self, now_ms: Ms) -> None:
        """Let record time reach ``now_ms``: what has waited too long is passed, fail closed."""
        state = self._state
        if state.closed or now_ms <= self._now_ms:
            return
        self._now_ms = now_ms
        if self._holdback.expire(now_ms):
            self._stop_awaiting()
            self._progress(now_ms)
        elif self._sound.tail_due_ms is not None and now_ms >= self._sound.tail_due_ms:
            self._progress(now_ms)
        overdue = state.ended_ms is not None and now_ms >= state.ended_ms + self._settings.end_limit_ms
        overdue = overdue or now_ms >= state.last_record_ms + self._settings.idle_ms
        if not state.closed and (overdue or self._complete(now_ms)):
            self._finish(now_ms)

    def _receive_lifecycle(self, event: CallStarted | CallEnded) -> None:
        state = self._state
        if isinstance(event, CallStarted):
            state.started_ms = state.started_ms or event.time_ms
            state.declared_channels = max(state.declared_channels, event.channels)
            state.minor = state.minor or event.minor
            state.metadata = {
                name: value
                for name, value in event.metadata.items()
                if name in _KEPT_METADATA and isinstance(value, str) and len(value) <= 32
            }
        elif state.ended_ms is None:
            state.ended_ms = event.time_ms
            state.duration_ms = event.duration_ms
        self._progress(event.time_ms)

    def _receive_audio(self, chunk: AudioChunk) -> None:
        placement = self._sound.add(chunk)
        if placement is not Placement.HELD:
            if not self._rereading.knows(chunk):
                self._ledger.audit(
                    AuditAction.DROPPED, f"audio_{placement.value}", chunk.time_ms, chunk.channel, seq=chunk.seq
                )
            return
        end_ms = chunk.offset_ms + len(chunk.data) // chunk.format.frame_bytes * 1000 // chunk.format.rate_hz
        self._holdback.mark(chunk.time_ms, end_ms + MAX_REACH_MS)
        if self._sound.held_bytes > self._settings.max_held_bytes:
            self._holdback.force(self._holdback.watermark_ms + (self._sound.end_ms - self._holdback.watermark_ms) // 2)
            self._ledger.audit(AuditAction.WITHHELD, "buffer_full", chunk.time_ms, chunk.channel)
            self._progress(chunk.time_ms)
        # audio alone moves things on by steps, so most chunks only need to be held
        elif chunk.offset_ms // STEP_MS != end_ms // STEP_MS or self._state.ended_ms is not None:
            self._progress(chunk.time_ms)

    def _receive_segment(self, segment: Segment) -> None:
        if not self._rereading.knows(segment):
            self._stop_awaiting()
            self._hear(segment)
            return
        known = self._rereading.take(segment)
        if isinstance(known, Segment):
            self._hear(known)
        elif known is not None:
            self._unlocated.append(known)
            self._progress(segment.time_ms)

    def _stop_awaiting(self) -> None:
        for lost in self._rereading.give_up():
            self._cut(widened(lost.start_ms, lost.end_ms, lost.channel, WITHHELD), self._state.last_record_ms)

    def _hear(self, segment: Segment) -> None:
        channel = segment.channel
        if not segment.is_final:
            self._transcript.interim(segment)
        else:
            known = self._transcript.known(segment.segment_id)
            pending = self._turns.get(channel, segment.segment_id)
            if known is not None:
                if segment.revision <= known.revision:
                    self._ledger.audit(AuditAction.DROPPED, "segment_repeat", segment.time_ms, channel, seq=known.seq)
                elif (corrected := self._transcript.correct(segment, known)) is not None:
                    self._unlocated.append(corrected)
            elif pending is not None and segment.revision <= pending.revision:
                self._ledger.audit(AuditAction.DROPPED, "segment_repeat", segment.time_ms, channel)
            elif segment.end_ms <= self._state.forgotten_until_ms.get(channel, -1):
                self._ledger.audit(AuditAction.DROPPED, "segment_late", segment.time_ms, channel)
            else:
                self._turns.put(segment)
                self._holdback.mark(segment.time_ms, segment.end_ms + self._settings.context_window_ms)
            self._holdback.cover(channel, segment.end_ms)
        if segment.transcribed_until_ms is not None:
            self._holdback.cover(channel, segment.transcribed_until_ms)
        self._progress(segment.time_ms)

    # -- progress

    def _progress(self, now_ms: Ms) -> None:
        if self._rereading.open:
            return
        holdback = self._holdback
        if holdback.advance(self._covered_ms()):
            self._snapshot = None
            holdback.settle()
        while (turn := self._turns.pop_closed(holdback.watermark_ms)) is not None:
            self._snapshot = None
            self._unlocated.append(self._transcript.release(turn, now_ms))
        if self._unlocated:
            self._locate_arrived(final=False)
        self._release(now_ms, final=False)
        if self._complete(now_ms):
            self._finish(now_ms)

    def _covered_ms(self, *, ended: bool = False) -> Ms:
        """The least covered channel, through silence; 0 while nothing is known."""
        self._sound.tail_due_ms = None
        covered = self._holdback.covered_ms
        heard = self._sound.channels
        if len(heard) == 1 and self._state.declared_channels <= 1:
            return self._through_silence(heard[0], max(covered.values(), default=0), ended)
        channels = {*range(self._state.declared_channels), *covered, *heard}
        least = FOREVER_MS
        # the least covered first: the silence of the others need not be looked at beyond what it reaches
        for until_ms, channel in sorted((covered.get(channel, 0), channel) for channel in channels):
            if until_ms >= least:
                break
            least = min(least, self._through_silence(channel, until_ms, ended))
        return least if channels else 0

    def _through_silence(self, channel: int, until_ms: Ms, ended: bool) -> Ms:
        silent_ms = self._sound.silent_until_ms(channel, until_ms, now_ms=self._now_ms, ended=ended)
        return max(until_ms, silent_ms - QUIET_MARGIN_MS)

    def _complete(self, now_ms: Ms) -> bool:
        """The call has ended, and everything up to its end has arrived and is covered. Where the end did not say how
        long the call was, stragglers have had their time."""
        state = self._state
        if state.ended_ms is None or state.closed or self._rereading.open:
            return False
        channels = {*range(state.declared_channels), *self._sound.channels}
        if state.duration_ms is None:
            end_ms = self._sound.end_ms
            due = now_ms >= state.ended_ms + self._settings.end_grace_ms
        else:
            end_ms = state.duration_ms
            due = bool(channels) and all(self._sound.arrived_ms(channel) >= end_ms for channel in channels)
        return due and self._covered_ms(ended=True) >= end_ms - QUIET_MARGIN_MS

    def _finish(self, now_ms: Ms) -> None:
        state = self._state
        self._snapshot = None
        self._stop_awaiting()
        while (turn := self._turns.pop_closed(FOREVER_MS)) is not None:
            self._unlocated.append(self._transcript.release(turn, now_ms))
        self._locate_arrived(final=True)
        self._release(now_ms, final=True)
        state.closed = True
        duration_ms = state.duration_ms or max(self._sound.end_ms, *self._holdback.covered_ms.values(), 0)
        channels = max(state.declared_channels, len(self._sound.channels))
        self._ledger.close(duration_ms, channels, self._sound.chunks)

    # -- audio

    def _locate_arrived(self, final: bool) -> None:
        waiting: list[Unlocated] = []
        for entry in self._unlocated:
            due_ms = entry.turn.end_ms + MAX_REACH_MS
            targets = self._sound.targets(entry.turn.channel)
            here = all(self._sound.arrived_ms(channel) >= due_ms for channel in targets)
            if here or final or self._holdback.forced_ms >= due_ms:
                self._locate(entry, targets)
            else:
                waiting.append(entry)
        if len(waiting) != len(self._unlocated):
            self._snapshot = None
        self._unlocated = waiting

    def _locate(self, entry: Unlocated, targets: Sequence[int]) -> None:
        first = entry.turn.segments[0]
        timing = profile(first.timing or self._settings.default_profile)
        entry = entry._replace(turn=entry.turn.joined())
        cut = list(place(entry, targets, self._sound, timing, crosstalk=self._settings.crosstalk))
        for span in cut:
            self._cut(span, first.time_ms)
        for channel in targets:
            self._sound.explain(channel, explained(entry, channel, cut, self._sound, timing))

    def _cut(self, span: AudioSpan, time_ms: Ms) -> None:
        self._sound.cut(span)
        self._ledger.silenced(span, time_ms)

    def _release(self, now_ms: Ms, final: bool) -> None:
        reach_ms = MAX_REACH_MS
        limit_ms = self._holdback.watermark_ms - reach_ms
        earliest = self._turns.earliest_start_ms()
        if earliest is not None:
            limit_ms = min(limit_ms, earliest - reach_ms)
        for entry in self._unlocated:
            limit_ms = min(limit_ms, entry.turn.start_ms - reach_ms)
        for released in self._sound.release(
            limit_ms,
            gap_limit_ms=self._holdback.forced_ms - reach_ms,
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

    # -- checkpoint

    def snapshot(self) -> bytes:
        """The call's share of the checkpoint: content-free JSON, the same object until something changes."""
        if self._snapshot is None:
            state = self._state
            holdback = self._holdback
            self._transcript.save()
            state.watermark_ms, state.forced_ms = holdback.watermark_ms, holdback.forced_ms
            state.covered_ms = holdback.covered_ms
            state.unlocated = [*map(_unlocated_state, self._unlocated), *self._rereading.unlocated]
            state.pending = sorted({*map(part_of, self._turns), *self._rereading.pending})
            state.holes = sorted(hole for holes in self._sound.holes.values() for hole in holes)
            state.explained = self._sound.explained
            state.streams = self._sound.states()
            self._snapshot = _encoder.encode(state)
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
    ) -> "CallSession":
        """A session as the checkpoint left it. Records below ``positions`` that are read again count only where
        they were pending."""
        state = _decoder.decode(snapshot)
        session = cls(
            state.call_id,
            state.customer_id,
            detector=detector,
            key=key,
            settings=settings,
            policy=policy,
            state=state,
        )
        session._holdback.watermark_ms, session._holdback.forced_ms = state.watermark_ms, state.forced_ms
        session._holdback.covered_ms = state.covered_ms
        session._rereading = Rereading(positions, state.pending, state.unlocated)
        session._sound.restore(state.streams)
        for hole in state.holes:
            session._sound.cut(hole)
        session._sound.explained = state.explained
        return session


def _unlocated_state(entry: Unlocated) -> UnlocatedTurn:
    turn = entry.turn
    parts = tuple(map(part_of, turn.segments))
    return UnlocatedTurn(parts, turn.channel, turn.start_ms, turn.end_ms, entry.spans, entry.muted)
