"""Privacy requests on the page: what everybody sees names nobody, and what the token shows is all of it."""

import msgspec
import pytest

from deid_stream.dashboard import requests as requests_module
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.requests import Requests
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.policy.rights import Status
from deid_stream.wire.output import encode_audit

NOW_MS = 1_764_000_000_000
NAMES = ("case-7", "acme", "call-9", "subject-77", "ann", "desk-4", "bob")
FULL = {
    "request_id": "case-7",
    "call_id": "call-9",
    "subject": "subject-77",
    "requested_by": "ann",
    "verified_by": "desk-4",
    "released_by": "bob",
}


def status(request_id, state="running", kind="deletion", **fields):
    given = {"request_id": request_id, "kind": kind, "customer_id": "acme", "state": state} | fields
    return msgspec.convert(given, Status)


def taken(*statuses):
    requests = Requests(b"secret")
    for one in statuses:
        requests.take(one.request_id, msgspec.json.encode(one))
    return requests


def test_what_everybody_sees_names_nobody():
    shown = msgspec.json.encode(taken(status(**FULL, asked_ms=1, calls=3, records=70)).shown(NOW_MS)).decode()
    assert '"records":70' in shown
    assert [name for name in NAMES if name in shown] == []


def test_with_the_token_every_name_is_there():
    requests = taken(status(**FULL))
    names = requests.details(requests.reference("case-7"), NOW_MS, policy_hold=False, history=())["names"]
    assert names == FULL | {"customer_id": "acme"}
    assert set(names.values()) == set(NAMES)


@pytest.mark.parametrize(
    ("state", "kind", "due_ms", "totals"),
    [
        ("running", "deletion", NOW_MS + 1, {"open": 1}),
        ("running", "deletion", NOW_MS - 1, {"open": 1, "overdue": 1}),
        ("held", "deletion", NOW_MS - 1, {"open": 1, "overdue": 1, "held": 1}),
        ("granted", "access", NOW_MS - 1, {"open": 1, "overdue": 1}),
        ("in_force", "hold", NOW_MS - 1, {"holds": 1}),
        ("in_force", "restriction", NOW_MS - 1, {}),
        ("done", "deletion", NOW_MS - 1, {}),
        ("refused", "access", NOW_MS - 1, {}),
        ("released", "hold", NOW_MS - 1, {}),
    ],
)
def test_what_counts_as_open_late_and_held(state, kind, due_ms, totals):
    requests = taken(status("r", state, kind, due_ms=due_ms))
    assert requests.totals(NOW_MS) == {"open": 0, "overdue": 0, "held": 0, "holds": 0} | totals
    (row,) = requests.shown(NOW_MS)["requests"]
    assert row["overdue"] == ("overdue" in totals)
    assert bool(row["due_ms"]) == ("open" in totals)


def test_the_nearest_deadline_comes_first_and_what_has_ended_last():
    requests = taken(
        status("ended", "done", finished_ms=5),
        status("ended later", "refused", finished_ms=9),
        status("lasting", "in_force", "hold", due_ms=1),
        status("late", due_ms=20),
        status("later", due_ms=30),
    )
    order = [requests.reference(name) for name in ("late", "later", "lasting", "ended later", "ended")]
    assert [row["reference"] for row in requests.shown(NOW_MS)["requests"]] == order


def test_a_request_is_shown_where_it_stands_last_and_a_tombstone_ends_it():
    requests = taken(status("r"), status("r", "held", reason="legal_hold"), status("r", "done"))
    assert [row["state"] for row in requests.shown(NOW_MS)["requests"]] == ["done"]
    assert requests.totals(NOW_MS)["open"] == 0
    requests.take("r", None)
    assert requests.shown(NOW_MS)["requests"] == []
    assert requests.status(requests.reference("r")) is None


def test_of_those_that_have_ended_the_newest_are_kept_and_of_the_others_all(monkeypatch):
    monkeypatch.setattr(requests_module, "MAX_ENDED", 2)
    ended = [status(f"e{n}", "done") for n in range(5)]
    requests = taken(*[status(f"o{n}") for n in range(5)], *ended)
    assert requests.totals(NOW_MS)["open"] == 5
    assert [requests.status(requests.reference(f"e{n}")) is not None for n in range(5)] == [False] * 3 + [True] * 2


