"""One partition number: takes its records in, lets its calls decide, and keeps what of the work is not published yet.

Never awaits. The pump feeds records, asks for ``process`` and hands what ``take`` gives to the broker; if that fails,
the whole object is thrown away and the partition starts again from its checkpoint.

What goes wrong inside one call ends that call and no other (see ``desk``). What goes wrong elsewhere is not caught.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from deid_stream.errors import DecodeError
from deid_stream.kafka.ports import Outbox
from deid_stream.kafka.record import InRecord
from deid_stream.model.events import Event
from deid_stream.model.outputs import Output
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.observe.metrics import Metrics
from deid_stream.session.ports import Positions
from deid_stream.units import Ms
from deid_stream.wire.chain import WORKER, Chain
from deid_stream.wire.notes import ignore
from deid_stream.worker.calls import Sessions
from deid_stream.worker.ceiling import Ceiling
from deid_stream.worker.checkpoint import CheckpointWriter, Progress, Restored
from deid_stream.worker.consent import CallConsent
from deid_stream.worker.dead_letters import DeadLetters, Source, unreadable
from deid_stream.worker.desk import CallDesk, PolicyView
from deid_stream.worker.ended import EndedCalls
from deid_stream.worker.gate import Gate
from deid_stream.worker.index_feed import IndexFeed
from deid_stream.worker.intake import Intake
from deid_stream.worker.merge import Merge
from deid_stream.worker.outbox import PartitionOutbox, PayloadKeys, Sealer
from deid_stream.worker.stream_clock import StreamClock

_NEEDED_EVERY_MS: Final = 1_000
_SLICE_RECORDS: Final = 512


def _never() -> bool:
    return False


class PartitionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``number`` of the partition; ``writer_id`` of this worker; ``max_held_bytes`` of audio in sessions before the
    audio topic has to wait; ``repeats``: records may leave without the checkpoint that says so."""

    number: int
    writer_id: str
    intake: Intake = msgspec.field(default_factory=Intake)
    max_held_bytes: int = 128 << 20
    keys: PayloadKeys | None = None
    """Customers' own keys, where the deployment has them: no record is taken in before its customer has one."""
    sealer: Sealer | None = None
    """Encrypts outputs."""
    repeats: bool = False


class Work(msgspec.Struct):
    """What is to be published in one go."""

    outbox: Outbox
    checkpoint: list[tuple[bytes, bytes]]
    offsets: dict[str, int]
    """By kind."""
    released: list[Output]


