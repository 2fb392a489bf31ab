"""What becomes of a request: taken once, to the same effect when it is taken again after a crash."""

import pytest

from deid_stream.errors import BrokerError
from deid_stream.policy.rights import State
from tests.unit.control.made import TOPICS, Plane


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
