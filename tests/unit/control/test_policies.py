"""Customers' policies as the control plane keeps them: what outlives the record that said it."""

import json

import pytest

from deid_stream.control.policies import Policies
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.policy.rights import Customer

HELD = Customer(customer_id="acme", held=True)
FREE = Customer(customer_id="acme")


def written(**fields):
    return json.dumps({"customer_id": "acme", "version": 3} | fields).encode()


def after(*values, known=None):
    policies = Policies(MemoryBroker().connect(), "customers.policies", "", None)
    for offset, value in enumerate(values):
        policies.apply(0, offset, 1_000 * offset, b"acme", value)
    return policies.customer("acme", known)


@pytest.mark.parametrize(
    ("known", "values", "held"),
    [
        (None, [], False),
        (HELD, [], True),
        (HELD, [None], True),
        (HELD, [None, b"nonsense"], True),
        (HELD, [written()], False),
        (HELD, [written(legal_hold=True), None], True),
        (FREE, [None], False),
        (FREE, [written(legal_hold=True)], True),
    ],
)
def test_a_hold_outlives_its_policy_also_where_the_topic_has_lost_it(known, values, held):
    assert after(*values, known=known).held is held
