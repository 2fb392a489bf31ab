"""What follows for a call of what people ask for, of opt-outs, holds and days: the table."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.model.outputs import SeqRange
from deid_stream.model.published import Claim, Trained
from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import SETTLE_MS, Holding, Purpose, claimed
from deid_stream.policy.permit import Position
from deid_stream.policy.retention import Days
from deid_stream.policy.rights import Customer, State, Status, is_held, judge
from deid_stream.units import DAY_MS

T = 20_000 * DAY_MS + 3_600_000
"""A call's start, an hour after midnight."""
EVERYTHING = {Purpose.ANALYTICS, Purpose.TRAINING, Purpose.SUMMARY}
BOTH = {Purpose.ANALYTICS, Purpose.TRAINING}
NONE: set[Purpose] = set()


def claim(first=0, last=9, *, position="0/5", closed=True, minor=False, **fields):
    ranges = (SeqRange(0, first, last),)
    trained = (Trained(position=position, transcripts=ranges, audio=ranges),) if position else ()
    return Claim(
        call_id="c1",
        customer_id="acme",
        started_ms=T,
        last_ms=T + 60_000,
        transcripts=ranges,
        audio=ranges,
        trained=trained,
        closed=closed,
        minor=minor,
        **fields,
    )


def holding(*claims, now_ms=T):
    known = None
    for one in claims or (claim(subject="subject-1"),):
        known = claimed(known, one, 3, now_ms)
    return known


def asked(kind, **fields):
    state = State.RUNNING if kind is Kind.DELETION else State.IN_FORCE
    defaults = {"request_id": f"r-{kind}", "customer_id": "acme", "state": state, "asked_ms": T + 100}
    return Status(kind=kind, **defaults | fields)


def goes(call, rules=(), now_ms=T + 1_000, **customer):
    verdict = judge(call, Customer(customer_id="acme", **customer), rules, now_ms)
    return {owed.part.purpose for owed in verdict.owed}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.DELETION, EVERYTHING),
        (Kind.OBJECTION, BOTH),
        (Kind.WITHDRAWAL, {Purpose.TRAINING}),
        (Kind.RESTRICTION, {Purpose.TRAINING}),
        (Kind.HOLD, NONE),
        (Kind.ACCESS, NONE),
    ],
)
@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, True),
        ({"call_id": "c1"}, True),
        ({"subject": "subject-1"}, True),
        ({"call_id": "c2"}, False),
        ({"subject": "subject-2"}, False),
        ({"customer_id": "other"}, False),
    ],
)
def test_what_goes_by_kind_and_scope(kind, expected, scope, covered):
    assert goes(holding(), [asked(kind, **scope)]) == (expected if covered else NONE)


@pytest.mark.parametrize(
    ("kind", "held"),
    [(Kind.DELETION, NONE), (Kind.OBJECTION, NONE), (Kind.WITHDRAWAL, {Purpose.TRAINING})],
)
@pytest.mark.parametrize("by_policy", [False, True])
def test_a_hold_keeps_what_is_to_be_deleted_but_nothing_in_training(kind, held, by_policy):
    rules = [asked(kind)] if by_policy else [asked(kind), asked(Kind.HOLD)]
    assert goes(holding(), rules, held=by_policy) == held
    assert is_held(holding(), Customer(customer_id="acme", held=by_policy), rules)
    verdict = judge(holding(), Customer(customer_id="acme", held=by_policy), rules, T)
    assert verdict.held == ([] if kind is Kind.WITHDRAWAL else [f"r-{kind}"])


@pytest.mark.parametrize("state", [State.RELEASED, State.REFUSED])
@pytest.mark.parametrize("kind", [Kind.OBJECTION, Kind.WITHDRAWAL, Kind.HOLD, Kind.DELETION])
def test_what_is_not_in_force_has_no_say(kind, state):
    rules = [asked(kind, state=state)]
    assert goes(holding(), rules) == NONE
    assert not is_held(holding(), Customer(customer_id="acme"), rules)


