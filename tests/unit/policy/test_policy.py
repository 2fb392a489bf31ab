"""Policies: what they permit, and what a wrong one says (never what it holds)."""

import json

import msgspec
import pytest

from deid_stream.errors import PolicyError
from deid_stream.model.entities import OFF_BY_DEFAULT, ON_BY_DEFAULT, EntityType
from deid_stream.policy import UNKNOWN, ChangeKind, PolicyTable, Position, Refusal, compile_policy
from deid_stream.policy.permit import decode_permit, encode_permit, position_of
from deid_stream.policy.versions import order_of


def raw(**fields):
    return json.dumps({"customer_id": "northwind", "version": 3, **fields}).encode()


def permitted(policy, *, region="", now_ms=1_000):
    table = PolicyTable(region)
    table.apply("northwind", policy, Position(0, 0), 0)
    return table.standing("northwind").refusal(now_ms) is None


def test_the_least_a_policy_says():
    policy = compile_policy(raw())
    assert (policy.customer_id, policy.version) == ("northwind", "3")
    assert policy.analytics
    assert (policy.audio, policy.interims, policy.voice_disguise) == ("silence", "none", False)
    assert (policy.retention_days.analytics, policy.retention_days.training) == (90, 365)
    assert policy.training


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
    assert not UNKNOWN.training


@pytest.mark.parametrize(
    ("fields", "asked", "expected"),
    [
        ({}, {}, True),
        ({"training_opt_out": True}, {}, False),
        ({"region": "in"}, {"region": "in"}, True),
        ({"region": "in"}, {"region": "IN"}, True),
        ({"region": "in"}, {"region": "eu"}, False),
        ({"region": "in"}, {"region": ""}, False),
        ({}, {"region": "eu"}, True),
        ({"effective_from": 2_000}, {"now_ms": 1_999}, False),
        ({"effective_from": 2_000}, {"now_ms": 2_000}, True),
        ({"effective_from": "1970-01-01T00:00:02Z"}, {"now_ms": 1_999}, False),
        ({"effective_from": "1970-01-01T05:30:02+05:30"}, {"now_ms": 2_000}, True),
    ],
    ids=str,
)
def test_who_may_be_trained_on(fields, asked, expected):
    assert permitted(raw(**fields), **asked) is expected


def test_a_permit_says_under_what_and_is_the_same_on_every_replay():
    table = PolicyTable("in")
    table.apply("northwind", raw(region="in", retention_days={"analytics": 1, "training": 30}), Position(2, 17), 1_000)
    standing = table.standing("northwind")
    permit = standing.permit(5_000, partial=False)
    assert permit == standing.permit(6_000, partial=False)
    assert json.loads(encode_permit(permit)) == {
        "customer_id": "northwind",
        "policy_version": "3",
        "position": "2/17",
        "time": "1970-01-01T00:00:01.000Z",
        "retain_until": "1970-01-31T00:00:00.000Z",
        "region": "in",
    }
    assert json.loads(encode_permit(standing.permit(5_000, partial=True)))["partial"] is True
    assert decode_permit(encode_permit(permit)) == permit
    assert position_of(permit) == Position(2, 17)
    assert standing.permit(999, partial=False) is None


@pytest.mark.parametrize("header", [None, b"", b"northwind/3", b"{}", b"\xff", b'{"position":1}'])
def test_what_is_no_permit_is_none(header):
    assert decode_permit(header) is None


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
        (raw(version="final"), "no number"),
        (raw(version=-1), "negative"),
        (raw(training_optout=True), "did you mean training_opt_out"),
        (raw(trainingOptOut=True), "did you mean training_opt_out"),
        (raw(analitycs=False), "did you mean analytics"),
        (raw(regoin="in"), "did you mean region"),
        (raw(opt_out=True), "unknown field"),
        (raw(no_training=True), "unknown field"),
        (raw(retention_days={"trainin": 3}), "did you mean retention_days.training"),
        (raw(**{f"field_{n}": 1 for n in range(101)}), "more than 100 unknown fields"),
        (b'{"customer_id":"northwind","version":1,"training_opt_out":true,"training_opt_out":false}', "twice"),
        (raw(languages=["english please"]), "languages"),
        (raw(training_opt_out="no"), "training_opt_out"),
        (raw(analytics=None), "analytics"),
        (raw(audio="beep"), "^audio must be silence or tone or noise$"),
        (b"[1]", "^the policy is not a JSON object$"),
        (b'"on"', "^the policy is not a JSON object$"),
        (raw(interims="raw"), "^interims must be none or masked$"),
        (raw(entities="all"), "entities"),
        (raw(entities={"NAME": "mask"}), "unknown type"),
        (raw(entities={"PERSON": "redact"}), "entities.PERSON must be one of hash, keep, label"),
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
        (raw()[:-1] + b', "note": 1e999}', "a value that is not allowed"),
        (raw()[:-1] + b', "note": "\xff"}', "not a JSON object"),
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


