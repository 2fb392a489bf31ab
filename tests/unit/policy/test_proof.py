"""The proof: which training records should not be there, by the topics alone."""

import json

import pytest

from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.policy import PolicyTable, Position
from deid_stream.policy.permit import encode_permit
from deid_stream.policy.proof import PROVEN_WRONG, Proof, TrainingRecord, Verdict
from deid_stream.units import DAY_MS


def policy(version, **fields):
    return json.dumps({"customer_id": "acme", "version": version, **fields}).encode()


HISTORY = [
    ("acme", policy(1), 1_000),
    ("zen", json.dumps({"customer_id": "zen", "version": 1}).encode(), 1_500),
    ("acme", policy(2, training_opt_out=True), 2_000),
    ("acme", policy(3, retention_days={"training": 10}), 3_000),
]


def permit_at(offset, time_ms):
    """What the gate would have given when the topic ended at ``offset``."""
    table = PolicyTable()
    for number, (customer, value, at_ms) in enumerate(HISTORY[: offset + 1]):
        table.apply(customer, value, Position(0, number), at_ms)
    return table.standing(HISTORY[offset][0]).permit(time_ms, partial=False)


def judged(permit, *, customer="acme", time_ms=3_500, now_ms=4_000, history=HISTORY, first=0):
    proof = Proof()
    for number, (name, value, at_ms) in enumerate(history):
        if number >= first:
            proof.policy(name, value, Position(0, number), at_ms)
    header = permit if permit is None or isinstance(permit, bytes) else encode_permit(permit)
    return proof.judge(TrainingRecord(customer, header, time_ms), now_ms)


def test_what_the_gate_permits_is_valid():
    assert judged(permit_at(3, 3_500)) is Verdict.VALID
    assert judged(permit_at(1, 1_600), customer="zen", time_ms=1_600) is Verdict.VALID


def test_before_the_opt_out_it_was_valid_and_after_it_the_tombstone_is_missing():
    assert judged(permit_at(0, 1_200), time_ms=1_200, history=HISTORY[:2]) is Verdict.VALID
    assert judged(permit_at(0, 1_200), time_ms=1_200) is Verdict.OPTED_OUT


def changed(permit, **fields):
    return json.dumps(json.loads(encode_permit(permit)) | fields).encode()


@pytest.mark.parametrize(
    ("make", "options", "verdict"),
    [
        (lambda: None, {}, Verdict.NO_PERMIT),
        (lambda: b"acme/3", {}, Verdict.NO_PERMIT),
        (lambda: changed(permit_at(3, 3_500), position="nowhere"), {}, Verdict.NO_PERMIT),
        (lambda: permit_at(1, 1_600), {}, Verdict.OTHER_CUSTOMER),
        (lambda: changed(permit_at(3, 3_500), position="0/1"), {}, Verdict.OPTED_OUT),
        (lambda: changed(permit_at(3, 3_500), policy_version="4"), {}, Verdict.NO_SUCH_POLICY),
        (lambda: changed(permit_at(1, 1_600), policy_version="9"), {"customer": "zen"}, Verdict.NO_SUCH_POLICY),
        (lambda: permit_at(3, 3_500), {"time_ms": 2_500}, Verdict.REFUSED),
        (lambda: permit_at(3, 3_500), {"now_ms": 10 * DAY_MS}, Verdict.EXPIRED),
        (lambda: changed(permit_at(3, 3_500), retain_until="soon"), {}, Verdict.EXPIRED),
        (lambda: permit_at(1, 1_600), {"customer": "zen", "first": 2}, Verdict.UNPROVEN),
    ],
)
def test_what_is_wrong_with_a_record(make, options, verdict):
    found = judged(make(), **options)
    assert found is verdict
    assert (found in PROVEN_WRONG) is (verdict is not Verdict.UNPROVEN)


def test_with_hash_ids_records_are_judged_by_their_pseudonyms():
    ids = IdPseudonyms(KeyRing(bytes(32)))
    table, proof = PolicyTable("", ids), Proof("", ids)
    for given in (table.apply, proof.policy):
        given("acme", policy(1), Position(0, 0), 1_000)
    hidden = ids.customer("acme")
    permit = table.standing(hidden).permit(1_500, partial=False)
    record = TrainingRecord(hidden, encode_permit(permit), 1_500)
    assert proof.judge(record, 2_000) is Verdict.VALID
    proof.policy("acme", policy(2, training_opt_out=True), Position(0, 1), 1_600)
    assert proof.judge(record, 2_000) is Verdict.OPTED_OUT