@pytest.mark.parametrize(("asked_ms", "expected"), [(T, EVERYTHING), (T - 1, NONE)])
def test_a_deletion_is_about_calls_that_had_begun(asked_ms, expected):
    assert goes(holding(), [asked(Kind.DELETION, asked_ms=asked_ms)]) == expected
    assert goes(holding(), [asked(Kind.DELETION, asked_ms=asked_ms, state=State.DONE)]) == expected


ENDS = {"events": (9, 9, 9, 20), "audio": (0, 0, 0, 500)}


@pytest.mark.parametrize("asked_ms", [0, T + 9 * DAY_MS], ids=["producer's clock ahead", "producer's clock behind"])
@pytest.mark.parametrize(
    ("began", "expected"),
    [("events/19", EVERYTHING), ("events/20", NONE), ("audio/499", EVERYTHING), ("audio/500", NONE)],
)
def test_the_place_of_the_first_record_says_whether_a_call_had_begun_not_a_clock(began, expected, asked_ms):
    deletion = asked(Kind.DELETION, asked_ms=asked_ms, reached=ENDS)
    assert goes(holding(claim(began=began), claim(began="events/0")), [deletion]) == expected


@pytest.mark.parametrize("began", ["", "events", "events/x", "transcripts/3"])
@pytest.mark.parametrize(("asked_ms", "expected"), [(T, EVERYTHING), (T - 1, NONE)])
def test_where_the_place_is_not_known_the_clocks_say_it(began, asked_ms, expected):
    assert goes(holding(claim(began=began)), [asked(Kind.DELETION, asked_ms=asked_ms, reached=ENDS)]) == expected


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"also": ("customer-old",), "customer_id": "customer-new"}, True),
        ({"also": ("customer-older",), "customer_id": "customer-new"}, False),
        ({"also": ("customer-old", "call-old"), "customer_id": "customer-new", "call_id": "call-new"}, True),
        ({"also": ("customer-old",), "customer_id": "customer-new", "call_id": "call-new"}, False),
        ({"also": ("customer-old", "subject-old"), "customer_id": "customer-new", "subject": "subject-new"}, True),
        ({"also": ("customer-old", "call-old"), "customer_id": "customer-new", "subject": "subject-new"}, False),
    ],
)
def test_a_request_is_about_what_was_published_under_retired_keys_too(fields, covered):
    old = Holding(call_id="call-old", customer_id="customer-old", subject="subject-old", partition=0)
    assert asked(Kind.HOLD, **fields).covers(old) is covered


@pytest.mark.parametrize("asked_ms", [T, T - 1, 0])
def test_a_deletion_that_names_the_call_is_done_whatever_the_clocks_say(asked_ms):
    assert goes(holding(), [asked(Kind.DELETION, call_id="c1", asked_ms=asked_ms)]) == EVERYTHING
    assert goes(holding(), [asked(Kind.DELETION, call_id="c2", asked_ms=asked_ms)]) == NONE


@pytest.mark.parametrize(
    ("position", "opted_out", "goes_too"),
    [
        ("0/5", Position(0, 6), True),
        ("0/5", Position(0, 4), False),
        ("0/5", Position(1, 0), True),
        ("", Position(0, 0), True),
        ("garbage", Position(0, 0), True),
        ("0/5", None, False),
    ],
)
def test_an_opt_out_takes_back_what_was_permitted_before_it(position, opted_out, goes_too):
    held = holding(
        Claim(
            call_id="c1",
            customer_id="acme",
            started_ms=T,
            trained=(Trained(position=position, audio=(SeqRange(0, 0, 3),)),),
        )
    )
    assert goes(held, opted_out=opted_out) == ({Purpose.TRAINING} if goes_too else NONE)


def test_what_was_permitted_after_an_opt_in_stays():
    held = holding(claim(position="0/5"), claim(10, 19, position="0/9"))
    verdict = judge(held, Customer(customer_id="acme", opted_out=Position(0, 7)), [], T)
    assert [(owed.part.position, owed.audio) for owed in verdict.owed] == [("0/5", (SeqRange(0, 0, 9),))]


def test_a_minors_call_goes_whatever_holds_it():
    assert goes(holding(claim(minor=True)), [asked(Kind.HOLD)]) == EVERYTHING