@pytest.mark.parametrize("field", ["colour", "audio_rate_limit", "notes", "x"])
def test_a_field_of_a_later_version_is_ignored(field):
    assert compile_policy(raw(**{field: 1})).version == "3"


@pytest.mark.parametrize(
    ("lower", "higher"),
    [(2, 3), (9, 10), ("9", "10"), ("v2", "v10"), ("2.9", "3"), ("1.2", "1.2.1"), ("2026-11-24", "2026-12-01")],
)
def test_versions_have_the_order_of_their_numbers(lower, higher):
    assert order_of(lower) < order_of(higher)


def test_letters_of_a_version_do_not_count():
    assert order_of("v3") == order_of("3") == order_of(3) == order_of("3-final")


class Table(PolicyTable):
    """Each record comes a second after the one before."""

    def __init__(self, region=""):
        super().__init__(region)
        self.records = 0

    def add(self, value, customer_id="northwind"):
        self.records += 1
        return self.apply(customer_id, value, Position(0, self.records), self.records * 1_000)

    def trains(self, customer_id="northwind"):
        """Whether a record that comes now may be trained on."""
        return self.standing(customer_id).refusal(self.records * 1_000) is None


HOLD = raw(version=3, legal_hold=True)
OPT_OUT = raw(version=3, training_opt_out=True)
UNREADABLE = [b"", b"nonsense", raw(audio="beep"), raw(customer_id="southwind"), raw(training_optout=True)]


