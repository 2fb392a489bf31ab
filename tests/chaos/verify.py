"""Every record of every topic against the oracle."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from deid_stream.kafka.ports import Kafka
from deid_stream.model.topics import TopicNames
from tests.support.oracle import Expected
from tests.support.topics import read_all


@dataclass
class Verdict:
    """Counts of what must not be. ``repeats`` (same id, same bytes) are allowed without transactions only."""

    expected: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    repeats: int = 0
    early: int = 0
    """Audio that left with other bytes than it has once all of the call is known."""
    different: int = 0
    """Text or metadata other than the oracle's."""
    leaked: int = 0
    unexpected: int = 0
    audit_doubled: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.early or self.different or self.leaked or self.unexpected)

    def note(self, what: str, key: object, topic: str) -> None:
        if len(self.examples) < 40:
            self.examples.append(f"{what} {topic} {key!r}")

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "clean": self.clean}


async def verify(
    kafka: Kafka,
    names: TopicNames,
    expected: Iterable[Expected],
    secrets: Iterable[str],
    *,
    exactly_once: bool,
) -> Verdict:
    """Read everything back and compare."""
    verdict = Verdict()
    wanted: dict[str, dict[bytes, Expected]] = defaultdict(dict)
    for record in expected:
        if record.topic != names.audit:
            wanted[record.topic][record.key] = record
            verdict.expected += 1
    raw = {secret.encode() for secret in secrets}
    checked = (
        names.analytics_transcripts,
        names.analytics_audio,
        names.training_transcripts,
        names.training_audio,
        names.calls,
    )
    for topic in checked:
        seen: dict[bytes, bytes | None] = {}
        for record in await read_all(kafka, topic, exactly_once=exactly_once):
            verdict.found += 1
            verdict.leaked += _leaks(verdict, raw, record)
            want = wanted[topic].get(record.key)
            if want is None:
                verdict.unexpected += 1
                verdict.note("unexpected", record.key, topic)
                continue
            if record.key in seen:
                same = seen[record.key] == record.value
                if exactly_once or not same:
                    verdict.doubled += 1
                    verdict.note("doubled", record.key, topic)
                else:
                    verdict.repeats += 1
            seen[record.key] = record.value
            if record.value != want.value or tuple(record.headers) != want.headers:
                kind = "early" if topic.endswith(".audio") else "different"
                setattr(verdict, kind, getattr(verdict, kind) + 1)
                verdict.note(kind, record.key, topic)
        for key in wanted[topic].keys() - seen.keys():
            verdict.lost += 1
            verdict.note("lost", key, topic)
    audits: set[tuple[bytes, bytes]] = set()
    for topic in (names.audit, names.dead_letters, names.checkpoints):
        for record in await read_all(kafka, topic, exactly_once=exactly_once):
            verdict.leaked += _leaks(verdict, raw, record)
            if topic == names.audit:
                identity = (dict(record.headers)["ce_id"], record.value)
                verdict.audit_doubled += identity in audits
                audits.add(identity)
    return verdict


def _leaks(verdict: Verdict, raw: set[bytes], record: Any) -> int:
    text = (record.value or b"") + (record.key or b"") + b"".join(value for _, value in record.headers)
    if record.topic.endswith(".audio") or not any(secret in text for secret in raw):
        return 0
    verdict.note("leaked", record.key, record.topic)
    return 1