MIDNIGHT = T // DAY_MS * DAY_MS


@pytest.mark.parametrize(
    ("days", "after_ms", "expected"),
    [
        (Days(3, 5), 3 * DAY_MS - 1, NONE),
        (Days(3, 5), 3 * DAY_MS, {Purpose.ANALYTICS}),
        (Days(3, 5), 5 * DAY_MS, EVERYTHING),
        (Days(5, 3), 3 * DAY_MS, {Purpose.TRAINING}),
        (Days(0, 0), DAY_MS // 2, EVERYTHING),
    ],
)
@pytest.mark.parametrize("kept_by", [None, Kind.HOLD, Kind.RESTRICTION])
def test_what_goes_when_its_days_are_over_unless_it_is_kept(days, after_ms, expected, kept_by):
    now_ms = MIDNIGHT + after_ms
    held = holding(now_ms=now_ms)
    rules = [asked(kept_by)] if kept_by else []
    by_right = {Purpose.TRAINING} if kept_by is Kind.RESTRICTION else NONE
    verdict = judge(held, Customer(customer_id="acme", days=days), rules, now_ms)
    assert {owed.part.purpose for owed in verdict.owed} == (by_right if kept_by else expected)
    assert {part.purpose for part in verdict.kept} == (expected - by_right if kept_by else NONE)


def test_a_permits_own_date_is_kept_where_the_policy_is_longer_now():
    ranges = (SeqRange(0, 0, 1),)
    until_ms = MIDNIGHT + 2 * DAY_MS
    part = Trained(position="0/1", retain_until_ms=until_ms, audio=ranges)
    held = holding(Claim(call_id="c1", customer_id="acme", started_ms=T, trained=(part,)))
    assert goes(held, now_ms=until_ms - 1, days=Days(90, 365)) == NONE
    assert goes(held, now_ms=until_ms, days=Days(90, 365)) == {Purpose.TRAINING}


def test_the_next_look_is_when_the_first_part_expires_and_none_where_a_hold_keeps_all():
    customer = Customer(customer_id="acme", days=Days(3, 5))
    assert judge(holding(), customer, [], T).look_ms == MIDNIGHT + 3 * DAY_MS
    assert judge(holding(), customer, [asked(Kind.HOLD)], T).look_ms is None


def take_back(held, rules, now_ms):
    verdict = judge(held, Customer(customer_id="acme"), rules, now_ms)
    for owed in verdict.owed:
        index = held.parts.index(owed.part)
        held.parts[index] = owed.part.taken_back(owed.reason, now_ms)
    return verdict


def test_what_comes_late_is_taken_back_too_and_all_of_it_once_more_when_nothing_is_on_its_way():
    rules = [asked(Kind.WITHDRAWAL)]
    held = holding(claim(0, 9), now_ms=T)
    assert [owed.audio for owed in take_back(held, rules, T).owed] == [(SeqRange(0, 0, 9),)]
    assert take_back(held, rules, T + 1).owed == []
    # the call goes on
    held = claimed(held, claim(0, 14), 3, T + 2_000)
    assert [part.gone for part in held.of(Purpose.TRAINING)] == [False]
    assert [owed.audio for owed in take_back(held, rules, T + 2_001).owed] == [(SeqRange(0, 10, 14),)]
    # a worker that was paused writes what it had let go before
    held = claimed(held, claim(0, 5), 3, T + 4_000)
    assert [part.gone for part in held.of(Purpose.TRAINING)] == [True], "said in the audit the first time"
    again_ms = T + 2_001 + SETTLE_MS
    verdict = take_back(held, rules, T + 4_001)
    assert (verdict.owed, verdict.look_ms) == ([], again_ms)
    assert take_back(held, rules, again_ms - 1).owed == []
    assert [owed.audio for owed in take_back(held, rules, again_ms).owed] == [(SeqRange(0, 0, 14),)]
    settle_ms = T + 4_000 + SETTLE_MS
    assert [owed.audio for owed in take_back(held, rules, settle_ms).owed] == [(SeqRange(0, 0, 14),)]
    # long after: nothing has been taken back lately, so what is claimed again goes at once
    late_ms = again_ms + 10 * SETTLE_MS
    assert take_back(held, rules, late_ms).owed == []
    held = claimed(held, claim(0, 5), 3, late_ms)
    assert [owed.audio for owed in take_back(held, rules, late_ms + 1).owed] == [(SeqRange(0, 0, 14),)]
    settle_ms = late_ms + SETTLE_MS
    assert take_back(held, rules, settle_ms - 1).look_ms == settle_ms
    assert [owed.audio for owed in take_back(held, rules, settle_ms).owed] == [(SeqRange(0, 0, 14),)]
    verdict = take_back(held, rules, settle_ms + 10 * SETTLE_MS)
    assert (verdict.owed, verdict.look_ms) == ([], MIDNIGHT + 90 * DAY_MS)


@pytest.mark.parametrize("closed", [False, True], ids=["call goes on", "closed again and again"])
@pytest.mark.parametrize("every_ms", [200, 1_000, 7_000])
def test_a_part_that_is_claimed_again_and_again_is_taken_back_once_every_settle_time(every_ms, closed):
    """A call that goes on after an opt-out claims every second; each claim names its training again."""
    rules, lasts_ms = [asked(Kind.OBJECTION), asked(Kind.DELETION)], 20 * SETTLE_MS
    held, taken = holding(claim(closed=closed), now_ms=T), []
    for now_ms in range(T, T + lasts_ms, every_ms):
        held = claimed(held, claim(closed=closed), 3, now_ms)
        if take_back(held, rules, now_ms).owed:
            taken.append(now_ms)
        assert all(part.gone for part in held.parts), "nothing of it is held at any time"
    waits = [later - before for before, later in itertools.pairwise(taken)]
    assert len(taken) > lasts_ms // SETTLE_MS - 5
    assert min(waits) >= SETTLE_MS > max(waits) - every_ms
    take_back(held, rules, T + lasts_ms + SETTLE_MS)
    assert held.settled


def test_what_is_not_to_go_any_more_is_not_looked_at_for_it():
    """A look at a time that is over would be due again at once, for ever."""
    held = holding(claim(), now_ms=T)
    take_back(held, [asked(Kind.WITHDRAWAL)], T)
    released = [asked(Kind.WITHDRAWAL, state=State.RELEASED)]
    verdict = take_back(held, released, T + 2 * SETTLE_MS)
    assert (verdict.owed, verdict.look_ms) == ([], MIDNIGHT + 90 * DAY_MS)


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)).map(lambda s: (s[0], s[0] + s[1])), min_size=1)