class TestTable:
    def test_the_latest_record_of_a_customer_counts(self):
        table = Table()
        assert table.add(raw(version=1)).kind is ChangeKind.SET
        assert table.trains()
        change = table.add(raw(version=2, training_opt_out=True))
        assert (change.kind, change.opted_out) == (ChangeKind.SET, Position(0, 2))
        assert not table.trains()
        assert table.add(raw(version=3)).opted_out is None
        assert table.trains()

    def test_a_tombstone_makes_the_customer_unknown(self):
        table = Table()
        table.add(raw())
        assert (len(table), table.customers()) == (1, ["northwind"])
        change = table.add(None)
        assert (change.kind, change.opted_out) == (ChangeKind.REMOVED, None)
        assert table.get("northwind") is UNKNOWN
        assert (len(table), table.customers()) == (0, [])
        assert table.add(None, "nobody").kind is ChangeKind.REMOVED
        assert table.standing("northwind").refusal(9_000) is Refusal.UNKNOWN_POLICY

    @pytest.mark.parametrize("value", UNREADABLE)
    def test_an_unreadable_policy_stops_training_and_takes_nothing_stricter_away(self, value):
        table = Table()
        table.add(raw(analytics=False, deny=["Project Bluebird"], entities={"AGE": "label"}, audio="tone"))
        before = table.get("northwind")
        change = table.add(value)
        assert change.kind is ChangeKind.UNREADABLE
        assert isinstance(change.error, PolicyError)
        assert table.standing("northwind").refusal(9_000) is Refusal.UNREADABLE_POLICY
        assert table.get("northwind") == msgspec.structs.replace(before, training=False)
        table.add(raw())
        assert table.trains()

    def test_an_unreadable_first_policy_leaves_the_defaults(self):
        table = Table()
        table.add(b"nonsense")
        assert table.get("northwind") == msgspec.structs.replace(UNKNOWN, customer_id="northwind")
        assert table.customers() == ["northwind"]

    def test_a_stale_policy_stops_training_until_a_higher_version_comes(self):
        table = Table()
        table.add(raw(version=5, audio="tone"))
        assert table.add(raw(version=4, audio="noise")).kind is ChangeKind.STALE
        assert table.standing("northwind").refusal(9_000) is Refusal.STALE_POLICY
        assert (table.get("northwind").audio, table.get("northwind").version) == ("tone", "5")
        assert table.add(raw(version=5)).kind is ChangeKind.STALE
        assert not table.trains()
        assert table.add(raw(version=6)).kind is ChangeKind.SET
        assert table.trains()

    @pytest.mark.parametrize("between", [[None], [b"nonsense"], [None, b"nonsense"], [raw(version=1)]], ids=str)
    def test_an_old_version_is_stale_whatever_came_between(self, between):
        table = Table()
        table.add(OPT_OUT)
        for value in between:
            table.add(value)
        assert table.add(raw(version=2)).kind is ChangeKind.STALE
        assert not table.trains()

    @pytest.mark.parametrize(
        ("after", "trains"),
        [(raw(version=4), True), (None, False), (b"nonsense", False), (raw(version=2), False)],
        ids=["opt-in", "tombstone", "garbage", "stale"],
    )
    def test_an_opt_out_is_remembered_whatever_follows_it(self, after, trains):
        table = Table()
        table.add(raw(version=1))
        table.add(OPT_OUT)
        assert table.add(after).opted_out is None
        assert table.standing("northwind").opted_out == Position(0, 2)
        assert table.trains() is trains

    @pytest.mark.parametrize(
        ("value", "counts"),
        [
            (raw(version=1, training_opt_out=True), True),
            (raw(version=9, training_opt_out=True, audio="beep"), True),
            (raw(version=9, training_opt_out=True, audoi="tone"), True),
            (raw(version=9, training_opt_out="yes"), False),
            (raw(version=9, training_opt_out=True, customer_id="southwind"), False),
        ],
        ids=["stale", "unreadable", "mistyped elsewhere", "no boolean", "of another customer"],
    )
    def test_an_opt_out_counts_although_the_record_is_wrong(self, value, counts):
        table = Table()
        table.add(raw(version=3))
        change = table.add(value)
        assert (change.opted_out is not None) is counts
        assert not table.trains()
        if counts:
            assert table.standing("northwind").refusal(9_000) is Refusal.OPT_OUT

    @pytest.mark.parametrize(
        ("records", "held"),
        [
            ([], None),
            ([raw()], False),
            ([HOLD], True),
            ([HOLD, raw(version=4)], False),
            ([HOLD, None], True),
            ([HOLD, None, None, b"nonsense"], True),
            ([HOLD, raw(version=1)], True),
            ([HOLD, None, raw(version=4)], False),
            ([raw(version=1), raw(version=3, legal_hold=True, audio="beep")], True),
            ([raw(version=1), raw(version=3, legal_hold=True, customer_id="southwind")], False),
            ([raw(version=1), raw(version=3, legal_hold="yes")], False),
            ([raw(version=4), HOLD], False),
            ([None], None),
        ],
        ids=[
            "nothing",
            "without",
            "with",
            "lifted by a policy",
            "tombstone",
            "tombstones and garbage",
            "stale",
            "lifted after a tombstone",
            "unreadable, but says so",
            "of another customer",
            "no boolean",
            "stale with",
            "only a tombstone",
        ],
    )
    def test_a_hold_lasts_until_a_policy_in_force_has_none(self, records, held):
        table = Table()
        for value in records:
            table.add(value)
        assert table.standing("northwind").held is held
        assert ("northwind" in table.customers()) is (bool(held) or table.get("northwind") is not UNKNOWN)

    def test_customers_do_not_touch_each_other(self):
        table = Table()
        table.add(raw())
        table.add(raw(customer_id="southwind", training_opt_out=True), "southwind")
        assert table.trains("northwind")
        assert not table.trains("southwind")
        assert table.get("eastwind") is UNKNOWN
