"""How time passes for the calls of one partition."""

import pytest

from deid_stream.worker.stream_clock import MAX_STEP_MS, StreamClock

T_MS = 1_700_000_000_000


def reached(*times_ms: int) -> StreamClock:
    clock = StreamClock()
    for time_ms in times_ms:
        clock.reach(time_ms)
    return clock


@pytest.mark.parametrize(
    ("times_ms", "reached_ms", "elapsed_ms"),
    [
        ([T_MS], T_MS, 0),
        ([T_MS, T_MS + 200, T_MS + 400], T_MS + 400, 400),
        ([T_MS, T_MS - 3_600_000, T_MS + 200], T_MS + 200, 200),  # a producer that is an hour behind
        ([T_MS, T_MS + 3_000_000], T_MS + 3_000_000, MAX_STEP_MS),  # one that is fifty minutes ahead
        ([T_MS, T_MS + 3_000_000, T_MS + 200, T_MS + 3_000_020], T_MS + 3_000_020, MAX_STEP_MS + 20),
    ],
)
def test_records_move_time_each_by_a_bounded_step(times_ms: list[int], reached_ms: int, elapsed_ms: int) -> None:
    clock = reached(*times_ms)
    assert (clock.reached_ms, clock.elapsed_ms) == (reached_ms, elapsed_ms)


def test_idle_time_is_the_time_between_two_looks_at_the_wall_clock() -> None:
    clock = reached(T_MS)
    years_later = T_MS + 10**11
    for passed_ms in (0, 300, 500):
        clock.pass_idle(years_later + passed_ms)
    assert (clock.reached_ms, clock.elapsed_ms) == (T_MS + 500, 500)


def test_before_any_record_there_is_no_time() -> None:
    clock = StreamClock()
    clock.pass_idle(T_MS)
    clock.pass_idle(T_MS + 1_000)
    assert (clock.reached_ms, clock.elapsed_ms) == (0, 0)


def test_a_process_that_was_stopped_for_an_hour_adds_a_step_only() -> None:
    clock = reached(T_MS)
    clock.pass_idle(T_MS)
    clock.pass_idle(T_MS + 3_600_000)
    assert clock.elapsed_ms == MAX_STEP_MS


def test_a_wall_clock_set_back_takes_nothing_back() -> None:
    clock = reached(T_MS)
    for wall_ms in (T_MS + 100, T_MS + 400, T_MS - 5_000, T_MS - 4_900):
        clock.pass_idle(wall_ms)
    assert clock.elapsed_ms == 400


def test_idle_time_starts_anew_after_a_record() -> None:
    clock = reached(T_MS)
    clock.pass_idle(T_MS)
    clock.reach(T_MS + 1_000)
    clock.pass_idle(T_MS + 4_000)
    assert (clock.reached_ms, clock.elapsed_ms) == (T_MS + 1_000, 1_000)


def test_a_checkpoint_that_ran_ahead_of_every_record_heals() -> None:
    clock = StreamClock(T_MS + 3_000_000)
    clock.heal(T_MS + 5_000)
    assert clock.reached_ms == T_MS + 5_000
    clock.reach(T_MS + 6_000)
    assert (clock.reached_ms, clock.elapsed_ms) == (T_MS + 6_000, 1_000)


def test_a_checkpoint_of_old_calls_is_not_touched() -> None:
    clock = StreamClock(T_MS)
    clock.heal(T_MS + 10**11)
    assert clock.reached_ms == T_MS
