"""One partition without a broker: real sessions where the call matters, a stand-in where only the mechanics do."""

from dataclasses import replace

import msgspec
import pytest

from deid_stream.kafka.record import InRecord
from deid_stream.model.events import CallStarted
from deid_stream.model.topics import INPUT_KINDS
from deid_stream.policy.compile import compile_policy
from deid_stream.session.ports import NeededOffsets
from deid_stream.worker import ended as module
from tests.support.bench import ALL, LATER_MS, NAMES, RELEASED, START_MS, Bench, real_sessions
from tests.support.calls import make_call


class FakeSession:
    """Closes at its first ``call.ended``; ``fails`` raises at the first audio."""

    def __init__(self, call_id, customer_id, idle_ms=1_000, fails=False):
        self.call_id, self.customer_id = call_id, customer_id
        self.closed = self.minor = self.bound = False
        self.refused = 0
        self.held_bytes = 0
        self.fails = fails
        self.last_ms = 0
        self.idle_ms = idle_ms
        self.advanced = []

    @property
    def next_deadline_ms(self):
        return self.last_ms + self.idle_ms

    @property
    def last_record_ms(self):
        return self.last_ms

    def hold(self):
        self.held = True

    def go_on(self):
        self.held = False

    def refuse(self):
        self.refused += 1

    def retraction(self, time_ms, reason):
        return None

    def receive(self, event):
        self.last_ms = event.time_ms
        self.bound = self.bound or isinstance(event, CallStarted)
        if hasattr(event, "data"):
            if self.fails:
                raise ZeroDivisionError
            self.held_bytes += len(event.data)
        if hasattr(event, "duration_ms"):
            self.closed = True

    def advance(self, now_ms):
        self.advanced.append(now_ms)
        self.closed = True

    def outputs(self):
        return []

    def needed_offsets(self):
        return NeededOffsets(-1, -1)

    def snapshot(self):
        return msgspec.json.encode({"call_id": self.call_id, "customer_id": self.customer_id})

    def use(self, policy):
        self.policy = policy


class FakeSessions:
    def __init__(self, kind=FakeSession, **options):
        self.kind = kind
        self.options = options
        self.made = {}

    def open(self, call_id, customer_id, policy):
        self.made[call_id] = self.kind(call_id, customer_id, **self.options)
        return self.made[call_id]

    def restore(self, snapshot, positions, policy_of):
        return self.open(**msgspec.json.decode(snapshot), policy=None)


@pytest.mark.parametrize("cut", [0.1, 0.35, 0.6, 0.85])
def test_a_restart_from_the_checkpoint_gives_every_record_once(cut):
    made = make_call("restart", "someone", 5, START_MS)
    whole = Bench(real_sessions())
    whole.source(made.records)
    whole.run()
    first = Bench(real_sessions())
    first.source(made.records[: int(len(made.records) * cut)])
    first.run()
    first.commit()
    second = Bench(real_sessions(), first.checkpoints.restored, log=first.log)
    second.source(made.records[int(len(made.records) * cut) :])
    second.run()
    assert sorted(first.outputs(*RELEASED) + second.outputs(*RELEASED)) == whole.released()


def test_the_first_checkpoint_of_an_owner_holds_everything():
    bench = Bench(FakeSessions())
    bench.source(make_call("a", "someone", 1, START_MS).records[:5])
    bench.run()
    bench.commit()
    assert bench.checkpoints.restored.calls.keys() == {"a"}
    assert bench.checkpoints.restored.progress.positions == {k: len(bench.log[k]) for k in INPUT_KINDS if bench.log[k]}


def test_a_closed_call_leaves_the_checkpoint_and_its_stragglers_are_counted():
    made = make_call("a", "someone", 1, START_MS)
    bench = Bench(FakeSessions())
    bench.source(made.records)
    bench.run()
    bench.commit()
    assert bench.partition.calls == 0
    assert bench.checkpoints.restored.calls == {}
    assert "a" in bench.checkpoints.restored.closed
    again = Bench(FakeSessions(), bench.checkpoints.restored, log=bench.log)
    again.source([r for r in made.records if r.kind == "audio"][:3])
    again.run()
    assert again.partition.calls == 0
    assert again.metrics.dropped.values["closed_call"] == 2
    assert [(out.fields["action"], out.fields["reason"]) for out in again.outputs(NAMES.audit)] == [
        ("dropped", "closed_call")
    ], "the first is in the audit, and counted with it"


