"""The live calls of one partition: whose they are, when something of them falls due, and which have closed.

**Whose a call is.** Records name their customer, and a wrong one may come first. Until a call is *bound* its session
decides nothing. ``call.started`` binds it at once. Where none comes, it is bound to the customer who has sent most of
its records, once these span ``BIND_MS`` of record time or something of it falls due. Records of another customer are
held apart until then, in a session of their own, and refused afterwards: two customers' records never meet.

**Deadlines** are in the call's own record time. A heap orders the calls by the elapsed time (see ``stream_clock``) at
which their next one falls due if nothing more of them comes.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import msgspec

from deid_stream.kafka.record import InRecord
from deid_stream.model.events import CallStarted, Event
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import Positions
from deid_stream.units import Ms
from deid_stream.worker.consent import CallConsent, CallFacts
from deid_stream.worker.dead_letters import Source

BIND_MS: Final[Ms] = 2_000
"""Record time over which the records of a call without a start are gathered before it is bound. Longer, and such calls
wait longer before anything leaves; shorter, and a stray record weighs more."""
MAX_SOURCES: Final = 500
"""Records of one customer that are remembered by their places until a call is bound, so that each can become a dead
letter. Larger: a flood of them takes more memory; smaller: of more than this the audit tells the number alone."""
MAX_RIVALS: Final = 3
"""Most customers beside the first whose records of one call are kept until it is known whose the call is; records of
further customers are refused."""
_NEVER: Final[Ms] = 1 << 62


class Sessions(Protocol):
    """Makes the sessions, with the detector, the keys and the settings."""

    def open(self, call_id: str, customer_id: str, policy: CompiledPolicy) -> CallSession: ...

    def restore(
        self, snapshot: bytes, positions: Positions, policy_of: Callable[[str], CompiledPolicy]
    ) -> CallSession: ...


class _Claims(msgspec.Struct):
    """Several customers' claims to one call, as the checkpoint has them; one session's snapshot has none."""

    call_id: str
    customer_id: str = ""
    claims: list[msgspec.Raw] = []


_claims = msgspec.json.Decoder(_Claims)
_encoder = msgspec.json.Encoder()


class LiveCall:
    """A session with what its partition knows of it."""

    __slots__ = (
        "bound",
        "conflict",
        "consent",
        "deadline_ms",
        "due_ms",
        "fired_ms",
        "first_ms",
        "held_bytes",
        "offset_ms",
        "own_ms",
        "records",
        "rivals",
        "saved_facts",
        "session",
        "snapshot",
        "sources",
    )

    def __init__(self, session: CallSession, facts: CallFacts) -> None:
        self.session = session
        self.consent = CallConsent(facts)
        self.saved_facts: CallFacts | None = None
        """As the checkpoint has them."""
        self.rivals: dict[str, CallSession] = {}
        self.bound = session.bound
        self.records: dict[str, int] = {}
        """By customer, until the call is bound."""
        self.sources: dict[str, dict[tuple[str, int], Source]] = {}
        """By customer, until the call is bound: places of the records, for the dead letters of those who lose it."""
        self.conflict = False
        """Another customer's records have been refused, and the audit says so."""
        self.first_ms: Ms = 0
        self.own_ms: Ms = session.last_record_ms
        """The latest record time of its own records."""
        self.offset_ms: Ms = 0
        """Elapsed time of the partition less the call's own time, at its last record."""
        self.due_ms: Ms = 0
        """Own time before which nothing of it falls due, when it was last asked."""
        self.fired_ms: Ms = 0
        self.deadline_ms: Ms = _NEVER
        """Elapsed time at which the heap has it."""
        self.held_bytes = 0
        self.snapshot = b""

    @property
    def sessions(self) -> list[CallSession]:
        return [self.session, *self.rivals.values()]

    def fire(self, until_ms: Ms) -> bool:
        """Let everything of the call fall due up to ``until_ms`` of its own time, each at its own time; True when there
        was anything."""
        session = self.session
        fired = False
        while not session.closed:
            # the deadline of a record that came late may lie in the past: it falls due now
            at_ms = max(session.next_deadline_ms, self.fired_ms + 1)
            if at_ms > until_ms:
                break
            session.advance(at_ms)
            self.fired_ms = at_ms
            fired = True
        return fired

    def take_snapshot(self) -> bytes:
        """For the checkpoint; the same object as last time where nothing has changed."""
        if not self.rivals:
            return self.session.snapshot()
        claims = [msgspec.Raw(session.snapshot()) for session in self.sessions]
        return _encoder.encode(_Claims(self.session.call_id, self.session.customer_id, claims))


def snapshots_of(snapshot: bytes) -> tuple[str, list[bytes]]:
    """Customer and the single sessions' snapshots of what ``LiveCall.take_snapshot`` gave. Raises
    msgspec.DecodeError."""
    read = _claims.decode(snapshot)
    return read.customer_id, [bytes(raw) for raw in read.claims] or [snapshot]


