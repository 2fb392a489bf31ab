"""Whose a call is, which of its records count, and what comes after its end: real sessions in a real partition."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from deid_stream.policy.compile import compile_policy
from deid_stream.worker.checkpoint import Restored
from deid_stream.worker.sessions import SessionFactory
from tests.support.bench import NAMES, RELEASED, START_MS, Bench, Out, real_sessions
from tests.support.calls import Record, make_call

POLICY = compile_policy(b'{"customer_id":"owner","version":1}')
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def sessions() -> SessionFactory:
    return real_sessions()


def owners(*, started: bool = True) -> list[Record]:
    records = make_call("call", "owner", 5, START_MS).records
    return records if started else [r for r in records if ("ce_type", b"call.started.v1") not in r.headers]


def strangers(count: int, at_ms: int = 0, kind: str = "audio") -> list[Record]:
    """Records that name another customer, from the same call id."""
    made = [r for r in make_call("call", "stranger", 6, START_MS + at_ms).records if r.kind == kind]
    return made[:count]


def ran(sessions: SessionFactory, *batches: Sequence[Record]) -> Bench:
    bench = Bench(sessions, policies={"owner": POLICY, "stranger": POLICY})
    for records in batches:
        bench.source(sorted(records, key=lambda record: record.time_ms))
        bench.run()
    return bench


def customers(bench: Bench) -> set[str]:
    """Named by what was released."""
    headers = [header for out in bench.outputs(*RELEASED) for header in out.headers]
    return {value.decode() for name, value in headers if name == "ce_customerid"}


def reasons(bench: Bench) -> list[tuple[str, str]]:
    return [(out.fields["action"], out.fields["reason"]) for out in bench.outputs(NAMES.audit)]


def plain(outs: Sequence[Out]) -> list[tuple[str, bytes | None, bytes | None]]:
    return sorted((out.topic, out.key, out.value) for out in outs if out.topic != NAMES.calls)


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("kind", ["audio", "transcripts"])
def test_a_strangers_first_record_does_not_cost_the_owner_the_call(
    sessions: SessionFactory, kind: str, started: bool
) -> None:
    alone = ran(sessions, owners(started=started))
    bench = ran(sessions, strangers(1, -1_000 if kind == "audio" else -4_000, kind), owners(started=started))
    assert customers(bench) == {"owner"}
    assert plain(bench.outputs(*RELEASED)) == plain(alone.outputs(*RELEASED))
    assert bench.metrics.customer_conflicts.values[""] == 1
    assert ("dropped", "customer_conflict") in reasons(bench)
    letters = [out.fields for out in bench.outputs(NAMES.dead_letters)]
    assert [(letter["error"], letter["source_topic"]) for letter in letters] == [("customer_mismatch", f"calls.{kind}")]
    assert "an id that no other customer uses" in letters[0]["mend"]
    assert {letter["source_offset"] for letter in letters} <= {0}


def test_a_strangers_later_records_are_dead_letters_and_audited_once(sessions: SessionFactory) -> None:
    alone = ran(sessions, owners())
    bench = ran(sessions, [*owners(), *strangers(9, 1_000)])
    assert plain(bench.outputs(*RELEASED)) == plain(alone.outputs(*RELEASED))
    letters = [out.fields["error"] for out in bench.outputs(NAMES.dead_letters)]
    assert letters == ["customer_mismatch"] * 9
    assert bench.metrics.customer_conflicts.values[""] == 9
    assert reasons(bench).count(("dropped", "customer_conflict")) == 1


def test_the_audit_names_neither_customer_to_the_other(sessions: SessionFactory) -> None:
    bench = ran(sessions, [*owners(), *strangers(3, 1_000)])
    for out in bench.out:
        assert b"stranger" not in (out.value or b"") + b"".join(value for _, value in out.headers)


def test_the_first_start_decides(sessions: SessionFactory) -> None:
    second = [r for r in make_call("call", "stranger", 6, START_MS + 500).records if r.kind == "events"]
    bench = ran(sessions, [*owners(), *second])
    assert customers(bench) == {"owner"}
    assert [out.fields["error"] for out in bench.outputs(NAMES.dead_letters)] == ["customer_mismatch"] * 2


def test_without_a_start_most_records_decide(sessions: SessionFactory) -> None:
    bench = ran(sessions, [*owners(started=False), *strangers(3, 0)])
    assert customers(bench) == {"owner"}
    assert bench.metrics.customer_conflicts.values[""] == 3
    assert [out.fields["error"] for out in bench.outputs(NAMES.dead_letters)] == ["customer_mismatch"] * 3


def test_a_call_that_closes_with_being_bound_is_closed(sessions: SessionFactory) -> None:
    """Without a start, all there and over within two seconds: nothing is left to wait for once it is somebody's."""
    silence = [r for r in owners() if r.kind == "audio"][:4]
    value = msgspec.json.encode({"call_id": "call", "customer_id": "owner", "duration_ms": 200})
    ended = next(r for r in owners() if ("ce_type", b"call.ended.v1") in r.headers)
    last = replace(ended, value=value, time_ms=silence[-1].time_ms + 100)
    bench = ran(sessions, [*silence, last])
    assert {out.key for out in bench.outputs(NAMES.calls)} == set()
    elsewhere = [replace(r, time_ms=r.time_ms + 20_000) for r in make_call("other", "owner", 7, START_MS).records]
    bench.source(elsewhere)
    bench.run()
    assert {out.key for out in bench.outputs(NAMES.calls)} == {b"call", b"other"}
    assert bench.partition.calls == 0


