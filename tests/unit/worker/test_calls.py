"""The registry of a partition's calls: whose they are, what they hold, and when they have to be looked at."""

import pytest

from deid_stream.kafka.record import InRecord
from deid_stream.model.events import AudioChunk, CallStarted, Event
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.worker.calls import BIND_MS, MAX_RIVALS, MAX_SOURCES, Calls, LiveCall, snapshots_of
from tests.support.made_calls import EPOCH_MS, MULAW
from tests.support.run_session import new_session

IDLE_MS = SessionSettings().idle_ms


def chunk(customer_id: str, at_ms: int = 0) -> AudioChunk:
    return AudioChunk(
        call_id="c", customer_id=customer_id, seq=at_ms // 100, offset_ms=at_ms, format=MULAW, data=b"\xff" * 800,
        channel=0, time_ms=EPOCH_MS + at_ms, offset=at_ms,
    )  # fmt: skip


def begun(customer_id: str) -> CallStarted:
    return CallStarted(call_id="c", customer_id=customer_id, time_ms=EPOCH_MS)


def session(customer_id: str = "acme", call_id: str = "c") -> CallSession:
    return new_session(call_id, customer_id)


def record_of(event: Event) -> InRecord:
    return InRecord("calls.audio", 0, event.time_ms - EPOCH_MS, event.time_ms, b"c", b"payload", ())


def claimed(calls: Calls, *events: Event) -> tuple[LiveCall, list[bool]]:
    """A call that these events came for, in order; and which of them said that it must be bound now."""
    first, *_ = events
    live = calls.adopt(session(first.customer_id))
    told = []
    for event in events:
        if event.customer_id not in {one.customer_id for one in live.sessions}:
            calls.rival(live, session(event.customer_id))
        next(one for one in live.sessions if one.customer_id == event.customer_id).receive(event)
        told.append(calls.count(live, event, record_of(event)))
    return live, told


@pytest.mark.parametrize(
    ("events", "told", "winner"),
    [
        ([begun("a")], [True], "a"),
        ([chunk("a"), begun("b")], [False, True], "b"),
        ([chunk("a"), chunk("a", BIND_MS)], [False, True], "a"),
        ([chunk("a"), chunk("b", 100), chunk("b", BIND_MS)], [False, False, True], "b"),
        ([chunk("a"), chunk("b", BIND_MS)], [False, False], "a"),  # equal claims wait; at last the first counts
    ],
)
def test_a_call_is_bound_to_whose_it_is(events: list[Event], told: list[bool], winner: str) -> None:
    calls = Calls()
    live, found = claimed(calls, *events)
    assert found == told
    lost = calls.bind(live)
    assert (live.session.customer_id, live.bound, live.rivals) == (winner, True, {})
    assert [source.offset for source in lost] == [e.time_ms - EPOCH_MS for e in events if e.customer_id != winner]
    losers = {event.customer_id for event in events} - {winner}
    assert [one.customer_id for one in calls.of(winner)] == [winner]
    assert all(calls.of(customer_id) == [] for customer_id in losers)


def test_claims_are_bounded() -> None:
    calls = Calls()
    live, _ = claimed(calls, *(chunk(f"k{n}", n * 100) for n in range(1 + MAX_RIVALS)))
    assert not calls.may_claim(live, "another")
    assert calls.may_claim(live, "k1")
    calls.bind(live)
    assert not calls.may_claim(live, "k1")


def test_the_places_that_are_remembered_are_bounded_and_hold_no_payload() -> None:
    calls = Calls()
    live, _ = claimed(calls, chunk("a"), *(chunk("b", 1 + n) for n in range(MAX_SOURCES + 5)), begun("a"))
    assert "payload" not in repr(live.sources)
    assert [source.offset for source in calls.bind(live)] == list(range(1, MAX_SOURCES + 1))
    assert live.sources == {}


def test_claims_go_into_one_snapshot() -> None:
    live, _ = claimed(Calls(), chunk("a"), chunk("b", 100))
    customer_id, single = snapshots_of(live.take_snapshot())
    assert customer_id == "a"
    assert single == [one.snapshot() for one in live.sessions]
    alone = session("a")
    assert snapshots_of(alone.snapshot()) == ("a", [alone.snapshot()])


def test_a_call_is_looked_at_when_its_deadline_has_come_and_once() -> None:
    calls = Calls()
    one = session()
    live = calls.adopt(one)
    one.receive(begun("acme"))
    live.own_ms, live.offset_ms = EPOCH_MS, -EPOCH_MS
    calls.measure(live)
    assert list(calls.due(IDLE_MS - 1)) == []
    assert list(calls.due(IDLE_MS)) == [live]
    assert list(calls.due(IDLE_MS)) == []


def test_what_falls_due_does_so_at_its_own_time() -> None:
    one = session()
    live = Calls().adopt(one)
    one.receive(begun("acme"))
    assert not live.fire(EPOCH_MS + IDLE_MS - 1)
    assert live.fire(EPOCH_MS + IDLE_MS)
    assert one.closed
    assert not live.fire(EPOCH_MS + 10 * IDLE_MS)


def test_what_calls_hold_is_added_up_and_taken_off_again() -> None:
    calls = Calls()
    one, two = session(call_id="c"), session(call_id="d")
    lives = [calls.adopt(one), calls.adopt(two)]
    one.receive(chunk("acme"))
    for live in lives:
        calls.measure(live)
    assert calls.held_bytes == 800
    calls.forget(lives[0])
    assert (calls.held_bytes, len(calls), calls.get("c")) == (0, 1, None)
    assert [live.session.call_id for live in calls] == ["d"]
