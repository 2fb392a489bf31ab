"""What the control plane knows, and which calls it looks at when something changes."""

import pytest

from deid_stream.model.requests import Kind
from deid_stream.policy.holdings import SETTLE_MS, Purpose, call_key
from deid_stream.policy.permit import Position
from deid_stream.policy.rights import Customer, State
from tests.unit.control.made import Stored, T, asked, claim, claims

HOUR = 3_600_000
SUBJECT = "subject-1"
C1 = call_key("acme", "c1")


def known():
    """Two calls of one customer and one of another; all have been looked at."""
    register = Stored().register()
    register.claims(claims(claim("c1", subject=SUBJECT), claim("c2"), claim("x1", "other")), T)
    register.queue.take(99, T)
    return register


def looked_at(register, now_ms=T):
    return {key.split()[0] for key in register.queue.take(99, now_ms)}


def test_a_claim_is_kept_and_its_call_is_looked_at():
    register = Stored().register()
    register.claims(claims(claim("c1"), partition=3), T)
    assert [(call.call_id, call.partition) for call in register.holdings()] == [("c1", 3)]
    assert looked_at(register) == {"c1"}
    assert len(register) == 1


def test_a_call_is_counted_when_it_closes_and_once_however_often_it_is_told():
    stored = Stored()
    windows = stored.counts()
    register = stored.register(windows)
    for closed, calls in ((False, 0), (True, 1), (True, 1)):
        register.claims(claims(claim("c1", closed=closed)), T + 60_000)
        assert counts(windows) == {"acme": calls} if calls else not counts(windows)


def test_what_was_counted_is_known_after_a_restart_until_its_window_has_been_published():
    stored = Stored()
    register = stored.register()
    register.claims(claims(claim("c1", closed=True), claim("c2", closed=True), claim("c3")), T + 60_000)
    register.claims(claims(claim("late", closed=True)), T + 2 * HOUR)
    (counted,) = {call.window_ms for call in register.holdings() if call.call_id in ("c1", "c2")}
    again = stored.counts()
    assert all(call.counted is None or register.counts(call) for call in stored.register(again).holdings())
    assert counts(again) == {"acme": 3}
    again.published(counted)
    assert counts(again) == {"acme": 1}, "the late one has a window of its own"
    anew = stored.counts()
    register = stored.register(anew)
    held = {call.call_id for call in register.holdings() if register.counts(call)}
    assert (counts(anew), held) == ({"acme": 1}, {"late"})


def counts(windows):
    """Calls by customer, in all windows that have not been published."""
    found = {}
    for tallies in windows.over(T + 99 * HOUR).values():
        for name, tally in tallies.items():
            found[name] = found.get(name, 0) + tally.calls
    return found


@pytest.mark.parametrize("published", [False, True])
def test_a_call_of_which_all_was_taken_back_keeps_what_it_counts_until_that_has_been_published(published):
    stored = Stored()
    windows = stored.counts()
    register = stored.register(windows)
    register.claims(claims(claim("c1", closed=True)), T + 60_000)
    if published:
        windows.published(next(iter(register.holdings())).window_ms)
    register.request(asked(Kind.DELETION))
    register.taken_back(*owed(register, C1, T + 60_000), T + 60_000, {})
    (left,) = register.holdings()
    assert left.gone
    assert (left.counted is None) is published
    assert register.counts(left) is not published


def owed(register, key, now_ms):
    holding, verdict = register.verdict(key, now_ms)
    return holding, verdict.owed


def test_two_customers_calls_of_one_id_are_two():
    """The first one may be long over when another customer's producer uses its id again."""
    register = known()
    register.claims(claims(claim("c1", "rival", last=900, closed=True)), T)
    assert {call.customer_id: call.closed for call in named(register, "c1")} == {"acme": False, "rival": True}
    assert looked_at(register) == {"c1"}
    sizes = {call.customer_id: max(part.records for part in call.parts) for call in named(register, "c1")}
    assert sizes == {"acme": 10, "rival": 1_802}
    register.customer(Customer(customer_id="rival", opted_out=Position(0, 9)))
    owing = {call.customer_id for call in register.holdings() if register.verdict(call.key, T)[1].owed}
    assert owing == {"rival"}
    register.request(asked(Kind.DELETION, call_id="c1", customer_id="rival"))
    register.forget(call_key("rival", "c1"))
    assert [call.customer_id for call in named(register, "c1")] == ["acme"]


