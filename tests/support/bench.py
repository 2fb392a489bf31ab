"""One partition without a broker: a source log that can be fed in any steps, and every record that came out."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from deid_stream.detect.detector import Detector
from deid_stream.kafka.record import InRecord
from deid_stream.keys import KeyRing
from deid_stream.model.topics import INPUT_KINDS, TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy import PolicyStatus, Position, Refusal, Standing
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy
from deid_stream.policy.status import Chapter
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.worker.checkpoint import CheckpointLog, Restored
from deid_stream.worker.dead_letters import DeadLetters
from deid_stream.worker.gate import Gate
from deid_stream.worker.intake import Intake
from deid_stream.worker.partition import Partition, PartitionSettings, Work
from deid_stream.worker.sessions import SessionFactory
from tests.support.calls import Record
from tests.support.consents import Consents

ALL = frozenset(INPUT_KINDS)
NAMES = TopicNames.of("")
TOPICS = {"events": NAMES.events, "transcripts": NAMES.transcripts, "audio": NAMES.audio}
START_MS = 1_700_000_000_000
LATER_MS = START_MS + 10**10
"""A wall clock long after every record: what is fed is read as a backlog."""
RELEASED = (NAMES.analytics_audio, NAMES.analytics_transcripts, NAMES.calls)


class Out(NamedTuple):
    """A record that came out."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON of its value."""
        decoded: dict[str, Any] = msgspec.json.decode(self.value or b"{}")
        return decoded


class FakeOutbox:
    """Writes into ``sink``."""

    def __init__(self, sink: list[Out]) -> None:
        self.sink = sink
        self.records = 0
        self.counts: dict[str, int] = {}

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]],
        time_ms: int,
    ) -> None:
        self.records += 1
        self.sink.append(Out(topic, key, value, tuple(headers)))


def real_sessions(
    detector: ConversationFactory | None = None, settings: SessionSettings | None = None, key: bytes = bytes(32)
) -> SessionFactory:
    return SessionFactory(detector or Detector.load(), KeyRing(key), settings or SessionSettings())


class FakePolicies:
    """One policy for all but those named, in force before everything."""

    def __init__(self, named: Mapping[str, CompiledPolicy], otherwise: CompiledPolicy, fresh: bool) -> None:
        self.named = dict(named)
        self.otherwise = otherwise
        self.is_fresh = fresh

    def of(self, customer_id: str) -> CompiledPolicy:
        return self.named.get(customer_id, self.otherwise)

    def standing(self, customer_id: str) -> Standing:
        policy = self.of(customer_id)
        if policy is UNKNOWN:
            return Standing(customer_id=customer_id)
        refusal = None if policy.training else Refusal.OPT_OUT
        return Standing(
            customer_id=customer_id,
            status=PolicyStatus.IN_FORCE,
            policy=policy,
            position=Position(0, 0),
            chapters=(Chapter(0, refusal, 0),),
            trains_from_ms=0 if policy.training else None,
        )

    def fresh(self) -> bool:
        return self.is_fresh


class Bench:
    """A partition with its source log and what came out."""

    def __init__(
        self,
        sessions: Any,
        restored: Restored | None = None,
        log: dict[str, list[InRecord]] | None = None,
        policy: CompiledPolicy = UNKNOWN,
        fresh: bool = True,
        policies: Mapping[str, CompiledPolicy] | Consents | None = None,
        intake: Intake | None = None,
        repeats: bool = False,
    ) -> None:
        intake = intake or Intake()
        self.out: list[Out] = []
        self.log: dict[str, list[InRecord]] = {kind: [] for kind in INPUT_KINDS} if log is None else log
        self.metrics = Metrics()
        self.checkpoints = CheckpointLog()
        self._fed = dict.fromkeys(INPUT_KINDS, 0)
        self.policies: Any = policies or FakePolicies({}, policy, fresh)
        if isinstance(policies, Mapping):
            self.policies = FakePolicies(policies, policy, fresh)
        self.gate = Gate(NAMES, self.policies, "test", self.metrics)
        self.partition = Partition(
            PartitionSettings(number=0, writer_id="test", max_held_bytes=1 << 20, intake=intake, repeats=repeats),
            restored or Restored(),
            sessions=sessions,
            gate=self.gate,
            policies=self.policies,
            dead_letters=DeadLetters(NAMES.dead_letters, self.metrics, intake.key),
            new_outbox=lambda: FakeOutbox(self.out),  # type: ignore[arg-type, return-value]
            metrics=self.metrics,
        )
        self._fed |= self.partition.start_offsets()

    def source(self, made: Iterable[Record]) -> None:
        """Append to the log what ``made`` holds."""
        for record in made:
            log = self.log[record.kind]
            log.append(
                InRecord(
                    topic=TOPICS[record.kind],
                    partition=0,
                    offset=len(log),
                    timestamp=record.time_ms,
                    key=record.key,
                    value=record.value,
                    headers=tuple(record.headers),
                )
            )

    def run(self, wall_ms: int = LATER_MS, until: Mapping[str, int] | None = None) -> None:
        """Feed what has not been fed yet (up to an offset by kind), and take it in until nothing is left."""
        for kind in INPUT_KINDS:
            end = (until or {}).get(kind, len(self.log[kind]))
            self.partition.feed(kind, self.log[kind][self._fed[kind] : end])
            self._fed[kind] = max(self._fed[kind], end)
        self.partition.at_end(ALL)
        while self.partition.process(wall_ms):
            pass

    def commit(self) -> Work | None:
        work = self.partition.take()
        if work is not None:
            for _, value in work.checkpoint:
                self.checkpoints.add(value)
            self.partition.published(0)
        return work

    def outputs(self, *topics: str) -> list[Out]:
        """What came out on these topics."""
        return [out for out in self.out if out.topic in topics]

    def released(self) -> list[Out]:
        """What left for analytics, in an order that does not depend on how the calls were mixed."""
        return sorted(self.outputs(*RELEASED))
