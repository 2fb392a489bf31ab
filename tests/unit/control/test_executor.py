"""Taking back: tombstones, then the audit, then the table; what a crash or a broker in between leaves is done again."""

import pytest

from deid_stream.control.executor import FORGET_MS, HELD_EVERY_MS
from deid_stream.errors import BrokerError
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import SETTLE_MS
from deid_stream.policy.permit import Position
from deid_stream.policy.rights import Customer, State
from deid_stream.units import DAY_MS
from tests.unit.control.made import TOPICS, Plane, T, asked, claim, claims


@pytest.fixture
def plane():
    made = Plane()
    made.register.claims(claims(claim("c1", closed=True), claim("c2"), partition=1), T)
    return made


def held(plane, purpose=""):
    parts = [(call.call_id, part) for call in plane.register.holdings() for part in call.parts]
    return {call_id for call_id, part in parts if purpose in part.purpose and not part.gone}


async def test_what_nobody_asked_for_stays(plane):
    await plane.work()
    assert [record for log in plane.broker.logs.values() for record in log] == []
    assert held(plane) == {"c1", "c2"}


async def test_an_opt_out_takes_back_training_alone_in_the_calls_own_partition(plane):
    plane.register.customer(Customer(customer_id="acme", opted_out=Position(0, 9)))
    plane.executor.opted_out("acme")
    await plane.work()
    assert held(plane, "training") == set()
    assert held(plane, "analytics") == {"c1", "c2"}
    ids = [(1, f"{call}/0/{seq}") for call in ("c1", "c2") for seq in range(5)]
    assert (
        sorted(plane.tombstones(TOPICS.training_audio)) == sorted(plane.tombstones(TOPICS.training_transcripts)) == ids
    )
    assert plane.tombstones(TOPICS.analytics_audio) == plane.tombstones(TOPICS.calls) == []
    assert plane.said() == [("retracted", "opt_out")] * 2
    assert [line["counts"] for line in plane.audit()] == [{"records": 10, "training": 10}] * 2


async def test_what_was_permitted_after_the_opt_out_stays(plane):
    plane.register.claims(claims(claim("c3", position="0/12")), T)
    plane.register.customer(Customer(customer_id="acme", opted_out=Position(0, 9)))
    await plane.work()
    assert held(plane, "training") == {"c3"}


async def test_the_opt_out_is_measured_until_all_of_it_is_done(plane):
    plane.register.customer(Customer(customer_id="acme", opted_out=Position(0, 9)))
    plane.executor.opted_out("acme")
    plane.now_ms += 4_000
    plane.broken = {TOPICS.training_audio}
    with pytest.raises(BrokerError):
        await plane.work(1)
    assert plane.shown()["deid_retraction_seconds_count"] == 0
    plane.broken = set()
    await plane.work()
    shown = plane.shown()
    assert (shown["deid_retraction_seconds_count"], shown["deid_retraction_seconds_sum"]) == (1, 4.0)
    assert shown["deid_retractions_waiting"] == 0


