"""Every record of every topic against the oracle."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec

from deid_stream.commands.proving import proven
from deid_stream.kafka.ports import Kafka
from deid_stream.model.topics import TopicNames
from deid_stream.policy.proof import Proof
from deid_stream.policy.proof import Verdict as Proved
from tests.support.oracle import Expected
from tests.support.topics import read_all

Gone = Mapping[str, Mapping[str, str]]
"""By topic and call, of which nothing may be readable at the end: which count of ``Verdict`` it is if something is."""


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
    resurrected: int = 0
    """Records of a call that can be read although a request has taken them back."""
    expired: int = 0
    """Records that can be read although their customer's retention is over."""
    withheld: int = 0
    """Training records that are missing from calls whose audit says why: the policies could not be read meanwhile, and
    nothing is permitted by policies that may be old. Allowed."""
    consent_wrong: int = 0
    """What `audit verify` objects to: training records that the policies do not allow, a cut chain of the audit."""
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        wrong = (self.lost, self.doubled, self.early, self.different, self.leaked, self.unexpected)
        return not any((*wrong, self.resurrected, self.expired, self.consent_wrong))

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
    flipped: Collection[str] = (),
    gone: Gone = MappingProxyType({}),
) -> Verdict:
    """Read everything back and compare. Customers who are ``flipped`` opted out and in meanwhile: of them it counts
    what training has at the end, and policy versions and permits are not compared, since they depend on when. Of what
    is to be ``gone`` it counts whether anything is left."""
    verdict = Verdict()
    wanted: dict[str, dict[bytes, Expected]] = defaultdict(dict)
    customers: dict[str, str] = {}
    for record in expected:
        if record.topic != names.audit:
            wanted[record.topic][record.key] = record
            verdict.expected += 1
            attributes = dict(record.headers)
            customers[attributes["ce_subject"].decode()] = attributes["ce_customerid"].decode()
    raw = {secret.encode() for secret in secrets}
    loose = {call_id for call_id, customer in customers.items() if customer in flipped}
    training = (names.training_transcripts, names.training_audio)
    held = await _read_audit(verdict, kafka, names, raw, exactly_once=exactly_once)
    for topic in (names.analytics_transcripts, names.analytics_audio, *training, names.calls):
        records = await read_all(kafka, topic, exactly_once=exactly_once)
        verdict.found += len(records)
        verdict.leaked += sum(_leaks(verdict, raw, record) for record in records)
        taken_back = gone.get(topic, {})
        _left(verdict, topic, records, taken_back)
        kept = [record for record in records if _call_of(record.key) not in taken_back]
        want = {key: record for key, record in wanted[topic].items() if _call_of(key) not in taken_back}
        missing = _compare(verdict, topic, kept, want, exactly_once=exactly_once, loose=loose, ends=topic in training)
        for key in missing:
            if topic in training and _call_of(key) in held:
                verdict.withheld += 1
            else:
                verdict.lost += 1
                verdict.note("lost", key, topic)
    for topic in (names.dead_letters, names.checkpoints):
        for record in await read_all(kafka, topic, exactly_once=exactly_once):
            verdict.leaked += _leaks(verdict, raw, record)
    return verdict


async def _read_audit(
    verdict: Verdict, kafka: Kafka, names: TopicNames, raw: set[bytes], *, exactly_once: bool
) -> set[str]:
    """The calls of which something is withheld from training since the policies may have been old."""
    audits: set[tuple[bytes, bytes]] = set()
    held = set()
    for record in await read_all(kafka, names.audit, exactly_once=exactly_once):
        verdict.leaked += _leaks(verdict, raw, record)
        identity = (dict(record.headers)["ce_id"], record.value)
        verdict.audit_doubled += identity in audits
        audits.add(identity)
        line = msgspec.json.decode(record.value)
        if (line["action"], line.get("reason")) == ("withheld", "training_stale_policies"):
            held.add(line["call_id"])
    return held


def _call_of(key: bytes) -> str:
    return key.decode().partition("/")[0]


def _left(verdict: Verdict, topic: str, records: Iterable[Any], taken_back: Mapping[str, str]) -> None:
    """Of the calls ``taken_back``, the last record of each key has to be a tombstone."""
    last = {record.key: record for record in records if _call_of(record.key) in taken_back}
    for key, record in last.items():
        if record.value is not None:
            what = taken_back[_call_of(key)]
            setattr(verdict, what, getattr(verdict, what) + 1)
            verdict.note(what, key, topic)


