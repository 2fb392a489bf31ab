"""The permit rule: whatever policies come in whatever order, and whenever a record is released, training gets what the
rule says and nothing else.

    A source record with record time t may go to training when every policy of its customer that was in force at t, or
    has come since, allows it (none known: no), the call is not a minor's, and the region fits.

``rule`` is that sentence over the plain list of all policies; the table is asked at every moment.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.policy import PolicyTable, Position

CUSTOMER = "northwind"
TIMES = st.integers(0, 40)


def policy(version, **fields):
    return json.dumps({"customer_id": CUSTOMER, "version": version, **fields}).encode()


# what came, and what it allows: None nothing, else records from that time on; versions only for readable ones
RECORDS = st.one_of(
    st.tuples(st.just("opt_in"), st.integers(1, 6), st.one_of(st.just(0), TIMES)),
    st.tuples(st.just("opt_out"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("region"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("garbage"), st.just(0), st.just(0)),
    st.tuples(st.just("tombstone"), st.just(0), st.just(0)),
)


def written(kind, version, effective):
    return {
        "opt_in": lambda: policy(version, effective_from=effective),
        "opt_out": lambda: policy(version, training_opt_out=True),
        "region": lambda: policy(version, region="elsewhere"),
        "garbage": lambda: b"{]",
        "tombstone": lambda: None,
    }[kind]()


class Model:
    """Every policy that came, with the time it came and the times it allows."""

    def __init__(self):
        self.came = []
        self.highest, self.strict = 0, False

    def add(self, kind, version, effective, time_ms):
        allows = None
        if kind in ("opt_in", "opt_out", "region"):
            stale = version < self.highest or (self.strict and version == self.highest)
            if stale:
                self.strict = True
            else:
                self.highest, self.strict = version, False
            if kind == "opt_in" and not stale:
                allows = effective
        # a timestamp that goes back is taken as the one before it
        time_ms = max([time_ms, *(since for since, _ in self.came)])
        self.came.append((time_ms, allows))

    def rule(self, t):
        relevant = [i for i, (since, _) in enumerate(self.came) if since > t]
        in_force = [i for i, (since, _) in enumerate(self.came) if since <= t]
        if not in_force:
            return False
        every = [in_force[-1], *relevant]
        return all(self.came[i][1] is not None and t >= self.came[i][1] for i in every)


@given(st.lists(st.tuples(RECORDS, TIMES), max_size=10), st.lists(TIMES, max_size=8))
@settings(max_examples=600)
def test_the_table_says_what_the_rule_says(records, asked):
    table, model = PolicyTable("here"), Model()
    for offset, (record, time_ms) in enumerate(records):
        table.apply(CUSTOMER, written(*record), Position(0, offset), time_ms)
        model.add(*record, time_ms)
        standing = table.standing(CUSTOMER)
        for t in {*asked, time_ms - 1, time_ms, time_ms + 1, 0, 41}:
            assert (standing.refusal(t) is None) is model.rule(t), (records[: offset + 1], t)
            permit = standing.permit(t, partial=False)
            assert (permit is not None) is model.rule(t)


@given(st.lists(st.tuples(RECORDS, TIMES), max_size=10))
def test_an_opt_out_once_seen_is_kept(records):
    table = PolicyTable("here")
    latest = None
    for offset, (record, time_ms) in enumerate(records):
        change = table.apply(CUSTOMER, written(*record), Position(0, offset), time_ms)
        latest = Position(0, offset) if record[0] == "opt_out" else latest
        assert change.opted_out == (latest if record[0] == "opt_out" else None)
        assert table.standing(CUSTOMER).opted_out == latest


@given(st.lists(st.tuples(RECORDS, st.just(0)), min_size=1, max_size=10), TIMES)
def test_an_opt_in_never_reaches_back(records, opted_in_ms):
    """Whatever came before it: no record before an opt-in is trained on because of it."""
    before, after = PolicyTable("here"), PolicyTable("here")
    for offset, (record, time_ms) in enumerate(records):
        before.apply(CUSTOMER, written(*record), Position(0, offset), time_ms)
        after.apply(CUSTOMER, written(*record), Position(0, offset), time_ms)
    after.apply(CUSTOMER, policy(99), Position(0, len(records)), opted_in_ms)
    for t in range(opted_in_ms):
        if after.standing(CUSTOMER).refusal(t) is None:
            assert before.standing(CUSTOMER).refusal(t) is None


def test_the_model_can_tell_right_from_wrong():
    model = Model()
    model.add("opt_out", 1, 0, 0)
    model.add("opt_in", 2, 0, 10)
    assert [model.rule(t) for t in (0, 9, 10, 11)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("records", "t", "reason"),
    [
        ([], 5, "unknown_policy"),
        ([(policy(1), 10)], 5, "unknown_policy"),
        ([(policy(1, training_opt_out=True), 0)], 5, "opt_out"),
        ([(policy(1, training_opt_out=True), 0), (policy(2), 10)], 5, "opt_out"),
        ([(policy(1), 0), (policy(2, training_opt_out=True), 10)], 5, "opt_out"),
        ([(policy(1), 0), (b"{]", 3)], 5, "unreadable_policy"),
        ([(policy(1), 0), (b"{]", 3), (policy(2), 10)], 5, "unreadable_policy"),
        ([(policy(2), 0), (policy(1), 3)], 5, "stale_policy"),
        ([(policy(1), 0), (None, 3)], 5, "unknown_policy"),
        ([(policy(1, region="elsewhere"), 0)], 5, "region"),
        ([(policy(1, effective_from=20), 0)], 5, "not_in_effect"),
        ([(policy(1, effective_from=20), 0), (policy(2), 10)], 5, "not_in_effect"),
    ],
)
def test_the_reason_is_the_true_one(records, t, reason):
    table = PolicyTable("here")
    for offset, (value, time_ms) in enumerate(records):
        table.apply(CUSTOMER, value, Position(0, offset), time_ms)
    assert table.standing(CUSTOMER).refusal(t) == reason