def named(register, call_id):
    return [call for call in register.holdings() if call.call_id == call_id]


@pytest.mark.parametrize(
    ("customer", "out", "looks"),
    [
        pytest.param(Customer(customer_id="acme", opted_out=Position(0, 9)), True, {"c1", "c2"}, id="opt-out"),
        pytest.param(Customer(customer_id="acme", version="2"), False, {"c1", "c2"}, id="another policy"),
        pytest.param(Customer(customer_id="nobody", opted_out=Position(0, 9)), True, set(), id="without calls"),
    ],
)
def test_all_calls_of_a_customer_are_looked_at_when_its_policy_changes(customer, out, looks):
    register = known()
    assert register.customer(customer) is out
    assert looked_at(register) == looks
    assert register.customer(customer) is False, "what is known already changes nothing"
    assert looked_at(register) == set()


def test_a_second_opt_out_is_one_and_a_policy_that_leaves_the_opt_out_is_none():
    register = known()
    register.customer(Customer(customer_id="acme", opted_out=Position(0, 9)))
    assert not register.customer(Customer(customer_id="acme", opted_out=Position(0, 9), version="3"))
    assert register.customer(Customer(customer_id="acme", opted_out=Position(0, 12), version="4"))


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, {"c1", "c2"}),
        ({"call_id": "c1"}, {"c1"}),
        ({"subject": SUBJECT}, {"c1"}),
        ({"call_id": "x1"}, set()),
        ({"call_id": "c2", "subject": SUBJECT}, set()),
        ({"customer_id": "nobody"}, set()),
    ],
)
def test_a_request_has_its_calls_looked_at_when_it_comes_and_when_it_stands_elsewhere(scope, covered):
    register = known()
    running = asked(Kind.DELETION, **scope)
    register.request(running)
    assert looked_at(register) == {call.call_id for call in register.calls_of(running)} == covered
    register.request(asked(Kind.DELETION, records=7, **scope))
    assert looked_at(register) == set(), "numbers alone change nothing"
    register.request(asked(Kind.DELETION, state=State.HELD, **scope))
    assert looked_at(register) == covered


@pytest.mark.parametrize(
    ("scope", "has_a_say"),
    [
        ({}, {"c1", "c2"}),
        ({"call_id": "c1"}, {"c1"}),
        ({"subject": SUBJECT}, {"c1"}),
        ({"customer_id": "other"}, {"x1"}),
        ({"customer_id": "other", "subject": SUBJECT}, set()),
    ],
)
def test_a_rule_is_found_for_its_calls_and_no_longer_once_it_is_released(scope, has_a_say):
    register = known()
    register.request(asked(Kind.HOLD, **scope))
    assert {call.call_id for call in register.holdings() if register.rules(call)} == has_a_say
    register.request(asked(Kind.HOLD, state=State.RELEASED, **scope))
    assert not any(register.rules(call) for call in register.holdings())


@pytest.mark.parametrize(
    ("kind", "state", "is_open"),
    [
        (Kind.DELETION, State.RUNNING, True),
        (Kind.DELETION, State.HELD, True),
        (Kind.ACCESS, State.GRANTED, True),
        (Kind.DELETION, State.DONE, False),
        (Kind.ACCESS, State.REFUSED, False),
        (Kind.WITHDRAWAL, State.IN_FORCE, False),
    ],
)
def test_a_request_is_open_while_somebody_has_to_do_something_after_a_restart_too(kind, state, is_open):
    stored = Stored()
    running = stored.register()
    running.request(asked(kind, state=state))
    for register in (running, stored.register()):
        assert [status.kind for status in register.open_requests()] == ([kind] if is_open else [])