async def test_a_deletion_takes_the_summary_too_and_its_receipt_says_how_much(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    await plane.work()
    assert held(plane) == {"c2"}
    assert plane.tombstones(TOPICS.calls) == [(1, "c1")]
    assert plane.said() == [("deleted", "deletion"), ("requested", "deletion_done")]
    done = plane.register.status("r-deletion")
    assert (done.state, done.calls, done.records, done.finished_ms) == (State.DONE, 1, 21, plane.now_ms)
    assert plane.audit()[-1]["counts"] == {"calls": 1, "records": 21}


@pytest.mark.parametrize("call_id", ["never", "x1"])
async def test_a_deletion_of_nothing_is_done_and_takes_nothing(plane, call_id):
    plane.register.claims(claims(claim("x1", "other")), T)
    plane.register.request(asked(Kind.DELETION, call_id=call_id))
    await plane.work()
    assert plane.said() == [("requested", "deletion_done")]
    assert held(plane) == {"c1", "c2", "x1"}


async def test_a_call_that_goes_on_goes_as_it_comes_and_counts_once(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c2"))
    await plane.work()
    plane.register.claims(claims(claim("c2", last=6, closed=True), partition=1), plane.now_ms)
    await plane.work()
    done = plane.register.status("r-deletion")
    assert (done.calls, done.records) == (1, 20 + 8 + 1)
    assert held(plane) == {"c1"}
    assert [key for _, key in plane.tombstones(TOPICS.analytics_audio)] == [f"c2/0/{seq}" for seq in range(7)]


@pytest.mark.parametrize("broken", ["training_audio", "audit"])
async def test_where_the_broker_was_away_it_is_done_again_and_the_table_says_nothing_before(plane, broken):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    plane.broken = {getattr(TOPICS, broken)}
    with pytest.raises(BrokerError):
        await plane.work(1)
    assert held(plane) == {"c1", "c2"}
    assert plane.flushed == [0], "before anything was done"
    assert plane.register.status("r-deletion").state is State.RUNNING
    plane.broken = set()
    await plane.work()
    assert held(plane) == {"c2"}
    assert plane.said() == [("deleted", "deletion"), ("requested", "deletion_done")]


async def test_who_comes_after_a_crash_does_it_again(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    plane.broken = {TOPICS.audit}
    with pytest.raises(BrokerError):
        await plane.work(1)
    next_one = Plane(plane.stored, plane.broker)
    await next_one.work()
    assert held(next_one) == {"c2"}
    assert next_one.said() == [("deleted", "deletion"), ("requested", "deletion_done")]


async def test_the_table_is_flushed_before_anything_is_taken_back_and_after_each_line_of_the_audit(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    await plane.work()
    assert plane.flushed == [0, 1, 2]


async def test_all_of_it_is_taken_back_once_more_and_said_once(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    await plane.work()
    before = len(plane.tombstones(TOPICS.training_audio))
    plane.now_ms += SETTLE_MS
    await plane.work()
    assert len(plane.tombstones(TOPICS.training_audio)) == 2 * before
    assert plane.said() == [("deleted", "deletion"), ("requested", "deletion_done")]
    assert plane.register.status("r-deletion").records == 21
    plane.now_ms += 10 * SETTLE_MS
    await plane.work()
    assert len(plane.tombstones(TOPICS.training_audio)) == 2 * before


async def test_a_hold_keeps_a_deletion_waiting_until_it_is_released(plane):
    plane.register.request(asked(Kind.HOLD, call_id="c1"))
    plane.register.request(asked(Kind.DELETION))
    await plane.work()
    waiting = plane.register.status("r-deletion")
    assert (waiting.state, waiting.reason, waiting.finished_ms) == (State.HELD, "legal_hold", 0)
    assert held(plane) == {"c1"}
    plane.register.request(asked(Kind.HOLD, call_id="c1", state=State.RELEASED))
    await plane.work()
    plane.now_ms += HELD_EVERY_MS
    await plane.work()
    done = plane.register.status("r-deletion")
    assert (done.state, done.reason, done.calls) == (State.DONE, "", 2)
    assert held(plane) == set()
    assert [reason for _, reason in plane.said() if reason.startswith("deletion_")] == [
        "deletion_held",
        "deletion_done",
    ]


@pytest.mark.parametrize(
    ("hold", "deletion", "state", "kept"),
    [
        ({"call_id": "not-told-yet"}, {"call_id": "not-told-yet"}, State.HELD, True),
        ({}, {"call_id": "not-told-yet"}, State.HELD, True),
        # it turns out to be another person's call, and a call of another person
        ({"subject": "subject-9"}, {"call_id": "not-told-yet"}, State.HELD, False),
        ({"call_id": "another"}, {"subject": "subject-9"}, State.HELD, True),
        ({"call_id": "another"}, {"call_id": "not-told-yet"}, State.DONE, False),
        ({"subject": "subject-8"}, {"subject": "subject-9"}, State.DONE, True),
        ({"customer_id": "other", "call_id": "not-told-yet"}, {"call_id": "not-told-yet"}, State.DONE, False),
    ],
)
async def test_a_deletion_is_not_done_while_a_hold_may_cover_a_call_that_no_worker_has_told_of(
    plane, hold, deletion, state, kept
):
    plane.register.request(asked(Kind.HOLD, **hold))
    plane.register.request(asked(Kind.DELETION, **deletion))
    await plane.work()
    assert plane.register.status("r-deletion").state is state
    plane.register.claims(claims(claim("not-told-yet")), T)
    await plane.work()
    assert ("not-told-yet" in held(plane)) == kept
    plane.now_ms += HELD_EVERY_MS
    await plane.work()
    assert plane.register.status("r-deletion").state is (state if kept else State.DONE)


@pytest.mark.parametrize(("days", "overdue"), [(29, 0), (31, 1)])
async def test_what_is_past_its_deadline_is_counted(plane, days, overdue):
    plane.register.customer(Customer(customer_id="acme", held=True))
    plane.register.request(asked(Kind.DELETION))
    plane.register.request(asked(Kind.DELETION, request_id="r-done", state=State.DONE))
    plane.now_ms = T + days * DAY_MS
    await plane.work()
    shown = plane.shown()
    assert (shown["deid_requests_open"], shown["deid_requests_overdue"]) == (1, overdue)


async def test_what_has_expired_goes_by_itself_and_what_has_not_stays(plane):
    await plane.work()
    plane.now_ms = T + 90 * DAY_MS - 1
    await plane.work()
    assert plane.said() == []
    plane.now_ms += 1
    await plane.work()
    assert plane.said() == [("expired", "retention")] * 2
    assert held(plane, "analytics") == set()
    assert held(plane, "training") == {"c1", "c2"}


async def test_a_call_leaves_the_index_a_week_after_nothing_of_it_is_held(plane):
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    await plane.work()
    plane.now_ms += SETTLE_MS
    await plane.work()
    plane.windows.published(T)
    plane.now_ms = T + FORGET_MS - 1
    await plane.work()
    assert len(plane.register) == 2
    plane.now_ms += 1
    await plane.work()
    assert [call.call_id for call in plane.register.holdings()] == ["c2"]


async def test_a_call_stays_in_the_index_until_the_window_that_counts_it_has_been_published(plane):
    """A window may last for 31 days."""
    plane.register.request(asked(Kind.DELETION, call_id="c1"))
    await plane.work()
    plane.now_ms = T + FORGET_MS + DAY_MS
    await plane.work()
    assert len(plane.register) == 2
    plane.windows.published(T)
    plane.now_ms += DAY_MS
    await plane.work()
    assert [call.call_id for call in plane.register.holdings()] == ["c2"]


async def test_many_records_of_one_call_all_go(plane):
    plane.register.claims(claims(claim("long", last=5_999), partition=0), T)
    plane.register.request(asked(Kind.DELETION, call_id="long"))
    await plane.work()
    assert len({key for _, key in plane.tombstones(TOPICS.analytics_audio)}) == 6_000
    assert plane.register.status("r-deletion").records == 24_000
