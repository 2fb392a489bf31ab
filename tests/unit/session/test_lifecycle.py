"""The life of a call, phase by phase."""

import itertools
from collections.abc import Callable

import pytest

from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.session.lifecycle import TABLE, Happening, Lifecycle, Phase

ORDER = list(Phase)


def started(time_ms: int = 1_000, **fields: object) -> CallStarted:
    return CallStarted(call_id="c", customer_id="acme", time_ms=time_ms, **fields)  # type: ignore[arg-type]


def ended(time_ms: int = 9_000, duration_ms: int | None = None) -> CallEnded:
    return CallEnded(call_id="c", customer_id="acme", time_ms=time_ms, duration_ms=duration_ms)


@pytest.mark.parametrize(("phase", "happening"), list(itertools.product(Phase, Happening)))
def test_every_pair_has_an_answer_and_no_phase_comes_back(phase: Phase, happening: Happening) -> None:
    step = TABLE[phase, happening]
    assert ORDER.index(step.to) >= ORDER.index(phase)
    if step.refused:
        assert step.to is phase


def test_nothing_is_allowed_in_a_closed_call() -> None:
    assert {TABLE[Phase.CLOSED, happening].refused for happening in Happening} == {"closed_call"}


def test_a_call_runs_through_its_phases() -> None:
    life = Lifecycle()
    steps: list[tuple[Callable[[], str], Phase]] = [
        (life.media, Phase.AWAITED),
        (lambda: life.start(started()), Phase.LIVE),
        (life.media, Phase.LIVE),
        (lambda: life.end(ended()), Phase.ENDED),
        (life.media, Phase.ENDED),
        (life.finish, Phase.CLOSED),
    ]
    for step, phase in steps:
        assert step() == ""
        assert life.phase is phase
    assert life.media() == "closed_call"


def test_only_the_first_end_counts() -> None:
    life = Lifecycle()
    life.end(ended(5_000, 4_000))
    assert life.end(ended(7_000, 6_000)) == "ended_again"
    assert (life.ended_ms, life.duration_ms) == (5_000, 4_000)


def test_a_start_sent_again_adds_and_one_after_the_end_is_refused() -> None:
    life = Lifecycle()
    life.start(started(1_000, channels=1))
    assert life.start(started(2_000, channels=2, metadata={"direction": "inbound"})) == ""
    life.end(ended())
    assert life.start(started(9_500, channels=9, metadata={"direction": "outbound"})) == "started_after_end"
    state = life.state()
    assert (state.started_ms, state.declared_channels, state.metadata) == (1_000, 2, {"direction": "inbound"})


def test_a_minors_call_is_one_whenever_it_is_said() -> None:
    life = Lifecycle()
    life.start(started())
    life.end(ended())
    assert life.start(started(minor=True)) == "started_after_end"
    assert life.minor
    assert life.start(started(minor=False)) == "started_after_end"
    assert life.minor


def test_a_restored_life_goes_on_where_it_was() -> None:
    life = Lifecycle()
    life.start(started(channels=2))
    life.last_record_ms = 4_000
    again = Lifecycle()
    again.restore(life.state())
    assert again.state() == life.state()
    assert again.end(ended()) == ""
    assert again.phase is Phase.ENDED
