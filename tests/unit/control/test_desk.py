"""What becomes of a request: taken once, to the same effect when it is taken again after a crash."""

import pytest

from deid_stream.control.policies import Policies
from deid_stream.control.requests import Names
from deid_stream.errors import BrokerError
from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.requests import Kind
from deid_stream.policy.rights import State
from tests.unit.control.made import TOPICS, Plane, Stored, T, asked, claim, claims


@pytest.fixture
def plane():
    return Plane()


@pytest.mark.parametrize(
    ("first", "ending", "ended"),
    [
        ("hold", "release", State.RELEASED),
        ("withdrawal", "release", State.RELEASED),
        ("access", "fulfilled", State.DONE),
    ],
)
@pytest.mark.parametrize("receipts", [0, 1], ids=["before any receipt", "between the two receipts"])
async def test_what_ends_another_request_is_done_again_after_a_crash(plane, first, ending, ended, receipts):
    await plane.ask(first, call_id="c1")
    plane.allowed = {TOPICS.audit: receipts}
    with pytest.raises(BrokerError):
        await plane.ask(ending, target=f"r-{first}", requested_by="legal-2")
    after = Plane(plane.stored, plane.broker)
    done = await after.ask(ending, target=f"r-{first}", requested_by="legal-2")
    target = after.register.status(f"r-{first}")
    assert (done.state, done.reason) == (State.DONE, "")
    assert (target.state, target.released_by, target.ended_by) == (ended, "legal-2", f"r-{ending}")
    assert after.said().count(("requested", f"{first}_{ended}")) == 1


async def test_a_release_is_not_kept_without_what_it_releases(plane):
    """What has not been flushed may be lost in one partition of the table's topic and kept in another."""
    await plane.ask("hold", call_id="c1")
    before = set(plane.stored.requests)
    await plane.ask("release", target="r-hold", requested_by="legal-2")
    left = Stored()
    new = {key: status for key, status in plane.stored.requests.items() if key not in before}
    assert len(new) == 1
    left.requests = plane.kept.requests | new
    after = Plane(left, plane.broker)
    await after.ask("release", target="r-hold", requested_by="legal-2")
    assert after.register.status("r-hold").state is State.RELEASED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target": "r-hold", "request_id": "second"}, "target_not_open"),
        ({"target": "nobody's", "request_id": "second"}, "unknown_target"),
        ({"target": "r-hold", "request_id": "second", "customer_id": "other"}, "unknown_target"),
    ],
)
async def test_what_is_over_or_anothers_cannot_be_ended(plane, fields, reason):
    await plane.ask("hold", call_id="c1")
    await plane.ask("release", target="r-hold")
    refused = await plane.ask("release", **fields)
    assert (refused.state, refused.reason) == (State.REFUSED, reason)


OLD, NEW = bytes(32), bytes(range(32))
BEFORE, AFTER = IdPseudonyms(KeyRing(OLD)), IdPseudonyms(KeyRing(NEW, [OLD]))


def published_under(ids, plane):
    name, subject = ids.customer("acme"), ids.subject("acme", "+44 7700 900123")
    plane.register.claims(claims(claim(ids.call("c1"), name, subject=subject)), T)


@pytest.mark.parametrize("scope", [{}, {"call_id": "c1"}, {"subject": "0044 7700 900 123"}])
@pytest.mark.parametrize("ids", [BEFORE, AFTER], ids=["published before the rotation", "after it"])
async def test_a_request_finds_what_was_published_under_any_key(plane, ids, scope):
    published_under(ids, plane)
    status = await plane.ask("deletion", plane.desk(Names(AFTER, hidden=True)), **scope)
    assert [rule.request_id for call in plane.register.holdings() for rule in plane.register.rules(call)]
    assert [call.call_id for call in plane.register.calls_of(status)] == [ids.call("c1")]
    await plane.work()
    assert all(call.gone for call in plane.register.holdings())
    again = await plane.ask("deletion", plane.desk(Names(AFTER, hidden=True)), **scope)
    assert (again.state, again.request_id) == (State.DONE, "r-deletion")


async def test_what_was_asked_before_a_rotation_is_also_about_what_comes_after_it(plane):
    scope = {"subject": "+44 7700 900123"}
    await plane.ask("withdrawal", plane.desk(Names(BEFORE, hidden=True)), **scope)
    after = Plane(plane.stored, plane.broker)
    desk = after.desk(Names(AFTER, hidden=True))
    desk.renamed(plane.message("withdrawal", **scope))
    desk.renamed(plane.message("withdrawal", request_id="never-taken", **scope))
    published_under(AFTER, after)
    await after.work()
    assert [part.purpose for call in after.register.holdings() for part in call.parts if part.gone] == ["training"]
    assert after.register.status("never-taken") is None