def _compare(
    verdict: Verdict,
    topic: str,
    records: Iterable[Any],
    wanted: Mapping[bytes, Expected],
    *,
    exactly_once: bool,
    loose: Collection[str],
    ends: bool,
) -> set[bytes]:
    """One topic; the keys of what is missing. With ``ends``, of the ``loose`` calls the last record of each key counts,
    which may be a tombstone."""
    seen: dict[bytes, bytes | None] = {}
    last: dict[bytes, Any] = {}
    for record in records:
        is_loose = _call_of(record.key) in loose
        if is_loose and ends:
            before = last.get(record.key)
            if record.value is not None and before is not None and before.value is not None and exactly_once:
                verdict.doubled += 1
                verdict.note("doubled", record.key, topic)
            last[record.key] = record
            continue
        want = wanted.get(record.key)
        if want is None:
            verdict.unexpected += 1
            verdict.note("unexpected", record.key, topic)
            continue
        if record.key in seen:
            if exactly_once or seen[record.key] != record.value:
                verdict.doubled += 1
                verdict.note("doubled", record.key, topic)
            else:
                verdict.repeats += 1
        seen[record.key] = record.value
        _compare_record(verdict, topic, record, want, is_loose=is_loose)
    for key, record in last.items():
        if record.value is None:
            continue
        seen[key] = record.value
        if key in wanted:
            _compare_record(verdict, topic, record, wanted[key], is_loose=True)
        else:
            verdict.unexpected += 1
            verdict.note("unexpected", key, topic)
    return wanted.keys() - seen.keys()


def _compare_record(verdict: Verdict, topic: str, record: Any, want: Expected, *, is_loose: bool) -> None:
    found, right = (record.value, tuple(record.headers)), (want.value, want.headers)
    if found != right and not (is_loose and _timeless(topic, *found) == _timeless(topic, *right)):
        kind = "early" if topic.endswith(".audio") else "different"
        setattr(verdict, kind, getattr(verdict, kind) + 1)
        verdict.note(kind, record.key, f"{topic} {_differing(topic, found, right)}")


def _differing(topic: str, found: tuple[bytes | None, object], right: tuple[bytes | None, object]) -> list[str]:
    """Which fields of the value are not as they should be, and whether the headers are."""
    values, wanted = _fields(topic, found[0]), _fields(topic, right[0])
    names = sorted(name for name in {*values, *wanted} if values.get(name) != wanted.get(name))
    return names + ["headers"] * (found[1] != right[1])


def _fields(topic: str, value: bytes | None) -> dict[str, Any]:
    if value is None or topic.endswith(".audio") or not value.startswith(b"{"):
        return {"value": value}
    return msgspec.json.decode(value, type=dict[str, Any])


def _timeless(topic: str, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> object:
    """Without what depends on which policy was in force when it was published."""
    kept = [header for header in headers if header[0] not in ("ce_policyversion", "ce_permit")]
    if value is None or topic.endswith(".audio"):
        return value, kept
    fields = msgspec.json.decode(value)
    return {name: fields[name] for name in fields if name not in ("policy_version", "permit")}, kept


async def readable(kafka: Kafka, gone: Gone, *, exactly_once: bool) -> int:
    """How many records are left of what is to be gone."""
    verdict = Verdict()
    for topic, taken_back in gone.items():
        _left(verdict, topic, await read_all(kafka, topic, exactly_once=exactly_once), taken_back)
    return verdict.resurrected + verdict.expired


async def consent_wrong(kafka: Kafka, prefix: str) -> int:
    """Records that should not be there by the proof from the topics alone, and breaks in the audit's chains."""
    found = await proven(kafka, prefix, Proof(), time.time_ns() // 1_000_000)
    allowed = (Proved.VALID, Proved.UNPROVEN)
    wrong = sum(count for verdict, count in found["verdicts"].items() if verdict not in allowed)
    return wrong + len(found["audit"]["breaks"])


def _leaks(verdict: Verdict, raw: set[bytes], record: Any) -> int:
    text = (record.value or b"") + (record.key or b"") + b"".join(value for _, value in record.headers)
    if record.topic.endswith(".audio") or not any(secret in text for secret in raw):
        return 0
    verdict.note("leaked", record.key, record.topic)
    return 1
