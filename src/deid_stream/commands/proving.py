"""Proof from the topics alone: that every training record has consent, that no tombstone is missing, and that no line
of the audit was changed or removed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from deid_stream.errors import ForbiddenError
from deid_stream.model.ids import split_record_id
from deid_stream.model.json import UNDECODABLE, JsonObject
from deid_stream.model.topics import AUDIT, CALLS, CHECKPOINTS, POLICIES, TOPICS, TRAINING_AUDIO, TRAINING_TRANSCRIPTS
from deid_stream.policy.permit import Position
from deid_stream.policy.proof import PROVEN_WRONG, Proof, TrainingRecord, Verdict
from deid_stream.policy.withdrawn import KINDS, AuditLine, Withdrawn
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.chain import WORKER, Break, ChainReport, Head, Link, PartitionCheck

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka
    from deid_stream.kafka.record import InRecord

SHOWN: Final = 20
"""Most wrong records that are named by their keys; the rest are counted."""
MISSING_TOMBSTONE: Final = "missing_tombstone"
Heads = dict[int, dict[str, list[Head]]]
"""Heads (last line and position) that chains must have reached, by partition and writer."""

_line = msgspec.json.Decoder(AuditLine)


class AuditRead(msgspec.Struct):
    """The audit topic, read once."""

    chains: dict[int, list[ChainReport]] = {}
    """By partition."""
    breaks: list[tuple[int, Break]] = []
    """With the partition."""
    lines: int = 0
    unchained: int = 0
    ends_known: bool = True
    """Whether checkpoints could be read: only then are lines missed that are gone at the end of a chain."""

    def as_json(self) -> JsonObject:
        chains = [
            {"partition": number, **msgspec.to_builtins(chain), "head": chain.head.hash, "next": chain.head.position}
            for number, chains in sorted(self.chains.items())
            for chain in chains
        ]
        breaks = [{"partition": number, **msgspec.to_builtins(found)} for number, found in self.breaks]
        return {
            "lines": self.lines,
            "unchained": self.unchained,
            "ends_known": self.ends_known,
            "chains": chains,
            "breaks": breaks,
        }


async def proven(kafka: "Kafka", prefix: str, proof: Proof, now_ms: Ms, known: Heads | None = None) -> JsonObject:
    """Whether the deployment's topics prove that consent was kept and the audit is whole, the verdicts counted, and
    records that are wrong. ``known``: heads of an earlier export. Raises BrokerError."""
    from deid_stream.kafka.reading import read_to_end

    withdrawn = Withdrawn()
    audit = await read_audit(kafka, prefix, lambda _, line, __: withdrawn.take(line), known)
    for record in await read_to_end(kafka, prefix + POLICIES.name):
        if record.key:
            place = Position(record.partition, record.offset)
            proof.policy(record.key.decode(errors="replace"), record.value, place, record.timestamp)
    verdicts: Counter[str] = Counter({Verdict.VALID: 0})
    wrong: list[dict[str, str]] = []

    def judged(verdict: str, topic: str, key: bytes, *, bad: bool) -> None:
        verdicts[verdict] += 1
        if bad and len(wrong) < SHOWN:
            wrong.append({"verdict": verdict, "topic": topic, "key": key.decode(errors="replace")})

    for topic in (topic for topic in TOPICS if topic.kind in KINDS):
        training = topic in (TRAINING_TRANSCRIPTS, TRAINING_AUDIO)
        if not (training or withdrawn):
            continue
        for key, held in (await _held(kafka, prefix + topic.name)).items():
            call_id = key.decode(errors="replace") if topic is CALLS else (split_record_id(key) or ("",))[0]
            if withdrawn.must_be_gone(topic.kind, call_id, held.time_ms):
                judged(MISSING_TOMBSTONE, topic.name, key, bad=True)
            elif training:
                verdict = proof.judge(held, now_ms)
                judged(verdict, topic.name, key, bad=verdict in PROVEN_WRONG)
    consent = not any(verdicts[verdict] for verdict in (*PROVEN_WRONG, MISSING_TOMBSTONE))
    return {
        "proven": consent and not audit.breaks,
        "consent": consent,
        "verdicts": dict(sorted(verdicts.items())),
        "wrong": wrong,
        "withdrawn_calls": len(withdrawn),
        "audit": audit.as_json(),
    }


async def read_audit(
    kafka: "Kafka",
    prefix: str,
    take: "Callable[[InRecord, AuditLine, Link | None], None]",
    known: Heads | None = None,
) -> AuditRead:
    """Read the audit to its end and check its chains; ``take`` is given each line. Raises BrokerError."""
    from deid_stream.kafka.reading import read_range, reading

    found = AuditRead()
    # read before the audit, so that every line that a checkpoint knows is in the topic
    heads = await _checkpoint_heads(kafka, prefix)
    found.ends_known = heads is not None
    async with reading(kafka, prefix + AUDIT.name, "read_committed") as (reader, places):
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            check = PartitionCheck(expired=begin > 0)
            async for records in read_range(reader, place, begin, end):
                for record in records:
                    found.lines += 1
                    link = check.take(record.offset, record.key, record.value, record.headers)
                    if (line := _read(record.value)) is not None:
                        take(record, line, link)
            for ends in (heads or {}, known or {}):
                check.ends(ends.get(place.partition, {}))
            found.unchained += check.unchained
            found.breaks += [(place.partition, broken) for broken in check.breaks]
            found.chains[place.partition] = check.reports()
    return found


def heads_of(chains: Iterable[Mapping[str, object]]) -> Heads:
    """The heads in the chains of a manifest. Raises msgspec.ValidationError where they are none."""
    heads: Heads = {}
    for chain in msgspec.convert(list(chains), list[_ManifestChain]):
        heads.setdefault(chain.partition, {}).setdefault(chain.writer, []).append(Head(chain.next, chain.head))
    return heads


class _ManifestChain(msgspec.Struct):
    partition: int
    writer: str
    next: int
    head: str


async def _checkpoint_heads(kafka: "Kafka", prefix: str) -> Heads | None:
    """The heads of the workers' chains, from their checkpoints; None where this user may not read these."""
    from deid_stream.kafka.reading import reading
    from deid_stream.worker.reading import read_checkpoint

    name = prefix + CHECKPOINTS.name
    try:
        async with reading(kafka, name, "read_committed") as (_, places):
            numbers = [place.partition for place in places]
        return {
            number: {WORKER: [(await read_checkpoint(kafka, name, number, "read_committed")).progress.audited]}
            for number in numbers
        }
    except ForbiddenError:
        return None


def _read(value: bytes | None) -> AuditLine | None:
    try:
        return _line.decode(value or b"")
    except UNDECODABLE:
        return None


async def _held(kafka: "Kafka", topic: str) -> dict[bytes, TrainingRecord]:
    """The records that no tombstone has removed, by key."""
    from deid_stream.kafka.reading import read_range, reading

    held: dict[bytes, TrainingRecord] = {}
    async with reading(kafka, topic, "read_committed") as (reader, places):
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                for record in records:
                    key = record.key or b"%d" % record.offset
                    if record.value is None:
                        held.pop(key, None)
                        continue
                    headers = dict(record.headers)
                    customer = (headers.get(ce.CUSTOMER_ID) or b"").decode(errors="replace")
                    held[key] = TrainingRecord(customer, headers.get(ce.PERMIT), record.timestamp)
    return held