def test_deadlines_fall_due_at_their_own_time_in_order():
    sessions = FakeSessions(idle_ms=1_000)
    bench = Bench(sessions)
    for name, at in (("a", 0), ("b", 300)):
        bench.source(make_call(name, "someone", 1, START_MS + at).records[:1])
    later = make_call("late", "someone", 1, START_MS + 60_000).records[:1]
    bench.source(later)
    bench.run()
    assert sessions.made["a"].advanced == [START_MS + 1_000]
    assert sessions.made["b"].advanced == [START_MS + 1_300]
    assert sessions.made["late"].advanced == []


class WaitingSession(FakeSession):
    """Waits for each record's deadline and, as a real one, never goes back in time."""

    def __init__(self, call_id, customer_id):
        super().__init__(call_id, customer_id)
        self.now_ms = 0
        self.waiting = []
        self.asked = 0

    @property
    def next_deadline_ms(self):
        return min(self.waiting, default=START_MS + 10**9)

    def receive(self, event):
        self.waiting.append(event.time_ms + self.idle_ms)

    def advance(self, now_ms):
        self.asked += 1
        assert self.asked < 5, "time does not go on"
        if now_ms > self.now_ms:
            self.now_ms = now_ms
            self.waiting = [due_ms for due_ms in self.waiting if due_ms > now_ms]


def test_a_record_that_comes_after_its_own_deadline_falls_due_soon():
    sessions = FakeSessions(WaitingSession)
    bench = Bench(sessions)
    record, *others = make_call("slow", "someone", 1, START_MS).records
    bench.source([record])
    bench.run(START_MS)
    bench.partition.process(START_MS)
    bench.partition.process(START_MS + 1_000)
    session = sessions.made["slow"]
    assert (session.now_ms, session.waiting) == (START_MS + 1_000, [])
    bench.source(
        [replace(others[0], kind="events", value=record.value, headers=record.headers, time_ms=START_MS - 500)]
    )
    bench.run(START_MS + 1_000)
    for passed_ms in range(0, 2_000, 500):
        bench.partition.process(START_MS + 1_000 + passed_ms)
    assert session.waiting == []
    assert bench.partition.calls == 1


def test_an_idle_partition_goes_on_with_the_time_that_passes_not_with_the_date():
    sessions = FakeSessions(idle_ms=1_000)
    bench = Bench(sessions)
    bench.source(make_call("old", "someone", 1, START_MS).records[:1])
    years_later = START_MS + 10**11
    bench.run(years_later)
    bench.partition.process(years_later)
    bench.partition.process(years_later + 999)
    assert sessions.made["old"].advanced == []
    bench.partition.process(years_later + 1_001)
    assert sessions.made["old"].advanced == [START_MS + 1_000]


@pytest.mark.parametrize("earlier", [0, 1], ids=["the first calls", "calls were before"])
def test_calls_that_begin_while_the_wall_clock_is_set_back_are_not_cut_off_when_it_is_put_right(earlier):
    """The records up to then would count for minutes older than they are: a long silence in the middle of the call."""
    before = [r for seed in range(earlier) for r in make_call(f"before-{seed}", "someone", seed, START_MS).records]
    calls = [make_call(f"call-{seed}", "someone", seed, START_MS + 12_000 * earlier + seed * 200) for seed in range(3)]
    records = sorted((r for call in calls for r in call.records), key=lambda r: r.time_ms)
    half = len(records) // 2
    bench = Bench(real_sessions())
    steps = ((before, 0), (records[:half], -170_000), (records[half:], 0))
    for some, wrong_ms in steps[1 - earlier :]:
        bench.source(some)
        bench.run(some[-1].time_ms + wrong_ms)
    summaries = {out.fields["call_id"]: out.fields["complete"] for out in bench.outputs(NAMES.calls)}
    assert {call_id for call_id, complete in summaries.items() if complete} >= {"call-0", "call-1", "call-2"}


def test_time_passes_no_faster_while_the_wall_clock_is_set_back():
    sessions = FakeSessions(idle_ms=30_000)
    bench = Bench(sessions)
    bench.source(make_call("waits", "someone", 1, START_MS).records[:1])
    bench.run(START_MS)
    talks = make_call("talks", "someone", 3, START_MS).records
    assert talks[-1].time_ms - START_MS < 20_000
    for record in talks:
        bench.source([record])
        bench.run(record.time_ms - 170_000)
    assert sessions.made["waits"].advanced == []


