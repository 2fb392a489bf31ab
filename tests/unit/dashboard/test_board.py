"""What the dashboard makes of the records that it reads."""

import msgspec
import pytest

from deid_stream.dashboard import board as board_module
from deid_stream.dashboard.board import ALIVE_MS, GONE_MS, Board
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.keys.ring import KeyRing
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.status import Beat
from deid_stream.policy import PolicyTable
from deid_stream.wire.output import DeadLetter, encode_audit, encode_dead_letter, encode_summary

NOW_MS = 1_764_000_000_000


@pytest.fixture
def board():
    return Board()


def beat(board, worker_id, time_ms=NOW_MS, *, ready=True, **counts):
    metrics = Metrics()
    made = Beat(metrics, worker_id, "1", time_ms - 10_000)
    metrics.lag_records.set(counts.get("lag", 0), "audio", counts.get("partition", "0"))
    metrics.records_in.inc("calls.audio", counts.get("records", 0))
    for reason, count in counts.get("withheld", {}).items():
        metrics.withheld.inc(reason, count)
    for delay_ms in counts.get("delays_ms", ()):
        metrics.audio_delay_ms.observe(delay_ms)
    board.take("status", worker_id.encode(), msgspec.json.encode(made.beat(time_ms, ready=ready)), 0)


def summary(call_id, customer_id="acme", time_ms=NOW_MS):
    made = CallSummary(
        call_id=call_id,
        customer_id=customer_id,
        time_ms=time_ms,
        duration_ms=5_000,
        channels=2,
        segments=3,
        audio_chunks=50,
        redactions={"PERSON": 1},
        redacted_audio_ms={"PERSON": 400},
    )
    return encode_summary(made, policy_version="3", pipeline_version="1")


class TestOverview:
    def test_nobody_is_there_yet(self, board):
        now = board.overview(NOW_MS)
        assert (now["totals"]["workers"], now["totals"]["ready"], now["lag"], now["workers"]) == (0, 0, {}, [])
        assert now["totals"]["audio_delay_ms"] == {"p50": None, "p99": None}

    def test_workers_add_up_and_the_slowest_is_shown(self, board):
        beat(board, "a", records=100, lag=5, partition="0", withheld={"detector": 2}, delays_ms=[1_500] * 10)
        beat(board, "b", records=300, lag=7, partition="10", withheld={"detector": 1}, delays_ms=[12_000] * 10)
        now = board.overview(NOW_MS)
        assert (now["totals"]["workers"], now["totals"]["in_per_s"]) == (2, 40)
        assert now["lag"] == {"0": {"audio": 5}, "10": {"audio": 7}}
        assert now["withheld"] == {"detector": 3}
        assert 10_000 < now["totals"]["audio_delay_ms"]["p50"] <= 15_000

    def test_one_that_is_silent_counts_no_more_and_is_forgotten_later(self, board):
        beat(board, "a", lag=5)
        silent = board.overview(NOW_MS + ALIVE_MS + 1)
        assert (silent["totals"]["workers"], silent["lag"]) == (0, {})
        assert [(w["worker_id"], w["alive"]) for w in silent["workers"]] == [("a", False)]
        assert board.overview(NOW_MS + GONE_MS + 1)["workers"] == []

    def test_one_that_says_goodbye_is_gone_at_once(self, board):
        beat(board, "a")
        board.take("status", b"a", None, 0)
        assert board.overview(NOW_MS)["workers"] == []


