"""What ``rights`` says of a request that may name nobody, and where it shows none."""

import pytest

from deid_stream.commands.answering import answer, line, nothing_to_show, policy_stays
from deid_stream.model.requests import Kind, Request
from deid_stream.policy.rights import State, Status


def status(kind=Kind.HOLD, state=State.IN_FORCE, **fields):
    return Status(**{"request_id": "r-1", "kind": kind, "customer_id": "acne", "state": state} | fields)


def request(kind=Kind.HOLD, **fields):
    return Request(**{"request_id": "r-1", "kind": kind, "customer_id": "acne", "requested_by": "dpo"} | fields)


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        pytest.param(
            Kind.HOLD,
            {"unknown": "customer", "near": ("acme",)},
            [
                "customer acne (none of its calls has been published, and it has no policy): is acme meant?",
                "in force all the same",
                "release r-1",
            ],
            id="a hold on a slip of the pen",
        ),
        pytest.param(
            Kind.WITHDRAWAL, {"unknown": "customer"}, ["check the name", "policy set"], id="a policy was written for it"
        ),
        pytest.param(
            Kind.WITHDRAWAL,
            {"unknown": "call", "call_id": "c-1"},
            ["nothing is known of call c-1 (no record of the call has been published)"],
            id="a call",
        ),
        pytest.param(
            Kind.DELETION,
            {"unknown": "subject", "subject": "subject-1"},
            [
                "nothing is known of this person (no published call names the person): give the id or the telephone",
                "with the country's code (+44 7700 900123) where they write it",
                "nothing was there to delete",
            ],
            id="a person is not named",
        ),
        pytest.param(
            Kind.DELETION, {"unknown": "call", "call_id": "c-1"}, ["if that call still comes"], id="a call to come"
        ),
        pytest.param(Kind.ACCESS, {"unknown": "customer"}, ["the export holds no call"], id="an export"),
    ],
)
def test_a_name_that_nobody_knows_is_said_and_is_no_failure(kind, fields, says, capsys):
    asked = {name: fields[name] for name in ("call_id",) if name in fields}
    assert answer(request(kind, **asked), status(kind, **fields), 1.0, as_json=False) == 0
    told = capsys.readouterr().err
    for said in says:
        assert said in told
    assert "release" not in told or kind not in (Kind.DELETION, Kind.ACCESS)


def test_a_deletion_that_a_hold_keeps_waiting_is_not_told_as_done(capsys):
    waiting = status(Kind.DELETION, State.HELD, reason="legal_hold", unknown="call", call_id="c-1")
    assert answer(request(Kind.DELETION, call_id="c-1"), waiting, 1.0, as_json=False) == 0
    told = capsys.readouterr().err
    assert "nothing is known of call c-1" in told
    assert "once the hold ends" in told
    assert "nothing was there to delete" not in told


def test_of_what_is_known_nothing_is_said(capsys):
    assert answer(request(), status(), 1.0, as_json=False) == 0
    assert capsys.readouterr().err == ""
    assert line(status(unknown="customer")).endswith("customer unknown when asked")
    assert "unknown" not in line(status())


@pytest.mark.parametrize(
    ("released", "says"),
    [
        pytest.param(status(Kind.RESTRICTION, State.RELEASED), "no training and no analytics", id="restriction"),
        pytest.param(status(Kind.OBJECTION, State.RELEASED), "no training and no analytics", id="objection"),
        pytest.param(status(Kind.WITHDRAWAL, State.RELEASED), "no training;", id="withdrawal"),
        pytest.param(status(Kind.HOLD, State.RELEASED), "", id="a hold writes no policy"),
        pytest.param(status(Kind.OBJECTION, State.RELEASED, call_id="c-1"), "", id="nor does one about a call"),
        pytest.param(status(Kind.OBJECTION, State.RELEASED, subject="subject-1"), "", id="nor one about a person"),
    ],
)
def test_that_the_policy_stays_after_a_release_is_said(released, says, capsys):
    policy_stays(released)
    told = capsys.readouterr().err
    assert says in told
    assert bool(says) == ("the policy that r-1 wrote still stands" in told)


def test_what_is_open_and_cannot_be_released_is_not_told_as_ended(capsys):
    refused = status(Kind.RELEASE, State.REFUSED, reason="target_not_open", target="a-1")
    assert answer(request(Kind.RELEASE, target="a-1"), refused, 1.0, as_json=False) == 1
    told = capsys.readouterr().err
    assert "only a hold, restriction, objection or withdrawal that is in force can be released" in told
    assert "has ended already" not in told


HIDDEN = status(customer_id="customer-1f2e")


@pytest.mark.parametrize(
    ("found", "customer", "hidden", "says"),
    [
        pytest.param([], None, False, "nobody has asked for anything yet", id="no request at all"),
        pytest.param([], "acme", False, "nobody has asked for anything yet", id="nor of a customer"),
        pytest.param([status()], None, False, "no request is open or in force", id="all are over"),
        pytest.param([status()], "acne", False, "no request is open or in force", id="all of the customer's"),
        pytest.param([status()], "acme", False, "is acne meant?", id="a slip of the pen"),
        pytest.param([status()], "zzz", False, "no request of customer zzz is known", id="like no other"),
        pytest.param([HIDDEN], "acme", False, "--hash-ids", id="a customer's own id, where ids are hidden"),
        pytest.param([HIDDEN], "customer-00", False, "is known", id="a pseudonym of nobody"),
        pytest.param([HIDDEN], "acme", True, "no request of customer acme is known", id="with the key"),
    ],
)
def test_why_no_request_is_shown(found, customer, hidden, says):
    said = nothing_to_show(found, customer, [customer] if customer else [], hidden=hidden)
    assert says in said
    assert "--hash-ids" not in said or says == "--hash-ids"