@given(SPANS, st.lists(st.booleans()))
def test_nothing_that_was_claimed_stays(spans, looked):
    held, gone, rules = None, set(), [asked(Kind.WITHDRAWAL)]
    for number, span in enumerate(spans):
        held = claimed(held, claim(*span), 3, T + number)
        if number < len(looked) and looked[number]:
            for owed in take_back(held, rules, T + number).owed:
                gone |= {seq for known in owed.audio for seq in range(known.first, known.last + 1)}
    for owed in take_back(held, rules, T + len(spans)).owed:
        gone |= {seq for known in owed.audio for seq in range(known.first, known.last + 1)}
    assert gone == {seq for first, last in spans for seq in range(first, last + 1)}
    assert all(part.gone for part in held.of(Purpose.TRAINING))


def test_what_workers_say_of_a_call_adds_up():
    held = claimed(None, claim(0, 4, subject="", closed=False), 3, T)
    held = claimed(held, claim(3, 9, subject="subject-1", region="in"), 3, T + 5)
    assert isinstance(held, Holding)
    assert (held.subject, held.region, held.closed, held.partition) == ("subject-1", "in", True, 3)
    assert {(part.purpose, part.audio, part.told) for part in held.of(Purpose.ANALYTICS, Purpose.TRAINING)} == {
        (Purpose.ANALYTICS, (SeqRange(0, 0, 9),), 2),
        (Purpose.TRAINING, (SeqRange(0, 0, 9),), 2),
    }