class Partition:
    """``new_outbox`` gives an empty outbox."""

    def __init__(
        self,
        settings: PartitionSettings,
        restored: Restored,
        *,
        sessions: Sessions,
        gate: Gate,
        policies: PolicyView,
        dead_letters: DeadLetters,
        new_outbox: Callable[[], Outbox],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._decode = settings.intake.decode
        self._keys = settings.keys
        self._count_dropped = metrics.dropped_fields.inc
        self._gate = gate
        self._policies = policies
        self._dead_letters = dead_letters
        self._new_outbox = new_outbox
        self._metrics = metrics
        self._writer = CheckpointWriter(settings.number, restored.epoch + 1, settings.writer_id)
        self._merge = Merge()
        self._clock = StreamClock(restored.progress.time_ms)
        self._ended = EndedCalls(restored.closed.values())
        self._index = IndexFeed(settings.number, gate.names.index)
        self._wall_ms: Ms = 0
        self._ceiling = Ceiling()
        self._chain = Chain(WORKER, restored.progress.audited)
        self._outbox = self._empty_outbox()
        self._released: list[Output] = []
        self._dirty = True
        self.wanting_key: str | None = None
        """The customer without a key yet: the partition waits until the key is made."""
        self.positions = dict(restored.progress.positions)
        self._needed = dict(restored.progress.needed)
        self._replay_until = {k: offset for k, offset in self.positions.items() if self._needed.get(k, offset) < offset}
        self._needed_at_ms: Ms = 0
        self._desk = CallDesk(
            self._clock,
            self._ended,
            sessions=sessions,
            policies=policies,
            publish=self._publish,
            refuse=self._dead_letter,
            metrics=metrics,
        )
        self._desk.replaying = bool(self._replay_until)
        self._desk.doubting = settings.repeats and restored.epoch > 0
        positions = Positions(self.positions.get(TRANSCRIPTS_KIND, 0), self.positions.get(AUDIO_KIND, 0))
        self._desk.restore(restored.calls, positions, restored.facts)
        # nobody can say whose calls these were
        metrics.quarantined.inc(amount=restored.unreadable)

    # -- what the pump asks

    @property
    def number(self) -> int:
        return self._settings.number

    @property
    def clock_ms(self) -> Ms:
        """Record time that has been reached."""
        return self._clock.reached_ms

    @property
    def calls(self) -> int:
        return len(self._desk)

    @property
    def entries(self) -> int:
        """Everything that is kept for calls, live and closed: must not grow with the partition's age."""
        return self._desk.entries

    @property
    def recovered(self) -> bool:
        """What the calls of the last owner were waiting with has been read again."""
        return not self._replay_until

    @property
    def held_bytes(self) -> int:
        """Audio held in sessions."""
        return self._desk.held_bytes

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

    def policy_changed(self, customer_id: str) -> None:
        """From the next turn and the next record on, the customer's calls go by the new policy."""
        self._desk.policy_changed(customer_id)

    # -- work

    def process(self, wall_ms: Ms, limit: int = _SLICE_RECORDS, enough: Callable[[], bool] = _never) -> int:
        """Take up to ``limit`` records, or fewer once there were ``enough``, which is asked after each; how many were
        taken. ``wall_ms`` is the wall clock: no record's time counts for more than it and a few seconds (see
        ``ceiling``), and an idle partition's time goes on as it does."""
        if self._replay_until:
            for kind in self._merge.exhausted & self._replay_until.keys():
                # what was to be read again is gone from the topic
                self._read_again(kind)
        waiting = self._merge.records > 0
        self._ceiling.look(wall_ms)
        if waiting and self._merge.latest_ms > self._ceiling.ms:
            self._ceiling.judge(self._merge.coming())
        self._clock.heal(self._ceiling.ms)
        self.wanting_key = None
        taken = self._take_some(limit, enough) if waiting else 0
        if taken:
            self._dirty = True
        elif self._merge.idle and not self._replay_until:
            self._desk.doubting = False
            self._desk.pass_idle(wall_ms)
        self._desk.drain()
        self._wall_ms = wall_ms
        if not self._dirty and self._index.due(wall_ms):
            self._dirty = True
        return taken

    def _take_some(self, limit: int, enough: Callable[[], bool]) -> int:
        """As ``process``, where records are waiting."""
        # over the limit, audio waits as long as there is anything else that may let go of what is held
        over_limit = self._desk.held_bytes > self._settings.max_held_bytes
        taken = self._some(limit, self._ceiling.ms, enough, skip=AUDIO_KIND if over_limit else None)
        if over_limit and not taken and self.wanting_key is None:
            taken = self._some(limit, self._ceiling.ms, enough)
        return taken

    def _some(self, limit: int, ceiling_ms: Ms, enough: Callable[[], bool], skip: str | None = None) -> int:
        """Take up to ``limit`` records until there were ``enough``; how many were taken."""
        agreed_ms, number = 0, 0
        for time_ms, kind, record in self._merge.take(limit, ceiling_ms, skip=skip):
            own_ms, doubted = record.timestamp, False
            if own_ms <= ceiling_ms:
                agreed_ms = own_ms
            else:
                # looked into next time, with what comes behind it
                doubted = number > 0 and self._ceiling.doubted(own_ms)
                own_ms = ceiling_ms
            if doubted or not self._take_in(time_ms, own_ms, kind, record):
                self._merge.put_back(kind, record)
                break
            number += 1
            if enough():
                break
        self._ceiling.agree(agreed_ms)
        return number

    def take(self) -> Work | None:
        """Everything since the last time, as one unit; None when there is nothing."""
        if not self._dirty:
            return None
        self._dirty = False
        if self._index.due(self._wall_ms):
            self._index.flush(self._outbox, self._wall_ms, self.clock_ms)
        self._refresh_needed()
        full = self._writer.wants_base
        facts = self._desk.facts(everything=full)
        changed = self._desk.snapshots(everything=full)
        progress = Progress(
            positions=self.positions.copy(),
            needed=self._needed.copy(),
            time_ms=self.clock_ms,
            audited=self._chain.head,
        )
        closed = self._ended.take(self.clock_ms, everything=full)
        work = Work(
            outbox=self._outbox.inner,
            checkpoint=self._writer.encode(progress, changed, closed, facts, full=full),
            offsets=self.start_offsets(),
            released=self._released,
        )
        self._dirty = False
        self._released = []
        self._outbox = self._empty_outbox()
        return work

    def published(self, checkpoint_offset: int) -> None:
        """The last ``take`` has reached the broker."""
        self._writer.written(checkpoint_offset)

    # -- one record

    def _take_in(self, time_ms: Ms, own_ms: Ms, kind: str, record: InRecord) -> bool:
        """False: the record has to wait for its customer's key (``wanting_key``)."""
        offset = record.offset
        again = offset < self.positions.get(kind, 0)
        note = ignore if again else self._count_dropped
        decoded = None if record.unreadable else self._decode(kind, record, own_ms, note)
        if self._keys is not None and decoded is not None and self._lacks_key(self._keys, decoded.events):
            return False
        if again:
            # already counted, audited and dead-lettered, and time has been here before
            if offset + 1 >= self._replay_until.get(kind, 0):
                self._read_again(kind)
        else:
            self.positions[kind] = offset + 1
            self._needed.setdefault(kind, offset)
            if self._replay_until:
                self._read_again(kind)
        if decoded is None:
            if not again:
                self._dead_letters.refuse(self._outbox, (unreadable(record),), record, time_ms)
            return True
        faults = decoded.faults
        for event in decoded.events:
            try:
                refused = self._desk.receive(event, kind, record, again, time_ms)
            except DecodeError as error:
                faults = (*faults, error)
            else:
                if refused is not None:
                    self._dead_letter(refused, Source.of(record), time_ms)
        if faults and not again:
            self._refuse(faults, record, time_ms)
        return True

    def _lacks_key(self, keys: PayloadKeys, events: Sequence[Event]) -> bool:
        self.wanting_key = next((event.customer_id for event in events if not keys.has(event.customer_id)), None)
        return self.wanting_key is not None

    def _empty_outbox(self) -> PartitionOutbox:
        return PartitionOutbox(self._new_outbox(), self._gate.names.audit, self._chain, self._settings.sealer)

    def _read_again(self, kind: str) -> None:
        """Note that all records of a kind that had to be read again have been read."""
        if self._replay_until.pop(kind, None) is not None:
            self._desk.replaying = bool(self._replay_until)

    def _dead_letter(self, code: str, source: Source, time_ms: Ms) -> None:
        self._dead_letters.put(self._outbox, code, source, time_ms)
        self._dirty = True

    def _refuse(self, faults: Sequence[DecodeError], record: InRecord, time_ms: Ms) -> None:
        """Dead letters; the call that the record's key names counts them in its summary."""
        self._dead_letters.refuse(self._outbox, faults, record, time_ms)
        try:
            self._desk.refuse((self._settings.intake.key(record.key) or b"").decode())
        except UnicodeDecodeError:
            return

    def _publish(self, outputs: Sequence[Output], consent: CallConsent | None, *, minor: bool) -> None:
        self._released += outputs
        if consent is None:
            self._gate.write(self._outbox, outputs)
        else:
            self._gate.publish(self._outbox, outputs, consent, minor=minor)
            self._index.touch(consent)
        self._dirty = True

    # -- checkpoint

    def _refresh_needed(self) -> None:
        """An older answer is a safe one (more is read again), so it is asked for once per second of record time."""
        reached_ms = self._clock.reached_ms
        if self._replay_until or (reached_ms - self._needed_at_ms < _NEEDED_EVERY_MS and self.calls):
            return
        self._needed_at_ms = reached_ms
        transcripts, audio = self.positions.get(TRANSCRIPTS_KIND, 0), self.positions.get(AUDIO_KIND, 0)
        for needed in self._desk.needed_offsets():
            if 0 <= needed.transcripts < transcripts:
                transcripts = needed.transcripts
            if 0 <= needed.audio < audio:
                audio = needed.audio
        found = {EVENTS_KIND: self.positions.get(EVENTS_KIND, 0), TRANSCRIPTS_KIND: transcripts, AUDIO_KIND: audio}
        self._needed = {kind: found[kind] for kind in self.positions}
