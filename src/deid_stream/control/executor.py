"""Takes back the records that must go: writes tombstones, then a line of the audit, then notes in the table that it is
done. In this order a crash half-way only repeats the steps."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from deid_stream.control.deletions import Deletions
from deid_stream.control.register import Register
from deid_stream.control.topics import ControlTopics
from deid_stream.errors import BrokerError
from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.ports import Kafka, Sender
from deid_stream.kafka.record import OutRecord
from deid_stream.model.ids import record_id
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.model.requests import Kind
from deid_stream.observe.logs import get_log
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.holdings import Holding, Purpose, Taking
from deid_stream.policy.rights import Owed, State, Status, Verdict
from deid_stream.runtime.backoff import Backoff
from deid_stream.units import DAY_MS, Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.chain import CONTROL
from deid_stream.wire.output import Record, encode_audit

log = get_log("control")

CALLS: Final = 32
"""Calls that are taken back together. More: fewer round trips; fewer: a customer waits less long for its turn."""
TOMBSTONES: Final = 2_000
"""Tombstones that are sent at once. More: one customer's many records keep the others waiting; fewer: more round trips.
"""
IDLE_S: Final = 0.1
HELD_EVERY_MS: Final[Ms] = 5_000
"""Between two looks at requests that a hold keeps waiting. Larger: a request is done later after its hold has ended;
smaller: more work for each look."""
FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
FORGET_MS: Final[Ms] = 7 * DAY_MS
"""A call of which nothing has been held for so long is dropped from the index. Smaller: a worker that was paused may
still publish records of a call that nobody remembers."""
_ACTIONS: Final = {"deletion": AuditAction.DELETED, "retention": AuditAction.EXPIRED}


class Taken(NamedTuple):
    holding: Holding
    verdict: Verdict


class Executor:
    """``flush`` waits until the tables' changes have reached the broker; ``wall_ms`` gives the wall clock in ms since
    the epoch."""

    def __init__(
        self,
        register: Register,
        kafka: Kafka,
        topics: ControlTopics,
        deletions: Deletions,
        metrics: Metrics,
        flush: Callable[[], Awaitable[None]],
        wall_ms: Callable[[], Ms],
    ) -> None:
        self._register = register
        self._kafka = kafka
        self._topics = topics
        self.deletions = deletions
        self._audit = AuditLog(kafka, topics.audit, CONTROL)
        self._metrics = metrics
        self.flush = flush
        self._wall_ms = wall_ms
        self._asked_ms: dict[str, Ms] = {}
        """Customers whose opt-out is still being seen to, and since when."""
        self._held_ms: Ms = 0

    def opted_out(self, customer_id: str) -> None:
        """Note that a customer has opted out, so that the time until everything is taken back can be measured
        (``deid_retraction_seconds``)."""
        self._asked_ms.setdefault(customer_id, self._wall_ms())

    async def run(self, beat: Callable[[], None]) -> None:
        """Take back what must go, until cancelled. It waits for a broker that is away; raises BrokerError where waiting
        would not help."""
        backoff = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S)
        while True:
            try:
                async with self._kafka.sender() as sender:
                    while True:
                        beat()
                        if not await self.step(sender):
                            await asyncio.sleep(IDLE_S)
                        backoff.reset()
            except BrokerError as error:
                if not error.retryable:
                    raise
                log.warning("taking back tried again", error=error, seconds=backoff.next_s)
                beat()
                await asyncio.sleep(backoff.take())

    async def step(self, sender: Sender) -> bool:
        """Look at the next calls in the queue and take back what must go of them; returns whether there were any. After
        a BrokerError the same calls are looked at again."""
        now_ms = self._wall_ms()
        queue = self._register.queue
        chosen = queue.take(CALLS, now_ms)
        if chosen:
            try:
                await self._take_back(sender, chosen, now_ms)
            except BrokerError:
                self._again(chosen)
                raise
        await self._requests(sender, now_ms)
        for customer_id in [name for name in self._asked_ms if not queue.waiting(name)]:
            self._metrics.retraction_seconds.observe((self._wall_ms() - self._asked_ms.pop(customer_id)) / 1000)
        self._metrics.retractions_waiting.set(len(self._asked_ms))
        self._metrics.index_calls.set(len(self._register))
        return bool(chosen)

    def _again(self, calls: Iterable[str]) -> None:
        for key in calls:
            found = self._register.verdict(key, self._wall_ms())
            if found is not None:
                self._register.queue.look(found[0].customer_id, key)

    async def _take_back(self, sender: Sender, calls: Iterable[str], now_ms: Ms) -> None:
        found = [Taken(*known) for known in (self._register.verdict(key, now_ms) for key in calls) if known]
        due = [taken for taken in found if taken.verdict.owed]
        for taken in found:
            if not taken.verdict.owed:
                self._forget(taken.holding, now_ms)
        if not due:
            return
        # the requests' numbers of earlier batches: this batch may overwrite the calls' entries that hold them, too
        await self.flush()
        tombstones: list[OutRecord] = []
        for taken in due:
            for owed in taken.verdict.owed:
                tombstones += self._tombstones(taken.holding, owed)
                if len(tombstones) >= TOMBSTONES:
                    await sender.send(tombstones)
                    tombstones = []
        await sender.send(tombstones)
        lines: dict[int, list[Record]] = defaultdict(list)
        for taken in due:
            lines[taken.holding.partition] += self._lines(taken, now_ms)
        for partition, said in lines.items():
            await self._audit.send(said, partition, through=sender)
        takings = [self._takings(taken) for taken in due]
        for taken, own in zip(due, takings, strict=True):
            self._register.taken_back(taken.holding, taken.verdict.owed, now_ms, own)
        await self.flush()
        self._register.counted(takings)

    def _forget(self, holding: Holding, now_ms: Ms) -> None:
        if not holding.gone or not holding.settled:
            return
        forget_ms = max((part.heard_ms for part in holding.parts), default=holding.last_ms) + FORGET_MS
        if now_ms < forget_ms:
            self._register.queue.look_at(holding.customer_id, holding.key, forget_ms)
        elif self._register.counts(holding):
            # its window may last for weeks, and after a restart only calls with an entry are counted
            self._register.queue.look_at(holding.customer_id, holding.key, now_ms + DAY_MS)
        else:
            self._register.forget(holding.key)

    def _tombstones(self, holding: Holding, owed: Owed) -> list[OutRecord]:
        headers = ((ce.CUSTOMER_ID, holding.customer_id.encode()),)
        if owed.part.purpose is Purpose.SUMMARY:
            key = holding.call_id.encode()
            return [OutRecord(self._topics.calls, key, None, headers, partition=holding.partition)]
        transcripts, audio = self._topics.of_purpose(owed.part.purpose)
        return [
            OutRecord(topic, record_id(holding.call_id, known.channel, seq), None, headers, partition=holding.partition)
            for topic, ranges in ((transcripts, owed.transcripts), (audio, owed.audio))
            for known in ranges
            for seq in range(known.first, known.last + 1)
        ]

    def _lines(self, taken: Taken, now_ms: Ms) -> Iterable[Record]:
        """One audit line for each reason. Records that are taken back a second time, to be sure, were in a line the
        first time and get none."""
        counts: dict[str, Counter[str]] = {}
        for owed in taken.verdict.owed:
            if not owed.part.gone:
                found = counts.setdefault(owed.reason, Counter())
                for what, number in (("records", _size(owed)), (str(owed.part.purpose), _size(owed))):
                    found[what] += number
        for reason, found in counts.items():
            entry = AuditEntry(
                call_id=taken.holding.call_id,
                customer_id=taken.holding.customer_id,
                action=_ACTIONS.get(reason, AuditAction.RETRACTED),
                reason=reason,
                time_ms=now_ms,
                counts=dict(found),
            )
            yield self._line(entry)

    def _line(self, entry: AuditEntry) -> Record:
        customer = self._register.known(entry.customer_id)
        return encode_audit(entry, policy_version=customer.version if customer else "")

    def _takings(self, taken: Taken) -> dict[str, Taking]:
        """What this batch takes back of a call, by request id. Records that are taken back a second time do not
        count."""
        by_request: Counter[str] = Counter()
        before = {part.reason for part in taken.holding.parts if part.gone_told}
        new = {one for owed in taken.verdict.owed if owed.reason not in before for one in owed.request_ids}
        for owed in taken.verdict.owed:
            self._metrics.taken_back.inc(owed.reason, _size(owed))
            if not owed.part.gone:
                for request_id in owed.request_ids:
                    by_request[request_id] += _size(owed)
        return {
            request_id: Taking(status.batches + 1, int(request_id in new), records)
            for request_id, records in by_request.items()
            if (status := self._register.status(request_id)) is not None
        }

    # -- requests that come to their end

    async def _requests(self, sender: Sender, now_ms: Ms) -> None:
        overdue = 0
        look_at_held = now_ms - self._held_ms >= HELD_EVERY_MS
        if look_at_held:
            self._held_ms = now_ms
        for status in self._register.open_requests():
            overdue += now_ms > status.due_ms
            ripe = status.state is State.RUNNING or look_at_held
            waits = any(self._register.queue.waiting(name) for name in status.customer_ids)
            if status.kind is Kind.DELETION and ripe and not waits:
                await self._deletion(sender, status, now_ms)
        self._metrics.requests_open.set(len(self._register.open_requests()))
        self._metrics.requests_overdue.set(overdue)

    async def _deletion(self, sender: Sender, status: Status, now_ms: Ms) -> None:
        calls = list(self._register.calls_of(status))
        held = any(not holding.gone for holding in calls)
        if not held and (status.keys or not calls):
            # what a hold covers stays, and is not done, also where no worker has told of it yet
            held = self._register.may_be_held(status)
        state, reason = (State.HELD, "legal_hold") if held else (State.DONE, "")
        if state is State.DONE and self.deletions.lacks_key(status):
            state, reason = State.RUNNING, "no_key"
        if (state, reason) == (status.state, status.reason):
            return
        if reason == "no_key":
            log.error(
                "a deletion waits: give the control plane the workers' digest key, to destroy the customer's keys"
            )
        changed = msgspec.structs.replace(
            status, state=state, reason=reason, finished_ms=now_ms if state is State.DONE else 0
        )
        if state is State.DONE:
            await self.deletions.done(changed)
        await self.receipt(sender, changed, now_ms)
        self._register.request(changed)
        await self.flush()

    async def receipt(self, sender: Sender, status: Status, now_ms: Ms) -> None:
        """Write a line of the audit that says where a request stands, under the request's own id."""
        counts = {"calls": status.calls, "records": status.records}
        if status.keys and status.state is State.DONE:
            counts["keys_destroyed"] = len(status.keys)
        entry = AuditEntry(
            call_id=status.call_id or status.request_id,
            customer_id=status.customer_id,
            action=AuditAction.REQUESTED,
            reason=f"{status.kind}_{status.state}",
            time_ms=now_ms,
            counts=counts,
        )
        await self._audit.send([self._line(entry)], through=sender)


def _size(owed: Owed) -> int:
    if owed.part.purpose is Purpose.SUMMARY:
        return 1
    return sum(known.last - known.first + 1 for known in (*owed.transcripts, *owed.audio))