class TestCalls:
    def test_the_newest_first_each_once_with_its_partition(self, board):
        for call_id, partition in (("c1", 0), ("c2", 3), ("c1", 0)):
            record = summary(call_id)
            board.take("calls", record.key, record.value, partition)
        assert [call["call_id"] for call in board.calls()] == ["c1", "c2"]
        assert board.call("c2").partition == 3
        assert board.call("elsewhere") is None

    def test_one_that_was_taken_back_is_gone(self, board):
        record = summary("c1")
        board.take("calls", record.key, record.value, 0)
        board.take("calls", record.key, None, 0)
        assert board.calls() == []

    def test_only_so_many_are_kept(self, board, monkeypatch):
        monkeypatch.setattr(board_module, "MAX_CALLS", 3)
        for number in range(5):
            record = summary(f"c{number}")
            board.take("calls", record.key, record.value, 0)
        assert [call["call_id"] for call in board.calls()] == ["c4", "c3", "c2"]

    def test_what_the_audit_says_of_a_call_each_line_once(self, board):
        entry = AuditEntry(
            call_id="c1", customer_id="acme", action=AuditAction.SILENCED, reason="PERSON", time_ms=1, channel=0
        )
        record = encode_audit(entry, policy_version="3")
        for _ in range(2):
            board.take("audit", record.key, record.value, 0)
        (line,) = board.audit("c1")
        assert (line["action"], line["reason"], line["channel"]) == ("silenced", "PERSON", 0)
        assert board.audit("c2") == []


@pytest.mark.parametrize(
    ("records", "shown"),
    [
        ([{"version": 1}], ("1", "in_force", True, None)),
        ([{"version": 1}, {"version": 2, "training_opt_out": True}], ("2", "in_force", False, "opt_out")),
        ([{"version": 2}, {"version": 1}], ("2", "stale", False, "stale_policy")),
        ([{"version": 1}, "garbage"], ("1", "unreadable", False, "unreadable_policy")),
        ([{"version": 1, "region": "in"}], ("1", "in_force", True, None)),
        ([{"version": 1, "region": "us"}], ("1", "in_force", False, "region")),
        ([{"version": 1, "effective_from": "2100-01-01T00:00:00Z"}], ("1", "in_force", False, "not_in_effect")),
        ([{"version": 1}, None], None),
    ],
    ids=["set", "opted out", "an older one", "garbage", "its region", "another region", "of later", "removed"],
)
def test_policies_are_shown_as_the_workers_see_them(records, shown):
    board = Board(PolicyTable("in"))
    for record in records:
        value = record if record is None else msgspec.json.encode(record)
        value = msgspec.json.encode({"customer_id": "acme"} | record) if isinstance(record, dict) else value
        board.take("policies", b"acme", value, 0)
    found = board.policies(NOW_MS)
    told = [(row["version"], row["status"], row["training"], row.get("reason")) for row in found]
    assert told == ([] if shown is None else [shown])
    customers = board.overview(NOW_MS)["customers"]
    assert customers["training"] == sum(row["training"] for row in found)
    assert customers["doubtful"] == sum(row["status"] != "in_force" for row in found)


def test_customers_are_known_by_their_pseudonyms_where_outputs_hide_them():
    ids = IdPseudonyms(KeyRing(bytes(32)))
    board = Board(PolicyTable(ids=ids))
    board.take("policies", b"acme", msgspec.json.encode({"customer_id": "acme", "version": 1, "legal_hold": True}), 0)
    assert [(row["customer_id"], row["legal_hold"]) for row in board.policies(NOW_MS)] == [(ids.customer("acme"), True)]


def test_dead_letters_the_newest_first(board):
    for offset in range(2):
        letter = DeadLetter(
            error="undecodable",
            source_topic="calls.audio",
            source_partition=0,
            source_offset=offset,
            timestamp_ms=0,
            key_bytes=1,
            value_bytes=1,
        )
        record = encode_dead_letter(letter, b"c1")
        board.take("dead_letters", record.key, record.value, 0)
    assert [letter["source_offset"] for letter in board.dead_letters()] == [1, 0]


@pytest.mark.parametrize("kind", ["status", "calls", "audit", "dead_letters", "request_status", "aggregates"])
@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"call_id": 7}', b"\xff", b'{"call_id": "\xff"}', b"[" * 5_000])
def test_what_cannot_be_read_is_passed_over_and_counted(board, kind, value):
    board.take(kind, b"\xff", value, 0)
    assert board.unreadable == 1
    assert board.overview(NOW_MS)["workers"] == []
