"""What a partition tells the control plane of the records that it lets leave."""

import json

import pytest

from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.ids import record_id
from deid_stream.wire.index import encode_claims, read_claims
from deid_stream.worker.checkpoint import Restored
from deid_stream.worker.intake import Intake
from tests.support.bench import NAMES, Bench, real_sessions
from tests.support.calls import Record, make_call
from tests.support.consents import Consents

START_MS = 1_700_000_000_000
IDS = IdPseudonyms(KeyRing(bytes(32)))


def policy(version, **fields):
    return json.dumps({"customer_id": "acme", "version": version, **fields}).encode()


def claims(bench):
    """The last claim of each call."""
    return {
        claim.call_id: claim for out in bench.out if out.topic == NAMES.index for claim in read_claims(out.value).calls
    }


def keys(ranges, call_id):
    return {record_id(call_id, known.channel, seq) for known in ranges for seq in range(known.first, known.last + 1)}


def published(bench, topic):
    return {out.key for out in bench.out if out.topic == topic and out.value is not None}


def worked(consents, call_id="c1", settle_ms=600_000, **intake):
    bench = Bench(real_sessions(), policies=consents, intake=Intake(**intake))
    bench.source(make_call(call_id, "acme", 3, START_MS).records)
    bench.run(START_MS + settle_ms)
    bench.commit()
    return bench


def trained_keys(claim, kind):
    return set().union(*(keys(getattr(part, kind), claim.call_id) for part in claim.trained), set())


@pytest.mark.parametrize("opted_out", [False, True])
def test_a_claim_names_every_record_that_has_left_and_under_which_permit(opted_out):
    consents = Consents()
    consents.set("acme", policy(1, training_opt_out=opted_out, region=None))
    bench = worked(consents)
    claim = claims(bench)["c1"]
    assert keys(claim.audio, "c1") == published(bench, NAMES.analytics_audio) != set()
    assert keys(claim.transcripts, "c1") == published(bench, NAMES.analytics_transcripts) != set()
    assert trained_keys(claim, "audio") == published(bench, NAMES.training_audio)
    assert trained_keys(claim, "transcripts") == published(bench, NAMES.training_transcripts)
    assert bool(claim.trained) is not opted_out
    assert claim.closed
    assert (claim.customer_id, claim.segments, claim.chunks) == (
        "acme",
        len(published(bench, NAMES.analytics_transcripts)),
        len(published(bench, NAMES.analytics_audio)),
    )


def test_the_first_records_of_a_call_and_their_claim_are_one_batch():
    consents = Consents()
    consents.set("acme", policy(1))
    bench = Bench(real_sessions(), policies=consents)
    for record in make_call("c1", "acme", 3, START_MS).records:
        bench.source([record])
        bench.run(record.time_ms)
        bench.commit()
        if published(bench, NAMES.analytics_audio):
            break
    assert published(bench, NAMES.analytics_audio) <= keys(claims(bench)["c1"].audio, "c1")


def test_a_call_that_goes_on_after_an_opt_out_does_not_claim_its_training_again_before_it_ends():
    """Each claim of a part that was taken back has all of it taken back once more."""
    consents = Consents()
    consents.set("acme", policy(1))
    bench = Bench(real_sessions(), policies=consents)
    records = make_call("c1", "acme", 3, START_MS, turns=12).records
    for number, record in enumerate(records):
        if number == len(records) // 2:
            consents.set("acme", policy(2, training_opt_out=True))
        bench.source([record])
        bench.run(record.time_ms)
        bench.commit()
    bench.run(START_MS + 600_000)
    bench.commit()
    said = [claim for out in bench.out if out.topic == NAMES.index for claim in read_claims(out.value).calls]
    named = [bool(claim.trained) for claim in said]
    live = named[:-1]
    last = max(number for number, claimed in enumerate(live) if claimed)
    assert last > 1
    assert len(live) - last > 3, "claims of a call that goes on, without its training"
    assert trained_keys(said[-1], "audio") == published(bench, NAMES.training_audio) != set()
    assert said[-1].closed


@pytest.mark.parametrize("epoch", [0, 7])
def test_what_a_dead_owner_may_have_let_go_before_an_opt_out_is_claimed_although_it_leaves_no_more(epoch):
    consents = Consents()
    consents.set("acme", policy(1))
    consents.set("acme", policy(2, training_opt_out=True))
    bench = Bench(real_sessions(), Restored(epoch=epoch), policies=consents, repeats=True)
    bench.gate.doubted_until_ms = START_MS + 3_600_000
    bench.source(make_call("c1", "acme", 3, START_MS).records)
    bench.run(START_MS + 600_000)
    bench.commit()
    claim = claims(bench)["c1"]
    assert not published(bench, NAMES.training_audio)
    assert trained_keys(claim, "audio") == (keys(claim.audio, "c1") if epoch else set())
    assert {part.position for part in claim.trained} == ({""} if epoch else set())


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"from": "+44 7700 900123", "direction": "inbound"}, "+447700900123"),
        ({"from": "00447700900123"}, "+44 (7700) 900-123"),
        ({"to": "+447700900123", "from": "+441632960000", "direction": "outbound"}, "+447700900123"),
        ({"subject": "Member-7 ", "from": "+441632960000"}, "member-7"),
        ({"metadata": {"subject": "member-7"}}, "member-7"),
        ({}, None),
    ],
)
def test_a_claim_knows_the_person_by_a_pseudonym(fields, subject):
    made = make_call("c1", "acme", 3, START_MS).records
    start = made[0]
    value = json.dumps(json.loads(start.value) | fields).encode()
    bench = Bench(real_sessions(), intake=Intake(subjects=IDS))
    bench.source([Record(start.kind, start.key, value, start.headers, start.time_ms), *made[1:]])
    bench.run(START_MS + 600_000)
    work = bench.commit()
    expected = "" if subject is None else IDS.subject("acme", subject)
    assert claims(bench)["c1"].subject == expected
    everything = b"".join((out.value or b"") for out in bench.out) + b"".join(value for _, value in work.checkpoint)
    assert b"7700900123" not in everything


def test_many_calls_are_split_into_records_that_can_be_read():
    consents = Consents()
    consents.set("acme", policy(1))
    one = claims(worked(consents))["c1"]
    records = encode_claims(3, [one] * 1_201, START_MS)
    assert [len(read_claims(record.value).calls) for record in records] == [500, 500, 201]
    assert all(record.key == b"3" for record in records)
