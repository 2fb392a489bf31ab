"""Policies: what they permit, and what a wrong one says (never what it holds)."""

import json

import pytest

from deid_stream.errors import PolicyError
from deid_stream.model.entities import OFF_BY_DEFAULT, ON_BY_DEFAULT, EntityType
from deid_stream.policy import UNKNOWN, ChangeKind, PolicyTable, compile_policy


def raw(**fields):
    return json.dumps({"customer_id": "northwind", "version": 3, **fields}).encode()


def permitted(policy, *, minor=False, region=None, now_ms=1_000):
    return policy.permit(minor=minor, region=region, now_ms=now_ms) is not None


def test_the_least_a_policy_says():
    policy = compile_policy(raw())
    assert (policy.customer_id, policy.version) == ("northwind", "3")
    assert policy.analytics
    assert (policy.audio, policy.interims, policy.voice_disguise) == ("silence", "none", False)
    assert (policy.retention_days.analytics, policy.retention_days.training) == (90, 365)
    assert permitted(policy)


@pytest.mark.parametrize("entities", [{}, {"entities": "default"}, {"entities": {}}], ids=str)
@pytest.mark.parametrize("entity_type", EntityType)
def test_default_operators(entities, entity_type):
    expected = "numbered" if entity_type in ON_BY_DEFAULT else None
    assert compile_policy(raw(**entities)).operator(entity_type) == expected


def test_entities_override_the_default_type_by_type():
    policy = compile_policy(raw(entities={"PERSON": "pseudonym", "LOCATION": "label", "URL": "mask", "AGE": "keep"}))
    assert policy.operator(EntityType.PERSON) == "pseudonym"
    assert policy.operator(EntityType.LOCATION) == "label"
    assert policy.operator(EntityType.AGE) is None
    assert policy.operator(EntityType.CREDIT_CARD) == "numbered"
    assert compile_policy(raw(entities={"PERSON": "keep"})).operator(EntityType.PERSON) is None


def test_an_unknown_customer_is_analysed_by_the_defaults_and_never_trained_on():
    assert compile_policy(None) is UNKNOWN
    assert UNKNOWN.analytics
    assert all(UNKNOWN.operator(t) == "numbered" for t in ON_BY_DEFAULT)
    assert all(UNKNOWN.operator(t) is None for t in OFF_BY_DEFAULT)
    assert not permitted(UNKNOWN)


@pytest.mark.parametrize(
    ("fields", "call", "expected"),
    [
        ({}, {}, True),
        ({"training_opt_out": True}, {}, False),
        ({}, {"minor": True}, False),
        ({"region": "in"}, {"region": "in"}, True),
        ({"region": "in"}, {"region": "IN"}, True),
        ({"region": "in"}, {"region": "eu"}, False),
        ({"region": "in"}, {"region": None}, True),
        ({"region": "in"}, {"region": ""}, True),
        ({}, {"region": "eu"}, True),
        ({"effective_from": 2_000}, {"now_ms": 1_999}, False),
        ({"effective_from": 2_000}, {"now_ms": 2_000}, True),
        ({"effective_from": "1970-01-01T00:00:02Z"}, {"now_ms": 1_999}, False),
        ({"effective_from": "1970-01-01T05:30:02+05:30"}, {"now_ms": 2_000}, True),
    ],
    ids=str,
)
def test_who_may_be_trained_on(fields, call, expected):
    assert permitted(compile_policy(raw(**fields)), **call) is expected


def test_a_permit_says_under_what_and_is_the_same_on_every_replay():
    policy = compile_policy(raw(region="in", retention_days={"analytics": 1, "training": 30}))
    permit = policy.permit(minor=False, region="in", now_ms=5)
    assert permit == policy.permit(minor=False, region="in", now_ms=6)
    assert (permit.id, permit.region, permit.retention_days) == ("northwind/3", "in", 30)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"", "JSON"),
        (b"not json", "JSON"),
        (b"[" * 100_000, "the policy"),
        (b"\xff", "JSON"),
        (b"[]", "the policy"),
        (b"{}", "customer_id and version"),
        (raw(customer_id=""), "customer_id"),
        (raw(version=""), "version"),
        (raw(version="a b"), "version"),
        (raw(version=None), "version"),
        (raw(training_opt_out="no"), "training_opt_out"),
        (raw(analytics=None), "analytics"),
        (raw(audio="beep"), "audio"),
        (raw(interims="raw"), "interims"),
        (raw(entities="all"), "entities"),
        (raw(entities={"NAME": "mask"}), "unknown type"),
        (raw(entities={"PERSON": "redact"}), "entities.PERSON must be one of keep, label"),
        (raw(entities={"PERSON": None}), "the policy"),
        (raw(retention_days={"training": -1}), "retention_days.training"),
        (raw(retention_days={"analytics": 40_000}), "retention_days.analytics"),
        (raw(region=""), "region"),
        (raw(effective_from="tomorrow"), "effective_from"),
        (raw(effective_from="2026-11-24T08:00:00"), "effective_from"),
        (raw(effective_from=-1), "effective_from"),
        (raw(effective_from=True), "effective_from"),
        (raw(deny=["  "]), "deny"),
        (raw(allow=["x"] * 10_001), "allow"),
    ],
    ids=lambda case: str(case)[:70],
)
def test_a_wrong_policy_says_what_to_mend(value, named):
    with pytest.raises(PolicyError, match=named):
        compile_policy(value)


