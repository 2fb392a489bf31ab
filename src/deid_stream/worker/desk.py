"""Gives every event to its call. Opens calls, decides which customer they belong to, lets their deadlines fall due, and
closes them.

What goes wrong inside one call ends that call and no other: nothing more of it leaves, an audit entry says so, and its
records are refused from then on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from deid_stream.errors import BrokerError, DecodeError
from deid_stream.kafka.record import InRecord
from deid_stream.model.events import CallStarted, Event
from deid_stream.model.outputs import AuditAction, AuditEntry, Output, Retraction
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import NeededOffsets, Positions
from deid_stream.units import Ms
from deid_stream.worker.calls import Calls, LiveCall, Sessions, snapshots_of
from deid_stream.worker.consent import CallConsent, CallFacts
from deid_stream.worker.dead_letters import Source
from deid_stream.worker.ended import EndedCall, EndedCalls
from deid_stream.worker.stream_clock import StreamClock

DRAIN_SPAN_MS: Final = 500
"""Record time within which a batch's sessions are asked only once for outputs and deadlines: shorter than a deadline
they set (unless the hold-back is set below it), so that where a batch begins and ends does not matter."""

MISMATCH: Final = "customer_mismatch"
FAILED: Final = "session_failed"
"""Codes of dead letters."""


class PolicyView(Protocol):
    """The questions that a partition asks about policies."""

    def of(self, customer_id: str) -> CompiledPolicy:
        """The one in force."""

    def fresh(self) -> bool:
        """Whether they may be trusted for training."""


class Publish(Protocol):
    def __call__(self, outputs: Sequence[Output], consent: CallConsent | None, *, minor: bool) -> None: ...


class Refuse(Protocol):
    def __call__(self, code: str, source: Source, time_ms: Ms) -> None:
        """Make a dead letter of a record that was taken in before."""


class CallDesk:
    """The calls of one partition. ``publish`` lets outputs leave: those of a live call with its consent, lines about
    others without. ``refuse`` makes a dead letter of a record that was held until it was known whose the call is. While
    ``replaying``, records are read again and time stands still."""

    def __init__(
        self,
        clock: StreamClock,
        ended: EndedCalls,
        *,
        sessions: Sessions,
        policies: PolicyView,
        publish: Publish,
        refuse: Refuse,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._ended = ended
        self._sessions = sessions
        self._policies = policies
        self._publish = publish
        self._refuse = refuse
        self._metrics = metrics
        self._calls = Calls()
        self._touched: dict[str, LiveCall] = {}
        self._changed: dict[str, LiveCall] = {}
        self._drained_at_ms: Ms = 0
        self.replaying = False
        self.doubting = False
        """True: records that are read now may have been published already, by an owner that died before its checkpoint
        was written."""

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def entries(self) -> int:
        """Everything that is kept for calls, live and closed: must not grow with the partition's age."""
        return self._calls.entries + len(self._ended) + len(self._changed) + len(self._touched)

    @property
    def held_bytes(self) -> int:
        """Audio held in sessions."""
        return self._calls.held_bytes

    def policy_changed(self, customer_id: str) -> None:
        """From the next turn and the next record on, the customer's calls go by the policy now in force."""
        policy = self._policies.of(customer_id)
        for session in self._calls.of(customer_id):
            session.use(policy)

    def needed_offsets(self) -> Iterable[NeededOffsets]:
        """Of every session."""
        return (session.needed_offsets() for live in self._calls for session in live.sessions)

    # -- one event

    def receive(self, event: Event, kind: str, record: InRecord, again: bool, time_ms: Ms) -> str | None:
        """``record`` is the event's source, of a topic of that ``kind``; ``again``: the checkpoint had seen it;
        ``time_ms``: record time of the partition. The code of the dead letter that the record deserves, if any. Raises
        DecodeError for what cannot be part of its call."""
        live = self._calls.get(event.call_id)
        if live is None:
            if again:
                return None
            ended = self._ended.get(event.call_id)
            if ended is not None:
                self._straggler(ended, event)
                return None
        elif event.customer_id != live.session.customer_id and not self._calls.may_claim(live, event.customer_id):
            if again:
                return None
            self._conflict(live, 1, event.time_ms)
            return MISMATCH
        if not again:
            # only what a call takes in moves time: not what was refused
            if time_ms > self._clock.reached_ms:
                self._advance_to(time_ms)
            if live is not None and event.time_ms >= live.due_ms and not self.replaying:
                self._fire(live, event.time_ms)
            # either may have closed it
            live = self._calls.get(event.call_id)
            if live is None and (ended := self._ended.get(event.call_id)) is not None:
                self._straggler(ended, event)
                return None
        try:
            if live is None:
                facts = CallFacts(event.call_id, event.time_ms, began=f"{kind}/{record.offset}")
                live = self._calls.adopt(self._open(event), facts)
                live.consent.published.doubted = self.doubting
            session = live.session
            if session.customer_id != event.customer_id:
                session = self._rival(live, event)
            session.receive(event)
            if isinstance(event, CallStarted) and event.subject:
                live.consent.facts.subject = event.subject
            if not live.bound and self._calls.count(live, event, record) and not (again or self.replaying):
                self._bind(live, event.time_ms)
        except DecodeError:
            if live is not None:
                self._touched[event.call_id] = live
            raise
        except Exception:  # noqa: BLE001 - whatever goes wrong inside a call ends that call, silenced, not the worker
            self._quarantine(live or event, event.time_ms)
            return FAILED
        if event.time_ms > live.own_ms:
            live.own_ms = event.time_ms
        live.offset_ms = self._clock.elapsed_ms - live.own_ms
        self._touched[event.call_id] = live
        return None

    def _advance_to(self, time_ms: Ms) -> None:
        """Let the partition's time reach an accepted record."""
        if time_ms - self._drained_at_ms >= DRAIN_SPAN_MS:
            self.drain()
            self._drained_at_ms = time_ms
        self._clock.reach(time_ms)
        if not self.replaying:
            self.fire_due()

    def refuse(self, call_id: str) -> None:
        """A record of the call became a dead letter: its summary counts it."""
        live = self._calls.get(call_id)
        if live is not None:
            live.session.refuse()
            self._touched[call_id] = live

    def _straggler(self, ended: EndedCall, event: Event) -> None:
        """A record of a closed call does not open the call again. Only the statement that the call is a minor's still
        counts."""
        if ended.told:
            # the first one is counted with its audit entry
            self._metrics.dropped.inc("closed_call")
        if event.customer_id != ended.customer_id and ended.customer_id:
            return
        if isinstance(event, CallStarted) and event.minor:
            retraction = ended.retraction(event.time_ms, "minor")
            if retraction is not None:
                count = sum(known.last - known.first + 1 for known in (*retraction.transcripts, *retraction.audio))
                self._publish((retraction,), None, minor=True)
                self._audit(ended, AuditAction.RETRACTED, "minor", event.time_ms, {"records": count})
                self._ended.add(msgspec.structs.replace(ended, transcripts=(), audio=()))
        if not ended.told:
            self._ended.add(msgspec.structs.replace(self._ended.get(ended.call_id) or ended, told=True))
            self._audit(ended, AuditAction.DROPPED, "closed_call", event.time_ms)

    # -- whose a call is

    def _open(self, event: Event) -> CallSession:
        return self._sessions.open(event.call_id, event.customer_id, self._policies.of(event.customer_id))

    def _rival(self, live: LiveCall, event: Event) -> CallSession:
        """The session for another customer whose records have the same call id."""
        rival = live.rivals.get(event.customer_id)
        if rival is None:
            rival = self._open(event)
            self._calls.rival(live, rival)
        return rival

    def _bind(self, live: LiveCall, time_ms: Ms) -> None:
        counted = sum(live.records.values())
        lost = self._calls.bind(live)
        refused = counted - live.records.get(live.session.customer_id, 0)
        for source in lost:
            self._refuse(MISMATCH, source, time_ms)
        if refused:
            self._conflict(live, refused, time_ms)

    def _conflict(self, live: LiveCall, records: int, time_ms: Ms) -> None:
        """Records of a customer whose call this is not: counted, and audited once, without naming the other."""
        self._metrics.customer_conflicts.inc(amount=records)
        if not live.conflict:
            live.conflict = True
            self._audit(live.session, AuditAction.DROPPED, "customer_conflict", time_ms, {"records": records})

    # -- deadlines and outputs

    def pass_idle(self, wall_ms: Ms) -> None:
        """Let time pass when there is nothing left to read."""
        self._clock.pass_idle(wall_ms)
        self.fire_due()

    def fire_due(self) -> None:
        """Let the deadlines of calls that send nothing fall due, each at its own time."""
        elapsed_ms = self._clock.elapsed_ms
        for live in self._calls.due(elapsed_ms):
            until_ms = elapsed_ms - live.offset_ms
            self._fire(live, until_ms)
            if self._calls.get(live.session.call_id) is live:
                self._calls.queue(live, max(live.session.next_deadline_ms + live.offset_ms, elapsed_ms + 1))

    def _fire(self, live: LiveCall, until_ms: Ms) -> None:
        """Let what falls due in a call up to ``until_ms`` of its own time do so."""
        try:
            # binding a call may be all that it takes to close it
            fired = not live.bound and live.session.next_deadline_ms <= until_ms
            if fired:
                self._bind(live, until_ms)
            fired = live.fire(until_ms) or fired
        except Exception:  # noqa: BLE001 - as in _receive
            self._quarantine(live, until_ms)
            return
        if fired:
            if live.session.closed:
                self._drain_one(live)
            else:
                self._touched[live.session.call_id] = live

    def drain(self) -> None:
        """Let leave what the calls have released since they were last asked."""
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for live in touched.values():
            self._drain_one(live)

    def _drain_one(self, live: LiveCall) -> None:
        session = live.session
        try:
            outputs = session.outputs()
            if outputs:
                live.consent.facts.customer_id = session.customer_id
                self._publish(outputs, live.consent, minor=session.minor)
            closed = session.closed
            if not closed:
                self._calls.measure(live)
        except BrokerError:
            raise
        except Exception:  # noqa: BLE001 - as in _receive
            self._quarantine(live, live.own_ms)
            return
        if closed:
            self._forget(live)
        else:
            self._changed[session.call_id] = live

    # -- calls that end

    def _forget(self, live: LiveCall) -> None:
        """The call is closed: what has left of it is remembered, and that it must not be opened again."""
        session = live.session
        self._calls.forget(live)
        self._changed.pop(session.call_id, None)
        self._touched.pop(session.call_id, None)
        left = None if session.minor else session.retraction(0, "minor")
        self._remember(session.call_id, session.customer_id, left)

    def _remember(self, call_id: str, customer_id: str, left: Retraction | None, *, told: bool = False) -> None:
        ranges = (left.transcripts, left.audio) if left is not None else ((), ())
        self._ended.add(EndedCall(call_id, self._clock.reached_ms, customer_id, *ranges, told))

    def _quarantine(self, call: LiveCall | Event, time_ms: Ms) -> None:
        """What the call released so far stands; nothing more of it leaves. An Event: it could not be opened."""
        if isinstance(call, LiveCall):
            session = call.session
            self._calls.forget(call)
            self._changed.pop(session.call_id, None)
            self._touched.pop(session.call_id, None)
            self._give_up(session.call_id, session.customer_id, FAILED, time_ms)
        else:
            self._give_up(call.call_id, call.customer_id, FAILED, time_ms)

    def _give_up(self, call_id: str, customer_id: str, reason: str, time_ms: Ms) -> None:
        self._remember(call_id, customer_id, None, told=True)
        self._audit(EndedCall(call_id, time_ms, customer_id), AuditAction.QUARANTINED, reason, time_ms)

    def _audit(
        self,
        call: CallSession | EndedCall,
        action: AuditAction,
        reason: str,
        time_ms: Ms,
        counts: dict[str, int] | None = None,
    ) -> None:
        entry = AuditEntry(
            call_id=call.call_id,
            customer_id=call.customer_id,
            action=action,
            reason=reason,
            time_ms=time_ms,
            counts=counts or {},
        )
        self._publish((entry,), None, minor=False)

    # -- checkpoint

    def facts(self, *, everything: bool) -> list[CallFacts]:
        """What the gate knows of calls, as ``snapshots``; to be asked before them."""
        taken = []
        for live in self._calls if everything else self._changed.values():
            if everything or live.consent.facts != live.saved_facts:
                live.saved_facts = msgspec.structs.replace(live.consent.facts)
                taken.append(live.saved_facts)
        return taken

    def snapshots(self, *, everything: bool) -> list[bytes]:
        """Of all calls, or of those that have changed since the last time."""
        taken = []
        for live in list(self._calls if everything else self._changed.values()):
            try:
                snapshot = live.take_snapshot()
            except Exception:  # noqa: BLE001 - as in ``receive``
                self._quarantine(live, live.own_ms)
                continue
            # the same object as last time: nothing of it has changed
            if everything or snapshot is not live.snapshot:
                live.snapshot = snapshot
                taken.append(snapshot)
        self._changed = {}
        return taken

    def restore(self, snapshots: Mapping[str, bytes], positions: Positions, facts: Mapping[str, CallFacts]) -> None:
        """Take up the calls of a checkpoint. One that cannot be read is given up, and no other."""
        for name, snapshot in snapshots.items():
            customer_id = ""
            try:
                customer_id, single = snapshots_of(snapshot)
                first, *others = [self._sessions.restore(one, positions, self._policies.of) for one in single]
                live = self._calls.adopt(first, facts.get(name))
                for session in others:
                    self._calls.rival(live, session)
            except Exception:  # noqa: BLE001 - as in ``receive``
                self._give_up(name, customer_id, "unreadable_state", self._clock.reached_ms)
                continue
            live.offset_ms = -live.own_ms
            live.snapshot = snapshot
            live.consent.published.doubted = self.doubting
            live.consent.published.resume(live.session.retraction(0, ""), live.consent.facts.permitted_at)
            self._calls.measure(live)
