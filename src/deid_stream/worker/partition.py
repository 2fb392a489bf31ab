"""One partition number: its calls, its stream time, and what of its work is not published yet.

Never awaits. The pump feeds records, asks for ``process`` and hands what ``take`` gives to the broker; if that fails,
the whole object is thrown away and the partition starts again from its checkpoint.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from deid_stream.errors import DecodeError
from deid_stream.kafka.ports import Outbox
from deid_stream.kafka.record import InRecord
from deid_stream.model.events import Event
from deid_stream.model.outputs import AuditAction, AuditEntry, Output
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND, TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import Positions
from deid_stream.units import Ms
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import ignore
from deid_stream.worker.checkpoint import CheckpointWriter, Progress, Restored
from deid_stream.worker.dead_letters import DeadLetters, unreadable
from deid_stream.worker.gate import Gate
from deid_stream.worker.live import ClosedCalls, LiveCall, Sessions
from deid_stream.worker.merge import Merge

MAX_SKEW_MS: Final = 3_600_000
"""A timestamp further ahead of the wall clock than this is wrong."""
DRAIN_SPAN_MS: Final = 500
"""Record time within which a batch's sessions are asked only once for outputs and deadlines: shorter than a deadline
they set (unless the hold-back is set below it), so that where a batch begins and ends does not matter."""
_NEEDED_EVERY_MS: Final = 1_000
_SLICE_RECORDS: Final = 512


class Work(msgspec.Struct):
    """What is to be published in one go."""

    outbox: Outbox
    checkpoint: list[tuple[bytes, bytes]]
    offsets: dict[str, int]
    """By kind."""
    released: list[Output]


class Partition:
    """``policy_of`` gives a customer's policy in force, ``training_fresh`` whether the policies may be trusted for
    training, ``new_outbox`` an empty outbox."""

    def __init__(
        self,
        number: int,
        restored: Restored,
        *,
        names: TopicNames,
        sessions: Sessions,
        gate: Gate,
        policy_of: Callable[[str], CompiledPolicy],
        training_fresh: Callable[[], bool],
        policy_positions: Callable[[], dict[int, int]],
        new_outbox: Callable[[], Outbox],
        limits: Limits,
        metrics: Metrics,
        writer_id: str,
        max_held_bytes: int,
    ) -> None:
        self.number = number
        self._sessions = sessions
        self._gate = gate
        self._policy_of = policy_of
        self._training_fresh = training_fresh
        self._policy_positions = policy_positions
        self._new_outbox = new_outbox
        self._limits = limits
        self._max_held_bytes = max_held_bytes
        self._writer = CheckpointWriter(number, restored.epoch + 1, writer_id)
        self._merge = Merge()
        self._outbox = new_outbox()
        self._live: dict[str, LiveCall] = {}
        self._by_customer: dict[str, set[str]] = {}
        self._deadlines: list[tuple[Ms, str]] = []
        self._touched: dict[str, LiveCall] = {}
        self._changed: dict[str, LiveCall] = {}
        self._closed = ClosedCalls(restored.closed)
        self.clock_ms: Ms = restored.progress.time_ms
        self.positions = dict(restored.progress.positions)
        self._needed = dict(restored.progress.needed)
        self._replay_until = {k: offset for k, offset in self.positions.items() if self._needed.get(k, offset) < offset}
        self._needed_at_ms: Ms = 0
        self.retracting = list(restored.progress.retracting)
        self._dirty = True
        self._held_bytes = 0
        self._drained_at_ms: Ms = 0
        self._idle_since: tuple[Ms, Ms] | None = None
        """Wall clock and stream time when there was nothing left to read."""
        self._metrics = metrics
        self._dead_letters = DeadLetters(names.dead_letters, metrics)
        self._released: list[Output] = []
        positions = Positions(
            transcripts=self.positions.get(TRANSCRIPTS_KIND, 0),
            audio=self.positions.get(AUDIO_KIND, 0),
        )
        for snapshot in restored.calls.values():
            live = self._adopt(sessions.restore(snapshot, positions, policy_of))
            live.snapshot = snapshot
            self._schedule(live)

    # -- what the pump asks

    @property
    def calls(self) -> int:
        return len(self._live)

    @property
    def recovered(self) -> bool:
        """What the calls of the last owner were waiting with has been read again."""
        return not self._replay_until

    @property
    def held_bytes(self) -> int:
        """Audio held in sessions."""
        return self._held_bytes

    @property
    def buffered_bytes(self) -> dict[str, int]:
        """Read and not yet taken, by kind."""
        return self._merge.bytes

    def buffered(self, kind: str) -> int:
        """Records read and not yet taken."""
        return self._merge.waiting(kind)

    @property
    def dirty(self) -> bool:
        """There is something to publish: outputs at once, mere progress when it suits."""
        return self._dirty

    @property
    def unpublished(self) -> int:
        """Records waiting to be published."""
        return self._outbox.records

    def start_offsets(self) -> dict[str, int]:
        """Where reading begins, by kind; kinds never read are missing."""
        return {kind: self._needed.get(kind, offset) for kind, offset in self.positions.items()}

    def feed(self, kind: str, records: Sequence[InRecord]) -> None:
        self._merge.feed(kind, records)

    def at_end(self, kinds: frozenset[str]) -> None:
        self._merge.at_end(kinds)

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """Add a record of the worker's own (a retraction) to the next batch."""
        self._outbox.append(topic, key, value, headers, self.clock_ms)
        self._dirty = True

    def audit(self, entry: AuditEntry) -> None:
        self._gate.publish(self._outbox, (entry,), self._policy_of(entry.customer_id), minor=False, training=False)
        self._released.append(entry)
        self._dirty = True

    def retract(self, customer_id: str) -> None:
        """The customer's published training records must be taken back; the checkpoint remembers it until done."""
        if customer_id not in self.retracting:
            self.retracting.append(customer_id)
            self._dirty = True

    def retracted(self, customer_id: str) -> None:
        """They have been, with the batch that is being filled."""
        self.retracting.remove(customer_id)
        self._dirty = True

    def policy_changed(self, customer_id: str) -> None:
        """From the next turn and the next record on, the customer's calls go by the new policy."""
        policy = self._policy_of(customer_id)
        for call_id in self._by_customer.get(customer_id, ()):
            self._live[call_id].session.use(policy)

    # -- work

    def process(self, wall_ms: Ms, limit: int = _SLICE_RECORDS) -> int:
        """Take up to ``limit`` records; how many were taken. An idle partition's time goes on as the wall clock
        does."""
        if self._replay_until:
            for kind in self._merge.exhausted & self._replay_until.keys():
                # what was to be read again is gone from the topic
                del self._replay_until[kind]
        # over the limit, audio waits as long as there is anything else that may let go of what is held
        crowded = self._held_bytes > self._max_held_bytes
        taken = self._merge.take(limit, wall_ms + MAX_SKEW_MS, skip=AUDIO_KIND if crowded else None)
        if crowded and not taken:
            taken = self._merge.take(limit, wall_ms + MAX_SKEW_MS)
        for time_ms, kind, record in taken:
            self._take(time_ms, kind, record)
        if taken:
            self._dirty = True
            self._idle_since = None
        elif self._merge.idle:
            self._pass_idle(wall_ms)
        self._drain()
        return len(taken)

    def take(self) -> Work | None:
        """Everything since the last time, as one unit; None when there is nothing."""
        if not self._dirty:
            return None
        self._dirty = False
        self._refresh_needed()
        full = self._writer.wants_base
        changed = []
        for live in (self._live if full else self._changed).values():
            snapshot = live.session.snapshot()
            # the same object as last time: nothing of it has changed
            if full or snapshot is not live.snapshot:
                live.snapshot = snapshot
                changed.append(snapshot)
        closed = self._closed.take(self.clock_ms, everything=full)
        progress = Progress(
            positions=self.positions.copy(),
            needed=self._needed.copy(),
            time_ms=self.clock_ms,
            policies=self._policy_positions(),
            retracting=self.retracting.copy(),
        )
        work = Work(
            outbox=self._outbox,
            checkpoint=self._writer.encode(progress, changed, closed.items(), full=full),
            offsets=self.start_offsets(),
            released=self._released,
        )
        self._released = []
        self._changed = {}
        self._outbox = self._new_outbox()
        return work

    def published(self, checkpoint_offset: int) -> None:
        """The last ``take`` has reached the broker."""
        self._writer.written(checkpoint_offset)

    # -- one record

    def _take(self, time_ms: Ms, kind: str, record: InRecord) -> None:
        offset = record.offset
        again = offset < self.positions.get(kind, 0)
        if again:
            # already counted, audited and dead-lettered, and time has been here before
            if offset + 1 >= self._replay_until.get(kind, 0):
                self._replay_until.pop(kind, None)
        else:
            self.positions[kind] = offset + 1
            self._needed.setdefault(kind, offset)
            self._replay_until.pop(kind, None)
            if time_ms > self.clock_ms:
                if time_ms - self._drained_at_ms >= DRAIN_SPAN_MS:
                    self._drain()
                    self._drained_at_ms = time_ms
                self._advance(time_ms)
        if record.unreadable:
            if not again:
                self._dead_letters.refuse(self._outbox, (unreadable(record),), record, time_ms)
            return
        # the record's own time: what the merge made of it depends on what else is in the partition
        own_ms = min(record.timestamp, time_ms)
        note = ignore if again else self._metrics.dropped_fields.inc
        decoded = decode(kind, record.key, record.value, record.headers, own_ms, offset, self._limits, note)
        faults = decoded.faults
        for event in decoded.events:
            try:
                self._receive(event, record, again)
            except DecodeError as error:
                faults = (*faults, error)
        if faults and not again:
            self._dead_letters.refuse(self._outbox, faults, record, time_ms)

    def _receive(self, event: Event, record: InRecord, again: bool) -> None:
        live = self._live.get(event.call_id)
        if live is None:
            if again:
                return
            if event.call_id in self._closed:
                self._metrics.dropped.inc("closed_call")
                return
            live = self._adopt(
                self._sessions.open(event.call_id, event.customer_id, self._policy_of(event.customer_id))
            )
        session = live.session
        if session.customer_id != event.customer_id:
            if not again:
                self._dead_letters.put(self._outbox, "customer_mismatch", record, event.time_ms)
            return
        try:
            session.receive(event)
        except DecodeError:
            self._touched[event.call_id] = live
            raise
        except Exception:  # noqa: BLE001 - whatever goes wrong inside a call ends that call, silenced, not the worker
            self._quarantine(live, event.time_ms)
            self._dead_letters.put(self._outbox, "session_failed", record, event.time_ms)
            return
        self._touched[event.call_id] = live

    def _pass_idle(self, wall_ms: Ms) -> None:
        """Nothing is left to read: time goes on from the last record as the wall clock does. Elapsed time, not the
        wall clock itself, so that recorded calls can be replayed with the timestamps they had."""
        if self._idle_since is None:
            self._idle_since = (wall_ms, self.clock_ms)
        since_ms, clock_ms = self._idle_since
        if clock_ms:
            self._advance(clock_ms + wall_ms - since_ms)

    def _advance(self, now_ms: Ms) -> None:
        """Let stream time reach ``now_ms``; each deadline on the way falls due at its own time."""
        if self._replay_until or now_ms <= self.clock_ms:
            return
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now_ms:
            due_ms, call_id = heapq.heappop(deadlines)
            live = self._live.get(call_id)
            if live is None or live.deadline_ms != due_ms:
                continue
            # the deadline of a record that came late may lie in the past: it falls due now
            actual_ms = max(live.session.next_deadline_ms, due_ms, self.clock_ms)
            if actual_ms <= now_ms:
                try:
                    live.session.advance(actual_ms)
                except Exception:  # noqa: BLE001 - as in _receive
                    self._quarantine(live, actual_ms)
                    continue
                self._touched[call_id] = live
                self._dirty = True
                if live.session.closed:
                    self._drain_one(call_id, live)
                    continue
                actual_ms = max(live.session.next_deadline_ms, actual_ms + 1)
            self._push(live, actual_ms)
        self.clock_ms = now_ms

    def _drain(self) -> None:
        touched, self._touched = self._touched, {}
        for call_id, live in touched.items():
            self._drain_one(call_id, live)

    def _drain_one(self, call_id: str, live: LiveCall) -> None:
        session = live.session
        outputs = session.outputs()
        if outputs:
            self._released += outputs
            self._gate.publish(
                self._outbox,
                outputs,
                self._policy_of(session.customer_id),
                minor=session.minor,
                training=self._training_fresh(),
            )
            self._dirty = True
        if session.closed:
            self._forget(call_id, live)
            self._closed.add(call_id, self.clock_ms)
            return
        held = session.held_bytes
        self._held_bytes += held - live.held_bytes
        live.held_bytes = held
        self._changed[call_id] = live
        self._schedule(live)

    # -- sessions

    def _adopt(self, session: CallSession) -> LiveCall:
        live = LiveCall(session)
        self._live[session.call_id] = live
        self._by_customer.setdefault(session.customer_id, set()).add(session.call_id)
        return live

    def _schedule(self, live: LiveCall) -> None:
        """Deadlines mostly move on: a later one is found out when the queued one falls due."""
        deadline_ms = live.session.next_deadline_ms
        if deadline_ms < live.deadline_ms:
            self._push(live, deadline_ms)

    def _push(self, live: LiveCall, deadline_ms: Ms) -> None:
        live.deadline_ms = deadline_ms
        heapq.heappush(self._deadlines, (deadline_ms, live.session.call_id))

    def _forget(self, call_id: str, live: LiveCall) -> None:
        self._live.pop(call_id, None)
        self._changed.pop(call_id, None)
        self._touched.pop(call_id, None)
        self._held_bytes -= live.held_bytes
        of_customer = self._by_customer.get(live.session.customer_id)
        if of_customer is not None:
            of_customer.discard(call_id)
            if not of_customer:
                del self._by_customer[live.session.customer_id]

    def _quarantine(self, live: LiveCall, time_ms: Ms) -> None:
        """What the call released so far stands; nothing more of it leaves."""
        session = live.session
        self._forget(session.call_id, live)
        self._closed.add(session.call_id, self.clock_ms)
        self._dirty = True
        self.audit(
            AuditEntry(
                call_id=session.call_id,
                customer_id=session.customer_id,
                action=AuditAction.QUARANTINED,
                reason="session_failed",
                time_ms=time_ms,
            )
        )

    def _refresh_needed(self) -> None:
        """An older answer is a safe one (more is read again), so it is asked for once a second of stream time."""
        if self._replay_until or (self._live and self.clock_ms - self._needed_at_ms < _NEEDED_EVERY_MS):
            return
        self._needed_at_ms = self.clock_ms
        transcripts, audio = self.positions.get(TRANSCRIPTS_KIND, 0), self.positions.get(AUDIO_KIND, 0)
        for live in self._live.values():
            needed = live.session.needed_offsets()
            if 0 <= needed.transcripts < transcripts:
                transcripts = needed.transcripts
            if 0 <= needed.audio < audio:
                audio = needed.audio
        found = {EVENTS_KIND: self.positions.get(EVENTS_KIND, 0), TRANSCRIPTS_KIND: transcripts, AUDIO_KIND: audio}
        self._needed = {kind: found[kind] for kind in self.positions}