def test_nothing_is_released_before_it_is_certain_whose_the_call_is(sessions: SessionFactory) -> None:
    bench = Bench(sessions)
    early = [r for r in owners(started=False) if r.time_ms < START_MS + 2_000]
    bench.source(early)
    bench.run()
    assert bench.outputs(*RELEASED) == []
    bench.source([r for r in owners(started=False) if r.time_ms >= START_MS + 2_000])
    bench.run()
    assert len(bench.outputs(NAMES.analytics_audio)) == sum(r.kind == "audio" for r in owners())


@pytest.mark.parametrize("until_ms", [600, 1_400])
def test_claims_survive_a_restart(sessions: SessionFactory, until_ms: int) -> None:
    records = sorted([*owners(started=False), *strangers(2, -100)], key=lambda record: record.time_ms)
    whole = ran(sessions, records)
    cut = sum(record.time_ms < START_MS + until_ms for record in records)
    first = Bench(sessions)
    first.source(records[:cut])
    first.run()
    first.commit()
    assert first.outputs(*RELEASED) == []
    second = Bench(sessions, first.checkpoints.restored, log=first.log)
    second.source(records[cut:])
    second.run()
    assert customers(second) == {"owner"}
    assert {out.key for out in second.outputs(*RELEASED)} == {out.key for out in whole.outputs(*RELEASED)}


def late(kind: str, passed_ms: int) -> list[Record]:
    return [replace(r, time_ms=START_MS + passed_ms) for r in owners() if r.kind == kind][:3]


@pytest.mark.parametrize("passed_ms", [60_000, 15 * 60_000, 5 * HOUR_MS])
@pytest.mark.parametrize("kind", ["audio", "transcripts", "events"])
def test_a_straggler_neither_opens_the_call_again_nor_writes_over_it(
    sessions: SessionFactory, kind: str, passed_ms: int
) -> None:
    bench = ran(sessions, owners())
    before = len(bench.outputs(*RELEASED))
    others = [replace(r, time_ms=r.time_ms + passed_ms) for r in make_call("other", "owner", 8, START_MS).records]
    for record in [*others, *late(kind, passed_ms + 20_000)]:
        bench.source([record])
        bench.run()
        bench.commit()
    again = [out for out in bench.outputs(*RELEASED)[before:] if (out.key or b"").startswith(b"call")]
    assert again == []
    assert reasons(bench).count(("dropped", "closed_call")) == 1


def test_a_minor_that_is_said_after_the_end_is_taken_back(sessions: SessionFactory) -> None:
    bench = ran(sessions, owners())
    left = bench.outputs(NAMES.analytics_audio, NAMES.analytics_transcripts)
    keys = {out.key for out in left}
    assert keys
    told = msgspec.json.encode({"call_id": "call", "customer_id": "owner", "minor": True})
    start = next(r for r in owners() if ("ce_type", b"call.started.v1") in r.headers)
    for at_ms in (60_000, 61_000):
        bench.source([replace(start, value=told, time_ms=START_MS + at_ms)])
        bench.run()
    tombstones = [out for out in bench.out if out.value is None]
    assert {out.key for out in tombstones} == keys
    assert len(tombstones) == 2 * len(left), "once, from analytics and from training"
    assert ("retracted", "minor") in reasons(bench)


def test_refused_records_are_counted_in_the_calls_summary(sessions: SessionFactory) -> None:
    records = owners()
    broken = [replace(r, headers=[h for h in r.headers if h[0] != "ce_seq"]) for r in records if r.kind == "audio"][:4]
    bench = ran(sessions, [*records, *broken])
    (summary,) = bench.outputs(NAMES.calls)
    assert summary.fields["refused"] == 4
    assert len(bench.outputs(NAMES.dead_letters)) == 4


UNREADABLE = [
    b'{"call_id":"call","customer_id":"owner","v":99}',
    b'{"call_id":"call","customer_id":"owner","v":2,"sound":7}',
    b'{"call_id":"call"}',
    b'{"call_id":"call","customer_id":"owner","claims":[1]}',
    b"{",
]