def test_an_answer_has_so_many_rows_and_says_how_many_there_are(monkeypatch):
    monkeypatch.setattr(requests_module, "MAX_SHOWN", 2)
    shown = taken(*[status(f"o{n}") for n in range(5)]).shown(NOW_MS)
    assert (len(shown["requests"]), shown["known"]) == (2, 5)


def test_a_reference_means_nothing_to_another_process():
    assert Requests().reference("case-7") != Requests().reference("case-7")


@pytest.mark.parametrize(
    ("hold", "asked", "listed"),
    [
        ({}, {}, True),
        ({}, {"call_id": "c1"}, True),
        ({"call_id": "c1"}, {"call_id": "c1"}, True),
        ({"call_id": "c1"}, {"call_id": "c2"}, False),
        ({"subject": "subject-1"}, {"call_id": "c1"}, True),
        ({"subject": "subject-1"}, {"subject": "subject-2"}, False),
        ({"customer_id": "other"}, {}, False),
        ({"customer_id": "customer-old", "also": ["customer-new"]}, {"customer_id": "customer-new"}, True),
        ({"customer_id": "customer-old"}, {"customer_id": "customer-new", "also": ["customer-old"]}, True),
        ({"call_id": "call-old", "also": ["call-new"]}, {"call_id": "call-new"}, True),
        ({"call_id": "call-old", "also": ["customer-new"]}, {"call_id": "call-new"}, False),
        ({"subject": "subject-old", "also": ["subject-new"]}, {"subject": "subject-new"}, True),
        ({"state": "released"}, {}, False),
        ({"kind": "restriction"}, {}, False),
    ],
)
def test_holds_that_may_keep_it_waiting_with_who_and_when(hold, asked, listed):
    held = {"state": "in_force", "kind": "hold", "requested_by": "ann", "asked_ms": 7} | hold
    requests = taken(status("h", **held), status("r", "held", **asked))
    found = requests.details(requests.reference("r"), NOW_MS, policy_hold=False, history=())
    assert found["holds"] == ([{"request_id": "h", "requested_by": "ann", "asked_ms": 7}] if listed else [])


class TestOnTheBoard:
    def line(self, board, action, reason, call_id="c1", customer_id="acme"):
        entry = AuditEntry(call_id=call_id, customer_id=customer_id, action=action, reason=reason, time_ms=1)
        record = encode_audit(entry, policy_version="1")
        board.take("audit", record.key, record.value, 0)

    def test_its_receipts_stand_with_it_and_not_with_the_call(self):
        board = Board()
        for action, reason in (
            (AuditAction.REQUESTED, "deletion_running"),
            (AuditAction.REQUESTED, "hold_in_force"),
            (AuditAction.ACCESSED, "privacy_request"),
            (AuditAction.ACCESSED, "dashboard"),
            (AuditAction.DELETED, "deletion"),
        ):
            self.line(board, action, reason)
        self.line(board, AuditAction.REQUESTED, "deletion_done", customer_id="another")
        one = status("r", call_id="c1")
        board.take("request_status", b"r", msgspec.json.encode(one), 0)
        found = board.request(board.requests.reference("r"), NOW_MS)
        assert [line["reason"] for line in found["history"]] == ["deletion_running", "privacy_request"]
        assert [line["reason"] for line in board.audit("c1")] == ["dashboard", "deletion"]

    @pytest.mark.parametrize("held", [True, False])
    def test_a_policys_own_hold_is_said(self, held):
        board = Board()
        policy = {"customer_id": "acme", "version": 1, "legal_hold": held}
        board.take("policies", b"acme", msgspec.json.encode(policy), 0)
        board.take("request_status", b"r", msgspec.json.encode(status("r", "held")), 0)
        assert board.request(board.requests.reference("r"), NOW_MS)["policy_hold"] is held
        assert board.overview(NOW_MS)["requests"]["held"] == 1

    def test_none_is_said_to_be_none(self):
        with pytest.raises(KeyError):
            Board().request("elsewhere", NOW_MS)