@pytest.mark.parametrize(
    ("first", "ending", "ended"), [("hold", "release", State.RELEASED), ("access", "fulfilled", State.DONE)]
)
@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_what_was_asked_before_a_rotation_can_be_ended_after_it(plane, first, ending, ended, restarted):
    await plane.ask(first, plane.desk(Names(BEFORE, hidden=True)), call_id="c1")
    after = Plane(plane.stored, plane.broker)
    desk = after.desk(Names(AFTER, hidden=True))
    if restarted:
        desk.renamed(plane.message(first, call_id="c1"))
    anothers = await after.ask(ending, desk, target=f"r-{first}", request_id="another's", customer_id="other")
    assert anothers.reason == "unknown_target"
    own = await after.ask(ending, desk, target=f"r-{first}")
    assert (own.state, own.reason) == (State.DONE, "")
    assert after.register.status(f"r-{first}").state is ended


async def test_a_name_by_a_key_that_left_the_ring_stays_a_requests_name(plane):
    """Asked under the second key, with the first one retired; then the second is retired, and the first is gone."""
    scope = {"call_id": "c1"}
    await plane.ask("hold", plane.desk(Names(AFTER, hidden=True)), **scope)
    third = IdPseudonyms(KeyRing(bytes(range(1, 33)), [NEW]))
    after = Plane(plane.stored, plane.broker)
    after.desk(Names(third, hidden=True)).renamed(plane.message("hold", **scope))
    for ids in (BEFORE, AFTER, third):
        published_under(ids, after)
    calls = after.register.calls_of(after.register.status("r-hold"))
    assert sorted(call.call_id for call in calls) == sorted(ids.call("c1") for ids in (BEFORE, AFTER, third))


def test_an_opt_out_is_about_calls_of_before_the_rotation_too(plane):
    policies = Policies(plane.broker.connect(), TOPICS.policies, "", AFTER)
    out = b'{"customer_id": "acme", "version": 2, "training_opt_out": true}'
    names = policies.apply(0, 7, T, b"acme", out)
    assert set(names) == {BEFORE.customer("acme"), AFTER.customer("acme")}
    published_under(BEFORE, plane)
    for name in names:
        plane.register.customer(policies.customer(name, None))
    (call,) = plane.register.holdings()
    assert [owed.reason for owed in plane.register.verdict(call.key, T)[1].owed] == ["opt_out"]


def test_rules_of_old_names_end_with_the_request(plane):
    status = asked(Kind.HOLD, customer_id=AFTER.customer("acme"), also=(BEFORE.customer("acme"),))
    published_under(BEFORE, plane)
    (call,) = plane.register.holdings()
    plane.register.request(status)
    assert plane.register.rules(call)
    plane.register.request(asked(Kind.HOLD, state=State.RELEASED, customer_id=status.customer_id, also=status.also))
    assert not plane.register.rules(call)


@pytest.mark.parametrize("kind", ["hold", "deletion", "access", "withdrawal", "objection", "restriction"])
@pytest.mark.parametrize(
    ("scope", "unknown", "near"),
    [
        ({}, "", ()),
        ({"customer_id": "acne"}, "customer", ("acme",)),
        ({"call_id": "c11"}, "call", ("c1",)),
    ],
)
async def test_nothing_known_is_said_and_nothing_is_refused(plane, kind, scope, unknown, near):
    """A hold may come before the first call, so a name that nobody knows may be right."""
    plane.register.claims(claims(claim("c1")), T)
    status = await plane.ask(kind, **scope)
    await plane.work()
    ended = plane.register.status(status.request_id)
    assert (ended.unknown, ended.near) == (unknown, near)
    assert ended.state is not State.REFUSED


async def test_pseudonyms_are_no_nearest_names(plane):
    published_under(AFTER, plane)
    hidden = await plane.ask("hold", plane.desk(Names(AFTER, hidden=True)), customer_id="acne")
    assert (hidden.unknown, hidden.near) == ("customer", ())
    assert (await plane.ask("withdrawal", plane.desk(Names(AFTER, hidden=True)))).unknown == ""