def test_a_session_that_fails_is_quarantined_and_the_others_go_on():
    sessions = FakeSessions(fails=True)
    bench = Bench(sessions)
    bench.source(make_call("bad", "someone", 1, START_MS).records)
    bench.run()
    assert bench.partition.calls == 0
    letters = [out.fields["error"] for out in bench.outputs(NAMES.dead_letters)]
    assert letters == ["session_failed"]
    audit = [out.fields for out in bench.outputs(NAMES.audit)]
    assert [(line["action"], line["call_id"]) for line in audit] == [("quarantined", "bad")]
    assert bench.metrics.dropped.values["closed_call"] > 0


def test_what_is_read_again_is_not_dead_lettered_again():
    made = make_call("a", "someone", 1, START_MS)
    bench = Bench(real_sessions())
    bench.source(made.records[:40])
    bench.log["audio"][0] = msgspec.structs.replace(bench.log["audio"][0], headers=())
    bench.run()
    bench.commit()
    assert len(bench.outputs(NAMES.dead_letters)) == 1
    restored = bench.checkpoints.restored
    restored.progress.needed = dict.fromkeys(INPUT_KINDS, 0)
    again = Bench(real_sessions(), restored, log=bench.log)
    assert not again.partition.recovered
    again.run()
    assert again.partition.recovered
    assert again.outputs(NAMES.dead_letters) == []


def test_a_topic_read_from_its_start_again_changes_nothing():
    made = make_call("a", "someone", 1, START_MS)
    bench = Bench(real_sessions())
    bench.source(made.records)
    bench.run()
    released = list(bench.out)
    positions = bench.partition.positions.copy()
    for kind in INPUT_KINDS:
        bench.partition.feed(kind, bench.log[kind])
    while bench.partition.process(START_MS):
        pass
    assert bench.out == released
    assert bench.partition.positions == positions


def test_work_ends_after_the_first_record_where_that_is_enough_and_goes_on_behind_it():
    made = make_call("a", "someone", 1, START_MS)
    whole, cut = Bench(real_sessions()), Bench(real_sessions())
    for bench in (whole, cut):
        bench.source(made.records)
        for kind in INPUT_KINDS:
            bench.partition.feed(kind, bench.log[kind])
        bench.partition.at_end(ALL)
    taken = []
    while count := cut.partition.process(LATER_MS, 64, lambda: True):
        taken.append(count)
    assert taken == [1] * len(made.records)
    while whole.partition.process(LATER_MS, 64):
        pass
    assert cut.out
    assert cut.out == whole.out


def test_nothing_goes_to_training_while_the_policies_may_be_old():
    permits = compile_policy(b'{"customer_id":"someone","version":1}')
    for fresh in (True, False):
        bench = Bench(real_sessions(), policy=permits, fresh=fresh)
        bench.source(make_call("a", "someone", 5, START_MS).records)
        bench.run()
        assert bench.outputs(NAMES.analytics_audio)
        assert bench.outputs(NAMES.analytics_transcripts)
        assert bool(bench.outputs(NAMES.training_audio, NAMES.training_transcripts)) is fresh


def test_many_calls_in_sequence_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr(module, "MEMORY_CALLS", 200)
    bench = Bench(FakeSessions())
    template = [r for r in make_call("template", "someone", 1, START_MS).records if r.kind == "events"]
    sizes = []
    for number in range(3_000):
        for record in template:
            moved = msgspec.json.decode(record.value) | {"call_id": f"c{number}", "customer_id": f"k{number}"}
            log = bench.log["events"]
            log.append(
                InRecord(
                    topic=NAMES.events,
                    partition=0,
                    offset=number * 2 + len(log),
                    timestamp=record.time_ms + number * 100,
                    key=f"c{number}".encode(),
                    value=msgspec.json.encode(moved),
                    headers=tuple(h for h in record.headers if h[0] not in ("ce_subject", "ce_customerid")),
                )
            )
        bench.partition.feed("events", bench.log["events"])
        bench.log["events"] = []
        bench.partition.at_end(ALL)
        bench.partition.process(START_MS)
        bench.commit()
        sizes.append(bench.partition.entries)
    assert max(sizes[1_500:]) <= max(sizes[:1_500]) + 2
    assert sizes[-1] < 500
