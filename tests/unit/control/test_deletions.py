"""A deletion takes the calls that had begun; a whole customer's takes the customer's keys too, after all else."""

import pytest

from deid_stream.control.executor import HELD_EVERY_MS
from deid_stream.errors import BrokerError
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.kafka.record import OutRecord
from deid_stream.keys import KeyRing
from deid_stream.policy.rights import Customer, State
from tests.unit.control.made import TOPICS, Plane, T, claim, claims

RING = KeyRing(bytes(range(32)))


def keys_of(broker):
    numbers = iter(range(1, 250))
    return CustomerKeys(
        broker.connect(),
        TOPICS.keys,
        "read_committed",
        RING,
        random=lambda count: bytes([next(numbers)]) * count,
        now_ms=lambda: T,
    )


@pytest.fixture
async def plane():
    first = Plane()
    async with keys_of(first.broker) as keys:
        await keys.ensure("acme")
        await keys.ensure("other")
        made = Plane(first.stored, first.broker, keys)
        made.keys = keys
        made.register.claims(claims(claim("c1", closed=True), claim("x1", "other"), partition=1), T)
        yield made


def key_ids(plane, customer="acme"):
    return [key.id for key in plane.keys.table.record(customer).keys]


async def test_a_whole_customers_deletion_ends_its_keys_after_the_tombstones_and_says_so(plane):
    (before,) = key_ids(plane)
    await plane.ask("deletion")
    assert before in key_ids(plane), "until everything has been taken back"
    assert len(key_ids(plane)) == 2, "calls that come later have a key of their own"
    plane.broken = {TOPICS.training_audio}
    with pytest.raises(BrokerError):
        await plane.work(1)
    assert before in key_ids(plane)
    plane.broken = set()
    await plane.work()
    assert before not in key_ids(plane)
    assert len(key_ids(plane)) == 1
    assert plane.keys.table.destroyed("acme", before)
    assert len(key_ids(plane, "other")) == 1
    (receipt,) = [line for line in plane.audit() if line["reason"] == "deletion_done"]
    assert receipt["counts"]["keys_destroyed"] == 1


@pytest.mark.parametrize("crashed_at", [TOPICS.training_audio, TOPICS.audit])
async def test_who_comes_after_a_crash_destroys_them(plane, crashed_at):
    before = key_ids(plane)
    await plane.ask("deletion")
    plane.broken = {crashed_at}
    with pytest.raises(BrokerError):
        await plane.work(1)
    after = Plane(plane.stored, plane.broker, plane.keys)
    await after.work()
    assert after.register.status("r-deletion").state is State.DONE
    assert not set(before) & set(key_ids(plane))


@pytest.mark.parametrize(
    "fields",
    [
        {"call_id": "c1"},
        {"subject": "subject-1"},
        {"kind": "objection"},
        {"kind": "withdrawal"},
        {"kind": "restriction"},
        {"customer_id": "nobody"},
    ],
)
async def test_what_is_no_deletion_of_a_whole_customer_leaves_the_keys(plane, fields):
    before = key_ids(plane)
    await plane.ask(**{"kind": "deletion", **fields})
    await plane.work()
    assert key_ids(plane) == before


async def test_a_hold_keeps_the_keys_too(plane):
    (before,) = key_ids(plane)
    await plane.ask("hold", call_id="c1")
    await plane.ask("deletion")
    await plane.work()
    assert plane.register.status("r-deletion").state is State.HELD
    assert before in key_ids(plane)
    await plane.ask("release", target="r-hold")
    for _ in range(2):
        await plane.work()
        plane.now_ms += HELD_EVERY_MS
    assert before not in key_ids(plane)


@pytest.mark.parametrize("scope", [{}, {"call_id": "not-told-yet"}, {"subject": "subject-9"}], ids=str)
async def test_a_hold_keeps_the_keys_also_of_calls_that_the_index_does_not_know(plane, scope):
    await plane.keys.ensure("silent")
    (before,) = key_ids(plane, "silent")
    await plane.ask("hold", customer_id="silent", **scope)
    await plane.ask("hold", customer_id="other", request_id="r-anothers")
    await plane.ask("deletion", customer_id="silent")
    await plane.work()
    status = plane.register.status("r-deletion")
    assert (status.state, status.reason) == (State.HELD, "legal_hold")
    assert before in key_ids(plane, "silent")
    await plane.ask("release", customer_id="silent", target="r-hold")
    plane.now_ms += HELD_EVERY_MS
    await plane.work()
    assert plane.register.status("r-deletion").state is State.DONE
    assert before not in key_ids(plane, "silent")


async def test_a_policys_hold_keeps_the_keys_of_a_customer_without_calls(plane):
    await plane.keys.ensure("silent")
    (before,) = key_ids(plane, "silent")
    plane.register.customer(Customer(customer_id="silent", held=True))
    await plane.ask("deletion", customer_id="silent")
    await plane.work()
    assert plane.register.status("r-deletion").state is State.HELD
    assert before in key_ids(plane, "silent")


async def test_without_a_digest_key_a_customer_that_has_keys_is_not_half_deleted(plane):
    without = Plane(plane.stored, plane.broker)
    refused = await without.ask("deletion")
    assert (refused.state, refused.reason) == (State.REFUSED, "no_key")
    assert (await without.ask("deletion", request_id="r-2", call_id="c1")).state is State.RUNNING
    assert (await without.ask("deletion", request_id="r-3", customer_id="keyless")).state is State.RUNNING


async def test_a_deletion_whose_keys_can_no_longer_be_destroyed_waits_for_a_digest_key_and_says_so(plane):
    before = key_ids(plane)
    await plane.ask("deletion")
    without = Plane(plane.stored, plane.broker)
    await without.ask("deletion", request_id="r-call", customer_id="other", call_id="x1")
    await without.work()
    waiting = without.register.status("r-deletion")
    assert (waiting.state, waiting.reason, waiting.finished_ms) == (State.RUNNING, "no_key", 0)
    told = [line["reason"] for line in without.audit() if line["call_id"] == "r-deletion"]
    assert told == ["deletion_running"] * 2, "once when it was taken, once when it began to wait"
    assert without.register.status("r-call").state is State.DONE, "everything else goes on"
    await Plane(plane.stored, plane.broker, plane.keys).work()
    done = plane.stored.register().status("r-deletion")
    assert (done.state, done.reason) == (State.DONE, "")
    assert not set(before) & set(key_ids(plane))


async def test_a_deletion_notes_how_far_the_raw_topics_have_come(plane):
    for number, count in enumerate((2, 5)):
        for _ in range(count):
            plane.broker.append(OutRecord(TOPICS.events, b"c", b"{}", partition=number))
    whole = await plane.ask("deletion")
    assert whole.reached == {"events": (2, 5), "transcripts": (0, 0), "audio": (0, 0)}
    one = await plane.ask("deletion", request_id="r-2", call_id="c1")
    assert (one.reached, one.keys) == ({}, ())
