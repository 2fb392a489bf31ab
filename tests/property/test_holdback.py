"""Law 5: the watermark never goes back, nothing is passed ahead of it, and the delay it adds is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from deid_stream.session.holdback import Holdback, HoldbackState

HOLDBACK_MS = 30_000
MARK_SPACING_MS = 500
"""Marks closer together than this in record time are remembered as one, at the earlier time."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("cover"), st.integers(0, 2), st.integers(0, 200_000)),
        st.tuples(st.just("mark"), st.integers(0, 2_000), st.integers(0, 200_000)),
        st.tuples(st.just("wait"), st.integers(0, 40_000), st.just(0)),
        st.tuples(st.just("force"), st.integers(0, 200_000), st.just(0)),
        st.tuples(st.just("restore"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


def least(holdback: Holdback) -> int:
    return min(holdback.covered.values(), default=0)


@given(steps)
def test_the_watermark_never_goes_back_nor_beyond_what_is_known(script: list[tuple[str, int, int]]) -> None:
    holdback = Holdback(HOLDBACK_MS)
    now_ms = high = due = 0
    marks: list[tuple[int, int]] = []
    for step, a, b in script:
        if step == "cover":
            holdback.cover(a, b)
        elif step == "mark":
            now_ms += a
            holdback.mark(now_ms, b)
            marks.append((now_ms, b))
        elif step == "wait":
            now_ms += a
            holdback.expire(now_ms)
        elif step == "force":
            holdback.force(a)
            due = max(due, a)
        else:
            state, holdback = holdback.state(), Holdback(HOLDBACK_MS)
            holdback.restore(state)
        due = max([due, *(media for at, media in marks if at + HOLDBACK_MS <= now_ms + MARK_SPACING_MS)])
        before = holdback.watermark_ms
        moved = holdback.advance(least(holdback))
        assert holdback.watermark_ms >= before
        assert moved is (holdback.watermark_ms > before)
        high = max(high, least(holdback))
        assert holdback.watermark_ms <= max(high, due), "ahead of what is covered or due"
        assert holdback.watermark_ms >= least(holdback)


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 100_000)), min_size=1, max_size=60))
def test_what_waits_is_passed_when_its_time_is_over_and_not_much_later(arrivals: list[tuple[int, int]]) -> None:
    holdback = Holdback(HOLDBACK_MS)
    now_ms = 1_000_000
    marks: list[tuple[int, int]] = []
    for step_ms, media_ms in arrivals:
        now_ms += step_ms
        holdback.mark(now_ms, media_ms)
        marks.append((now_ms, media_ms))
    for at_ms, media_ms in marks:
        holdback.expire(at_ms + HOLDBACK_MS)
        holdback.advance(0)
        holdback.settle()
        assert holdback.watermark_ms >= media_ms, "the delay is at most the hold-back"
    last_ms, _ = marks[-1]
    assert holdback.next_deadline_ms > last_ms + HOLDBACK_MS - MARK_SPACING_MS


def test_a_state_is_a_copy_of_its_own() -> None:
    holdback = Holdback(HOLDBACK_MS)
    holdback.cover(0, 5)
    state = holdback.state()
    holdback.cover(0, 9)
    holdback.cover(1, 9)
    assert state == HoldbackState(covered_ms={0: 5})