def test_a_restart_looks_at_every_call_once_and_knows_the_rules():
    stored = Stored()
    before = stored.register()
    before.claims(claims(claim("c1"), claim("x1", "other")), T)
    before.request(asked(Kind.DELETION))
    after = stored.register()
    assert looked_at(after) == {"c1", "x1"}
    assert after.verdict(C1, T)[1].owed
    assert not after.verdict(call_key("other", "x1"), T)[1].owed
    assert after.verdict("nobody", T) is None


def test_what_another_version_wrote_is_passed_over_and_the_rest_is_read():
    stored = Stored()
    stored.register().claims(claims(claim("c1")), T)
    stored.calls[b"c0"] = b'{"of": "another version"}'
    stored.requests[b"r"] = b"\xff"
    register = stored.register()
    assert [call.call_id for call in register.holdings()] == ["c1"]
    assert register.open_requests() == []


def test_what_was_taken_back_is_done_and_made_sure_of_once_more():
    register = known()
    register.request(asked(Kind.WITHDRAWAL, call_id="c1"))
    holding, verdict = register.verdict(C1, T)
    assert {owed.part.purpose for owed in verdict.owed} == {Purpose.TRAINING}
    register.taken_back(holding, verdict.owed, T, {})
    assert register.verdict(C1, T)[1].owed == []
    register.queue.take(99, T)
    assert looked_at(register, T + SETTLE_MS - 1) == set()
    assert looked_at(register, T + SETTLE_MS) == {"c1"}
    holding, verdict = register.verdict(C1, T + SETTLE_MS)
    assert len(verdict.owed) == 1
    register.taken_back(holding, verdict.owed, T + SETTLE_MS, {})
    assert register.verdict(C1, T + 9 * SETTLE_MS)[1].owed == []


def test_a_claim_that_came_while_the_tombstones_were_on_their_way_is_still_to_be_done():
    register = known()
    register.request(asked(Kind.WITHDRAWAL, call_id="c1"))
    holding, verdict = register.verdict(C1, T)
    register.claims(claims(claim("c1", last=6)), T + 10)
    register.taken_back(holding, verdict.owed, T + 20, {})
    _, more = register.verdict(C1, T + 30)
    assert [(owed.transcripts[0].first, owed.transcripts[0].last) for owed in more.owed] == [(5, 6)]


def test_what_is_forgotten_is_in_no_table_and_not_looked_at_again():
    stored = Stored()
    register = stored.register()
    register.claims(claims(claim("c1")), T)
    looked_at(register)
    register.forget(C1)
    register.forget("never there")
    assert stored.calls == {}
    register.customer(Customer(customer_id="acme", opted_out=Position(0, 9)))
    assert looked_at(register) == set()


@pytest.mark.parametrize(
    ("scope", "unknown"),
    [
        pytest.param({}, ("", []), id="a customer with calls"),
        pytest.param({"call_id": "c1"}, ("", []), id="a call of it"),
        pytest.param({"subject": SUBJECT}, ("", []), id="a person on one of its calls"),
        pytest.param({"customer_id": "quiet"}, ("", []), id="a customer with a policy alone"),
        pytest.param({"customer_id": "acne"}, ("customer", ["acme"]), id="a slip of the pen"),
        pytest.param({"customer_id": "zzz"}, ("customer", []), id="like no other"),
        pytest.param({"customer_id": "acne", "call_id": "c1"}, ("customer", ["acme"]), id="the call is another's"),
        pytest.param({"call_id": "x1"}, ("call", []), id="another customer's call"),
        pytest.param({"call_id": "c11"}, ("call", ["c1"]), id="a call nobody has seen"),
        pytest.param({"subject": "subject-9"}, ("subject", []), id="a person on none of its calls"),
        pytest.param({"customer_id": "new", "also": ("acme",)}, ("customer", []), id="a name of another kind"),
        pytest.param({"customer_id": "x", "also": ("customer-old",)}, ("", []), id="known by an older pseudonym"),
    ],
)
def test_what_nothing_is_known_of(scope, unknown):
    register = known()
    register.claims(claims(claim("c9", "customer-old")), T)
    register.customer(Customer(customer_id="quiet", version="1"))
    for kind in (Kind.HOLD, Kind.DELETION):
        assert register.unknown(asked(kind, **scope)) == unknown