@pytest.mark.parametrize("state", UNREADABLE)
def test_a_call_state_that_cannot_be_read_costs_that_call_only(sessions: SessionFactory, state: bytes) -> None:
    healthy = make_call("healthy", "owner", 8, START_MS).records
    first = Bench(sessions)
    first.source(sorted([*healthy, *owners()], key=lambda r: r.time_ms)[:120])
    first.run()
    first.commit()
    restored = first.checkpoints.restored
    assert restored.calls.keys() == {"healthy", "call"}
    broken = Restored(
        epoch=restored.epoch, progress=restored.progress, calls=restored.calls | {"call": state}, closed={}
    )
    second = Bench(sessions, broken, log=first.log)
    second.source(sorted([*healthy, *owners()], key=lambda r: r.time_ms)[120:])
    second.run()
    closed = {out.fields["call_id"] for out in second.outputs(NAMES.calls)}
    assert closed == {"healthy"}
    assert reasons(second)[0] == ("quarantined", "unreadable_state")
    assert not [out for out in second.outputs(*RELEASED) if (out.key or b"").startswith(b"call")]


def test_calls_whose_very_name_cannot_be_read_are_counted(sessions: SessionFactory) -> None:
    bench = Bench(sessions, Restored(epoch=1, unreadable=2))
    assert bench.metrics.quarantined.values[""] == 2
    assert bench.partition.calls == 0


class Failing:
    """A session factory one of whose calls fails at one of its doors."""

    def __init__(self, inner: SessionFactory, door: str) -> None:
        self.inner = inner
        self.door = door

    def open(self, call_id: str, customer_id: str, policy: object) -> object:
        if call_id == "call" and self.door == "open":
            raise ValueError("4111 1111 1111 1111")
        session = self.inner.open(call_id, customer_id, policy)  # type: ignore[arg-type]
        return _Broken(session, self.door) if call_id == "call" else session

    def restore(self, *arguments: object) -> object:
        return self.inner.restore(*arguments)  # type: ignore[arg-type]


class _Broken:
    def __init__(self, session: object, door: str) -> None:
        self._session = session
        self._door = door

    def __getattr__(self, name: str) -> object:
        if name == self._door:
            raise ZeroDivisionError("4111 1111 1111 1111")
        return getattr(self._session, name)


@pytest.mark.parametrize(
    "door", ["open", "receive", "advance", "outputs", "next_deadline_ms", "held_bytes", "snapshot", "bound", "hold"]
)
def test_a_call_that_fails_is_quarantined_and_the_others_go_on(sessions: SessionFactory, door: str) -> None:
    healthy = make_call("healthy", "owner", 8, START_MS).records
    alone = ran(sessions, healthy)
    bench = Bench(Failing(sessions, door), policies={"owner": POLICY})
    own = owners(started=door not in ("hold",))[:-1]
    for at in range(0, len(healthy), 40):
        bench.source(healthy[at : at + 40])
        bench.source(own[at : at + 40])
        bench.run()
        bench.commit()
    for passed_ms in range(0, 200_000, 5_000):  # the broken call has not ended: something of it falls due
        bench.partition.process(START_MS + 10**6 + passed_ms)
        bench.commit()
    healthy_out = [out for out in bench.outputs(*RELEASED) if (out.key or b"").startswith(b"healthy")]
    assert plain(healthy_out) == plain(alone.outputs(*RELEASED))
    assert ("quarantined", "session_failed") in reasons(bench)
    assert bench.partition.calls == 0
    assert not [out for out in bench.out if b"4111" in (out.value or b"")]


def test_a_gate_that_fails_at_a_call_costs_that_call_only(sessions: SessionFactory, monkeypatch) -> None:
    healthy = make_call("healthy", "owner", 8, START_MS).records
    bench = Bench(sessions, policies={"owner": POLICY})
    publish = bench.gate.publish

    def failing(outbox, outputs, policy, **kwargs):
        if any(getattr(output, "seq", None) == 1 and output.call_id == "call" for output in outputs):
            raise KeyError("4111 1111 1111 1111")
        publish(outbox, outputs, policy, **kwargs)

    monkeypatch.setattr(bench.gate, "publish", failing)
    bench.source(sorted([*healthy, *owners()], key=lambda r: r.time_ms))
    bench.run()
    assert {out.fields["call_id"] for out in bench.outputs(NAMES.calls)} == {"healthy"}
    assert ("quarantined", "session_failed") in reasons(bench)


def test_what_fails_outside_a_call_is_not_caught(sessions: SessionFactory) -> None:
    bench = Bench(sessions)
    bench.source(owners())
    bench.log["audio"][3] = object()
    with pytest.raises(AttributeError):
        bench.run()
