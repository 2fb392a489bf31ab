"""Law 9: what leaves is the same whether records are read live, as a backlog, or after a pause; and no producer's clock
costs another producer's calls anything. On the real partition, with the real sessions and a made-up detector."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.session.settings import SessionSettings
from tests.support.bench import NAMES, START_MS, Bench, Out, real_sessions
from tests.support.calls import Record, make_call
from tests.support.made_calls import SecretDetector

SESSIONS = real_sessions(SecretDetector())
HOUR_MS = 3_600_000
IDLE_MS = SessionSettings().idle_ms


def mixed(seed: int, calls: int = 3) -> list[Record]:
    """Some calls side by side; one has transcripts that come late, one breaks off, one has no start."""
    rng = Random(seed)
    found: list[Record] = []
    for number in range(calls):
        start_ms = START_MS + rng.randrange(0, 9_000, 50)
        records = make_call(f"c{number}", "someone", rng.randrange(1 << 20), start_ms, turns=3).records
        kind = rng.choice(("plain", "late", "broken", "no start", "no transcripts", "silent gap"))
        if kind == "late":
            delay_ms = rng.choice((2_000, 8_000, 40_000))
            records = [replace(r, time_ms=r.time_ms + delay_ms) if r.kind == "transcripts" else r for r in records]
        elif kind == "broken":
            records = records[: len(records) * 2 // 3]
        elif kind == "no start":
            records = [r for r in records if ("ce_type", b"call.started.v1") not in r.headers]
        elif kind == "no transcripts":
            records = [r for r in records if r.kind != "transcripts"]
        elif kind == "silent gap":
            half = len(records) // 2
            gap_ms = rng.choice((10_000, 50_000, 200_000))
            records = records[:half] + [replace(r, time_ms=r.time_ms + gap_ms) for r in records[half:]]
        found += records
    return sorted(found, key=lambda record: record.time_ms)


def end_of(records: Sequence[Record]) -> int:
    return max(record.time_ms for record in records) + 4 * IDLE_MS


def quiet(bench: Bench, from_ms: int, passed_ms: int) -> None:
    """Nothing comes for so long."""
    for at_ms in range(from_ms, from_ms + passed_ms, 1_000):
        bench.run(at_ms)


def follow(bench: Bench, records: Sequence[Record], from_ms: int, until_ms: int) -> int:
    """Read as they come, with the wall clock; how many have come."""
    at = 0
    for wall_ms in range(from_ms, until_ms, 250):
        fresh = [record for record in records[at:] if record.time_ms <= wall_ms - 20]
        at += len(fresh)
        bench.source(fresh)
        bench.run(wall_ms)
    return at


def live(records: Sequence[Record]) -> list[Out]:
    bench = Bench(SESSIONS)
    follow(bench, records, START_MS, end_of(records))
    assert bench.partition.calls == 0
    return bench.released()


def backlog(records: Sequence[Record]) -> list[Out]:
    """Read at once, a day later."""
    bench = Bench(SESSIONS)
    bench.source(records)
    bench.run(end_of(records) + 24 * HOUR_MS)
    quiet(bench, end_of(records) + 24 * HOUR_MS, 3 * IDLE_MS)
    assert bench.partition.calls == 0
    return bench.released()


def paused(records: Sequence[Record], share: float, pause_ms: int, *, restart: bool) -> list[Out]:
    """Live, then nothing is read while records pile up, then it goes on: the same process, or the next."""
    bench = Bench(SESSIONS)
    stop_ms = records[int(len(records) * share)].time_ms
    at = follow(bench, records, START_MS, stop_ms)
    if restart:
        bench.commit()
        bench, before = Bench(SESSIONS, bench.checkpoints.restored, log=bench.log), bench.released()
    else:
        before = []
    follow(bench, records[at:], stop_ms + pause_ms, max(end_of(records), stop_ms + pause_ms + 4 * IDLE_MS))
    assert bench.partition.calls == 0
    return sorted([*before, *bench.released()])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_live_and_backlog_are_the_same(seed: int) -> None:
    records = mixed(seed)
    assert live(records) == backlog(records)


@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0.05, 0.95),
    pause_s=st.sampled_from([5, 100, 1_000, 10_000]),
    restart=st.booleans(),
)
@settings(max_examples=15)
def test_a_pause_changes_nothing(seed: int, share: float, pause_s: int, restart: bool) -> None:
    records = mixed(seed)
    assert paused(records, share, pause_s * 1_000, restart=restart) == backlog(records)


def test_a_restart_within_a_call_whose_line_was_known_changes_nothing() -> None:
    records = mixed(990)
    assert paused(records, 0.875, 5_000, restart=True) == backlog(records)


# -- clocks that are wrong

HEALTHY = [r for n in range(4) for r in make_call(f"h{n}", "someone", n, START_MS + n * 700).records]


@cache
def alone() -> list[Out]:
    """What comes out of the healthy calls by themselves."""
    return backlog(sorted(HEALTHY, key=lambda record: record.time_ms))


def of_healthy(released: Sequence[Out]) -> list[Out]:
    return [out for out in released if (out.key or b"").startswith(b"h")]


def stray(at_ms: int, stamp_ms: int, *, broken: bool) -> Record:
    """One audio record of some other call that comes at ``at_ms`` and says ``stamp_ms``."""
    made = next(r for r in make_call("stray", "someone", 9, START_MS).records if r.kind == "audio")
    headers = [h for h in made.headers if not broken or h[0] != "ce_seq"]
    return replace(made, time_ms=stamp_ms, value=b"" if broken else made.value, headers=headers)


def with_stray(where: float, ahead_ms: int, *, broken: bool) -> list[Record]:
    records = sorted(HEALTHY, key=lambda record: record.time_ms)
    at = int(len(records) * where)
    return [*records[:at], stray(records[at].time_ms, records[at].time_ms + ahead_ms, broken=broken), *records[at:]]


@pytest.mark.parametrize("broken", [True, False])
@pytest.mark.parametrize("ahead_ms", [10_000, 130_000, 50 * 60_000, 72 * HOUR_MS])
@pytest.mark.parametrize("where", [0.0, 0.4, 0.99])
def test_one_timestamp_in_the_future_costs_no_other_call_anything(where: float, ahead_ms: int, broken: bool) -> None:
    records = with_stray(where, ahead_ms, broken=broken)
    assert of_healthy(backlog(records)) == alone()


@pytest.mark.parametrize("broken", [True, False])
def test_nor_does_it_live_nor_to_the_calls_after_it_nor_after_a_restart(broken: bool) -> None:
    records = with_stray(0.4, 50 * 60_000, broken=broken)
    at = records.index(next(r for r in records if r.key == b"stray"))
    bench = Bench(SESSIONS)
    fed = 0
    last_ms = max(r.time_ms for r in HEALTHY)
    out: list[Out] = []
    for wall_ms in range(START_MS, last_ms + 60_000, 250):
        while fed < len(records) and (fed == at or records[fed].time_ms <= wall_ms):
            bench.source([records[fed]])
            fed += 1
        bench.run(wall_ms)
        bench.commit()
        if wall_ms == START_MS + 6_000:
            out += bench.out
            bench = Bench(SESSIONS, bench.checkpoints.restored, log=bench.log)
    released = sorted(o for o in [*out, *bench.out] if o.topic.startswith("deid.analytics") or o.topic == NAMES.calls)
    assert of_healthy(released) == alone()
    assert bench.partition.clock_ms <= last_ms + 66_000


def side_by_side(now: Sequence[Record], other: Sequence[Record], shift_ms: int) -> list[Record]:
    """In the log both come at once; the timestamps of the ``other`` are off by so much."""
    marked = [(record.time_ms, record) for record in now]
    marked += [(record.time_ms, replace(record, time_ms=record.time_ms + shift_ms)) for record in other]
    return [record for _, record in sorted(marked, key=lambda pair: pair[0])]


@pytest.mark.parametrize(
    ("shift_ms", "read_live"),
    # a clock that is ahead is bounded by the wall clock where records are read live: see above
    [*itertools.product([-48 * HOUR_MS, -HOUR_MS, -121_000], [False, True]), (HOUR_MS, False)],
)
@pytest.mark.parametrize("calls", [1, 3])
def test_a_producer_that_is_off_loses_nothing_and_costs_nothing(shift_ms: int, read_live: bool, calls: int) -> None:
    """A site that buffered through an outage: its records come among those of now, with the timestamps they had."""
    other = [r for n in range(calls) for r in make_call(f"z{n}", "someone", 7 + n, START_MS + 900 * n).records]
    records = side_by_side(HEALTHY, other, shift_ms)
    come_ms = [r.time_ms - (shift_ms if r.key.startswith(b"z") else 0) for r in records]
    released = as_they_come(records, come_ms) if read_live else backlog(records)
    assert of_healthy(released) == alone()
    expected = backlog(sorted(other, key=lambda record: record.time_ms))
    own = [out for out in released if (out.key or b"").startswith(b"z")]
    assert list(map(timeless, own)) == list(map(timeless, expected))


def timeless(out: Out) -> Out:
    """A summary without its record time."""
    if out.topic != NAMES.calls:
        return out
    return out._replace(value=str(sorted((out.fields | {"time_ms": 0}).items())).encode())


def as_they_come(records: Sequence[Record], come_ms: Sequence[int]) -> list[Out]:
    bench = Bench(SESSIONS)
    at = 0
    for wall_ms in range(START_MS, max(come_ms) + 4 * IDLE_MS, 250):
        fresh = [record for record, ms in zip(records[at:], come_ms[at:], strict=True) if ms <= wall_ms]
        at += len(fresh)
        bench.source(fresh)
        bench.run(wall_ms)
    return bench.released()
