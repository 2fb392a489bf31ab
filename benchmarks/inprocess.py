"""The worker's partition without a broker: the same records, the same decisions, the same batches built; only reading
and sending are missing. What it costs is the pipeline's own share, free of the network's noise."""

import time
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.load import CALL_ID, CUSTOMERS, OPTED_OUT, Shape, call_id, make_scripts
from benchmarks.oracle import sessions
from deid_stream import __version__
from deid_stream.kafka.clients.aio.producers import AioOutbox
from deid_stream.kafka.record import MAX_BATCH_BYTES, InRecord
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy import PolicyTable, Position, Standing
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.worker.checkpoint import Progress, Restored
from deid_stream.worker.dead_letters import DeadLetters
from deid_stream.worker.gate import Gate
from deid_stream.worker.partition import Partition, PartitionSettings, Work

STEP_MS = 25
"""As often as a worker publishes."""
_ENDS = frozenset({"events", "transcripts", "audio"})
_WALL_MS = 1_700_000_000_000


class _Builders:
    """The producer's one method that fills batches."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(MAX_BATCH_BYTES, 0)


@dataclass
class Cost:
    audio_records: int
    segments: int
    process_s: float
    take_s: float
    build_s: float
    media_s: float
    calls: int

    @property
    def us_per_audio_record(self) -> float:
        return (self.process_s + self.take_s) / max(1, self.audio_records) * 1e6

    @property
    def calls_per_core(self) -> float:
        """Live calls whose pipeline work alone would fill one core."""
        return self.calls * self.media_s / (self.process_s + self.take_s)


class Policies:
    """Every customer's policy, in force before any call."""

    def __init__(self) -> None:
        template = b'{"customer_id":"%s","version":"1","training_opt_out":%s,"analytics":true,"entities":"default"}'
        self._table = PolicyTable()
        for offset, customer in enumerate(CUSTOMERS):
            value = template % (customer.encode(), b"true" if customer in OPTED_OUT else b"false")
            self._table.apply(customer, value, Position(0, offset), 1)

    def of(self, customer_id: str) -> CompiledPolicy:
        return self._table.get(customer_id)

    def standing(self, customer_id: str) -> Standing:
        return self._table.standing(customer_id)

    def fresh(self) -> bool:
        return True

    def positions(self) -> dict[int, int]:
        return {0: 10}


def new_partition(factory: Any = None) -> Partition:
    names = TopicNames.of("")
    metrics, policies = Metrics(), Policies()
    return Partition(
        PartitionSettings(number=0, writer_id="bench", max_held_bytes=1 << 40),
        Restored(progress=Progress(), calls={}, closed={}, epoch=0),
        sessions=factory or sessions(),
        gate=Gate(names, policies, __version__, metrics),
        policies=policies,
        dead_letters=DeadLetters(names.dead_letters, metrics),
        new_outbox=lambda: AioOutbox(_Builders()),  # type: ignore[arg-type]
        metrics=metrics,
    )


def batches(shape: Shape, calls: int, media_s: float, scripts: int = 12) -> list[dict[str, list[InRecord]]]:
    """What a worker reads in each step of ``STEP_MS``, by topic kind: ``calls`` calls from their start on."""
    made = make_scripts(shape, min(scripts, calls))
    rng = Random(3)
    base_ms = _WALL_MS
    rows: list[tuple[int, str, InRecord]] = []
    for number in range(calls):
        script = made[number % len(made)]
        start_ms = base_ms + rng.randrange(0, 1000, 20)
        name = call_id(script.number, number, start_ms, script.duration_ms).encode()
        for record in script.records:
            if record.at_ms > media_s * 1000:
                break
            headers = (
                ("ce_id", name + record.id_suffix),
                ("ce_subject", name),
                ("ce_time", b"2026-11-24T08:00:00.000Z"),
            )
            value = record.value.replace(CALL_ID.encode(), name) if record.in_value else record.value
            at_ms = start_ms + record.at_ms
            consumed = InRecord(record.topic, 0, 0, at_ms, name, value, (*headers, *record.headers))
            rows.append((at_ms, record.topic.removeprefix("calls."), consumed))
    rows.sort(key=lambda row: (row[0], row[1], row[2].key or b""))
    steps: list[dict[str, list[InRecord]]] = []
    offsets: dict[str, int] = {}
    for at_ms, kind, consumed in rows:
        index = (at_ms - base_ms) // STEP_MS
        while len(steps) <= index:
            steps.append({})
        offset = offsets[kind] = offsets.get(kind, -1) + 1
        steps[index].setdefault(kind, []).append(msgspec.structs.replace(consumed, offset=offset))
    return steps


def build(work: Work) -> None:
    """Make the bytes of all batches, as sending them would."""
    for _topic, batches_of in work.outbox.items():  # noqa: PERF102 - an outbox is no dict
        for batch in batches_of:
            batch._build()


def work_on(partition: Partition, step: dict[str, list[InRecord]], number: int) -> None:
    """Take in the records of one step and decide about all of them; the clock stands at the step's end."""
    for kind, records in step.items():
        partition.feed(kind, records)
    partition.at_end(_ENDS)
    while partition.process(_WALL_MS + (number + 1) * STEP_MS):
        pass


def work_through(partition: Partition, steps: list[dict[str, list[InRecord]]]) -> None:
    """All steps, each published before the next; no batch's bytes are made."""
    for number, step in enumerate(steps):
        work_on(partition, step, number)
        if partition.take() is not None:
            partition.published(number)


def run(shape: Shape, calls: int, media_s: float, factory: Any = None) -> Cost:
    sessions()
    steps = batches(shape, calls, media_s)
    partition = new_partition(factory)
    process_s = take_s = build_s = 0.0
    for number, step in enumerate(steps):
        began = time.process_time()
        work_on(partition, step, number)
        processed = time.process_time()
        work = partition.take()
        taken = time.process_time()
        if work is not None:
            build(work)
            partition.published(number)
        process_s += processed - began
        take_s += taken - processed
        build_s += time.process_time() - taken
    count = lambda kind: sum(len(step.get(kind, ())) for step in steps)  # noqa: E731
    return Cost(count("audio"), count("transcripts"), process_s, take_s, build_s, media_s, calls)
