"""Processor mode: what a policy may and may not change of what the deployment does by default."""

import json

import pytest

from deid_stream.model.entities import EntityType
from deid_stream.policy import PolicyTable, Position, compile_policy
from deid_stream.policy.narrow import narrowed, widened
from deid_stream.policy.policy import DEFAULT_OPERATORS, UNKNOWN


def policy(**fields):
    return compile_policy(json.dumps({"customer_id": "acme", "version": 3} | fields).encode())


WIDER = [
    ({"entities": {"PERSON": "keep"}}, ["entities.PERSON"]),
    ({"entities": {"CREDIT_CARD": "mask:4", "PERSON": "label"}}, ["entities.CREDIT_CARD"]),
    ({"entities": {"PERSON": "keep", "ADDRESS": "keep"}}, ["entities.ADDRESS", "entities.PERSON"]),
    ({"allow": ["Grace Plus"]}, ["allow"]),
    ({"interims": "masked"}, ["interims"]),
    ({"retention_days": {"analytics": 91, "training": 365}}, ["retention_days.analytics"]),
    ({"retention_days": {"analytics": 1, "training": 366}}, ["retention_days.training"]),
]
NARROWER = [
    {},
    {"entities": {"AGE": "label", "LOCATION": "numbered"}},
    {"entities": {"PERSON": "remove", "PHONE_NUMBER": "pseudonym", "CREDIT_CARD": "mask"}},
    {"entities": {"AGE": "keep"}},
    {"deny": ["Project Bluebird"]},
    {"analytics": False},
    {"training_opt_out": True},
    {"retention_days": {"analytics": 1, "training": 2}},
    {"audio": "tone", "languages": ["en"], "region": "in", "legal_hold": True},
]


@pytest.mark.parametrize(("fields", "named"), WIDER, ids=str)
def test_what_would_widen_the_defaults_is_named_and_not_followed(fields, named):
    written = policy(deny=["Project Bluebird"], analytics=False, **fields)
    assert widened(written) == named
    after = narrowed(written)
    assert widened(after) == []
    assert (after.deny, after.analytics, after.version) == (written.deny, False, "3")
    assert after.allow == ()
    assert after.interims == "none"
    assert after.retention_days.analytics <= UNKNOWN.retention_days.analytics
    assert after.retention_days.training <= UNKNOWN.retention_days.training
    for name in named:
        if name.startswith("entities."):
            kind = EntityType(name.removeprefix("entities."))
            assert after.operator(kind) == DEFAULT_OPERATORS[kind]


@pytest.mark.parametrize("fields", NARROWER, ids=str)
def test_what_narrows_them_is_followed(fields):
    written = policy(**fields)
    assert widened(written) == []
    assert narrowed(written) == written


@pytest.mark.parametrize("processor", [False, True])
def test_only_a_processor_narrows_what_is_in_the_topic(processor):
    table = PolicyTable(processor=processor)
    raw = json.dumps({"customer_id": "acme", "version": 1, "entities": {"PERSON": "keep"}}).encode()
    table.apply("acme", raw, Position(0, 0), 1_000)
    assert (table.get("acme").operator(EntityType.PERSON) is None) is not processor
    assert table.standing("acme").refusal(1_000) is None, "training is the customer's to allow"