@pytest.mark.parametrize(
    "value",
    [
        raw(audio="jane.doe@example.com"),
        raw(entities={"jane.doe@example.com": "mask"}),
        raw(entities={"PERSON": "jane.doe@example.com"}),
        raw(retention_days={"training": "jane.doe@example.com"}),
        raw(effective_from="jane.doe@example.com"),
        raw(deny=["jane.doe@example.com", ""]),
    ],
)
def test_an_error_shows_nothing_of_the_policy(value):
    with pytest.raises(PolicyError) as caught:
        compile_policy(value)
    assert "jane" not in str(caught.value)


def test_phrases_are_cleaned_and_in_a_fixed_order():
    policy = compile_policy(raw(allow=["Grace  Plus", "Ann Summers", "Grace Plus"]))
    assert policy.allow == ("Ann Summers", "Grace Plus")


class TestTable:
    def test_the_latest_record_of_a_customer_counts(self):
        table = PolicyTable()
        assert table.apply("northwind", raw(version=1)).kind is ChangeKind.SET
        change = table.apply("northwind", raw(version=2, training_opt_out=True))
        assert (change.kind, change.opted_out) == (ChangeKind.SET, True)
        assert not permitted(table.get("northwind"))
        assert not table.apply("northwind", raw(version=3)).opted_out
        assert permitted(table.get("northwind"))

    def test_a_tombstone_makes_the_customer_unknown(self):
        table = PolicyTable()
        table.apply("northwind", raw())
        change = table.apply("northwind", None)
        assert (change.kind, change.opted_out) == (ChangeKind.REMOVED, False)
        assert table.get("northwind") is UNKNOWN
        assert (len(table), table.customers()) == (0, [])
        assert table.apply("nobody", None).kind is ChangeKind.REMOVED

    @pytest.mark.parametrize("value", [b"", b"nonsense", raw(audio="beep"), raw(customer_id="southwind")])
    def test_an_unreadable_policy_stops_training_until_a_readable_one_comes(self, value):
        table = PolicyTable()
        table.apply("northwind", raw())
        change = table.apply("northwind", value)
        assert change.kind is ChangeKind.UNREADABLE
        assert isinstance(change.error, PolicyError)
        assert not permitted(table.get("northwind"))
        assert table.get("northwind").analytics
        table.apply("northwind", raw())
        assert permitted(table.get("northwind"))

    def test_a_stale_policy_stops_training_and_changes_nothing_else(self):
        table = PolicyTable()
        table.apply("northwind", raw(version=5, audio="tone"))
        assert table.apply("northwind", raw(version=4, audio="noise")).kind is ChangeKind.STALE
        assert not permitted(table.get("northwind"))
        assert (table.get("northwind").audio, table.get("northwind").version) == ("tone", "5")
        assert table.apply("northwind", raw(version=6)).kind is ChangeKind.SET
        assert permitted(table.get("northwind"))

    def test_versions_that_are_no_numbers_have_the_topics_order(self):
        table = PolicyTable()
        table.apply("northwind", raw(version="2026-b"))
        assert table.apply("northwind", raw(version="2026-a")).kind is ChangeKind.SET

    def test_customers_do_not_touch_each_other(self):
        table = PolicyTable()
        table.apply("northwind", raw())
        table.apply("southwind", raw(customer_id="southwind", training_opt_out=True))
        assert permitted(table.get("northwind"))
        assert not permitted(table.get("southwind"))
        assert table.get("eastwind") is UNKNOWN