class Calls:
    """The registry of live calls. The only decision that it makes about a call is which customer the call belongs
    to."""

    def __init__(self) -> None:
        self._live: dict[str, LiveCall] = {}
        self._by_customer: dict[str, set[str]] = {}
        self._deadlines: list[tuple[Ms, str]] = []
        self.held_bytes = 0
        self.get = self._live.get

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(self._live.values())

    @property
    def entries(self) -> int:
        """Everything that is kept for them: for the test that nothing is left behind."""
        return len(self._live) + len(self._by_customer) + len(self._deadlines)

    def of(self, customer_id: str) -> list[CallSession]:
        """The sessions of a customer's calls."""
        calls = (self._live[call_id] for call_id in self._by_customer.get(customer_id, ()))
        return [session for live in calls for session in live.sessions if session.customer_id == customer_id]

    def adopt(self, session: CallSession, facts: CallFacts | None = None) -> LiveCall:
        """A new call, or one out of a checkpoint; ``facts`` is what the gate knows of it."""
        live = LiveCall(session, facts or CallFacts(session.call_id, session.last_record_ms))
        if not live.bound:
            session.hold()
        self._live[session.call_id] = live
        self._index(session)
        return live

    def may_claim(self, live: LiveCall, customer_id: str) -> bool:
        """Whether a record of this customer can be held apart: the call is not bound, and not claimed by too many."""
        return not live.bound and (customer_id in live.rivals or len(live.rivals) < MAX_RIVALS)

    def rival(self, live: LiveCall, session: CallSession) -> None:
        """Another customer's claim to a call that is not bound yet."""
        session.hold()
        live.rivals[session.customer_id] = session
        self._index(session)

    def forget(self, live: LiveCall) -> None:
        """It has closed, or is in quarantine."""
        self._live.pop(live.session.call_id, None)
        self.held_bytes -= live.held_bytes
        live.held_bytes = 0
        for session in live.sessions:
            self._unindex(session)

    def bind(self, live: LiveCall) -> list[Source]:
        """Decide whose the call is and let its session go on. The answer: the records of those who have lost it."""
        started = [session for session in live.sessions if session.bound]
        # of equal claims the first
        winner = started[0] if started else max(live.sessions, key=lambda s: live.records.get(s.customer_id, 0))
        lost = [session for session in live.sessions if session is not winner]
        for session in lost:
            self._unindex(session)
        live.session, live.rivals, live.bound = winner, {}, True
        live.sources.pop(winner.customer_id, None)
        sources = [source for places in live.sources.values() for source in places.values()]
        live.sources = {}
        winner.go_on()
        return sources

    def count(self, live: LiveCall, event: Event, record: InRecord) -> bool:
        """A record of a call that is not bound; True when it must be now."""
        places = live.sources.setdefault(event.customer_id, {})
        if len(places) < MAX_SOURCES:
            places[record.topic, record.offset] = Source.of(record)
        live.records[event.customer_id] = live.records.get(event.customer_id, 0) + 1
        live.first_ms = live.first_ms or event.time_ms
        if isinstance(event, CallStarted):
            return True
        most, *others = sorted(live.records.values(), reverse=True)
        return event.time_ms - live.first_ms >= BIND_MS and most > max(others, default=0)

    def measure(self, live: LiveCall) -> None:
        """Ask a call again how much audio it holds and when something of it falls due."""
        held = sum(session.held_bytes for session in live.sessions) if live.rivals else live.session.held_bytes
        self.held_bytes += held - live.held_bytes
        live.held_bytes = held
        live.due_ms = live.session.next_deadline_ms
        # deadlines mostly move on: a later one is found out when the queued one falls due
        if live.due_ms + live.offset_ms < live.deadline_ms:
            self.queue(live, live.due_ms + live.offset_ms)

    def queue(self, live: LiveCall, elapsed_ms: Ms) -> None:
        """Look at the call when so much time has elapsed."""
        live.deadline_ms = elapsed_ms
        heapq.heappush(self._deadlines, (elapsed_ms, live.session.call_id))

    def due(self, elapsed_ms: Ms) -> Iterator[LiveCall]:
        """Calls whose queued deadline has come, once each; they are queued no longer."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= elapsed_ms:
            queued_ms, call_id = heapq.heappop(deadlines)
            live = self._live.get(call_id)
            if live is not None and live.deadline_ms == queued_ms:
                live.deadline_ms = _NEVER
                yield live

    def _index(self, session: CallSession) -> None:
        self._by_customer.setdefault(session.customer_id, set()).add(session.call_id)

    def _unindex(self, session: CallSession) -> None:
        calls = self._by_customer.get(session.customer_id)
        if calls is not None:
            calls.discard(session.call_id)
            if not calls:
                del self._by_customer[session.customer_id]
