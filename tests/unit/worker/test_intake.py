"""``hash_ids``: the producer's identifiers are in no output, key, header, checkpoint or dead letter."""

import json

import msgspec
import pytest

from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.wire.limits import Limits
from deid_stream.worker.intake import Intake
from tests.support.bench import NAMES, Bench, real_sessions
from tests.support.calls import Record, make_call
from tests.support.consents import Consents

CALL, CUSTOMER, SEGMENT = "+447700900123", "ann.lee@example.com", "john-smith"
START_MS = 1_700_000_000_000
POLICY = json.dumps({"customer_id": CUSTOMER, "version": 1}).encode()


def records():
    """A call whose every identifier names somebody, and a record that nobody can read."""
    for record in make_call(CALL, CUSTOMER, 7, START_MS).records:
        value = record.value
        if record.kind == "transcripts":
            said = msgspec.json.decode(value)
            value = msgspec.json.encode(said | {"segment_id": f"{SEGMENT}-{said['segment_id']}"})
        headers = [(name, CALL.encode() if name in ("ce_id", "ce_source") else held) for name, held in record.headers]
        yield Record(record.kind, record.key, value, headers, record.time_ms)
    yield Record("transcripts", CALL.encode(), b"{", record.headers, record.time_ms + 1)


def worked_on(ids):
    bench = Bench(real_sessions(), policies=consents(ids), intake=Intake(Limits(), ids))
    bench.source(records())
    bench.run(START_MS + 600_000)
    work = bench.commit()
    return bench, work


def consents(ids):
    made = Consents(ids=ids)
    made.set(CUSTOMER, POLICY)
    return made


def all_bytes(bench, work):
    for out in bench.out:
        yield out.topic, b"\n".join([out.key or b"", out.value or b"", *(held for _, held in out.headers)])
    for key, value in work.checkpoint:
        yield "checkpoint", key + b"\n" + value


@pytest.fixture(scope="module")
def hidden():
    return worked_on(IdPseudonyms(KeyRing(bytes(32))))


@pytest.fixture(scope="module")
def plain():
    return worked_on(None)


def test_no_identifier_of_the_producers_leaves(hidden):
    found = {topic for topic, held in all_bytes(*hidden) for raw in (CALL, CUSTOMER, SEGMENT) if raw.encode() in held}
    assert found == set()


def test_without_it_they_do_so_that_the_search_finds_them(plain):
    found = {topic for topic, held in all_bytes(*plain) for raw in (CALL, CUSTOMER, SEGMENT) if raw.encode() in held}
    assert {NAMES.analytics_audio, NAMES.training_transcripts, NAMES.calls, NAMES.audit, NAMES.dead_letters} <= found


def test_nothing_else_changes(hidden, plain):
    def shape(bench):
        return [(out.topic, [name for name, _ in out.headers], out.value is None) for out in bench.out]

    assert shape(hidden[0]) == shape(plain[0])
    assert hidden[0].outputs(NAMES.training_audio), "the policy is found by the customer's pseudonym"


def test_ids_agree_everywhere(hidden):
    ids = IdPseudonyms(KeyRing(bytes(32)))
    bench, _ = hidden
    for out in bench.outputs(NAMES.training_audio, NAMES.training_transcripts):
        headers = dict(out.headers)
        assert out.key.decode().split("/")[0] == ids.call(CALL) == headers["ce_subject"].decode()
        assert json.loads(headers["ce_permit"])["customer_id"] == ids.customer(CUSTOMER)
        assert headers["ce_customerid"].decode() == ids.customer(CUSTOMER)
    (dead,) = bench.outputs(NAMES.dead_letters)
    assert dead.key.decode() == ids.call(CALL)


class TestTelephones:
    """A call's two ends leave as references with their country, in the words of nobody."""

    SUBJECTS = IdPseudonyms(KeyRing(bytes(32)))

    def summary(self, metadata, *, subjects=SUBJECTS):
        bench = Bench(real_sessions(), policies=consents(None), intake=Intake(Limits(), None, subjects))
        made = make_call("c1", CUSTOMER, 7, START_MS)
        first = next(r for r in made.records if r.kind == "events")
        fields = msgspec.json.decode(first.value) | metadata
        started = Record("events", first.key, msgspec.json.encode(fields), first.headers, first.time_ms)
        bench.source(started if record is first else record for record in made.records)
        bench.run(START_MS + 600_000)
        bench.commit()
        (summary,) = bench.outputs(NAMES.calls)
        dropped = {name: n for name, n in bench.metrics.dropped_fields.values.items() if n}
        return {k: v for k, v in summary.fields["metadata"].items() if k.startswith(("from", "to"))}, dropped

    def test_a_number_is_a_reference_and_its_country(self):
        reference = self.SUBJECTS.subject(CUSTOMER, "+447700900123")
        kept, dropped = self.summary({"from": "0044 7700 900123", "to": "tel:+12025550143"})
        assert kept["from_ref"] == reference
        assert (kept["from_country"], kept["to_country"]) == ("+44", "+1")
        assert kept["to_ref"] not in ("", reference)
        assert dropped == {}

    def test_a_number_without_its_country_is_a_reference_alone(self):
        kept, _ = self.summary({"from": "07700 900123"})
        assert set(kept) == {"from_ref"}

    @pytest.mark.parametrize("said", ["Robert Miller", "anonymous", "robert@example.com"])
    def test_what_is_no_number_is_left_out_and_counted(self, said):
        assert self.summary({"from": said}) == ({}, {"from": 1})

    def test_without_a_key_nothing_of_a_number_leaves(self):
        assert self.summary({"from": "+447700900123"}, subjects=None) == ({}, {"from": 1})

    def test_a_producer_cannot_write_a_reference_itself(self):
        forged = {"from_ref": "subject-" + "0" * 24, "to_ref": "Robert Miller", "from_country": "+447700900123"}
        kept, dropped = self.summary(forged)
        assert (kept, dropped) == ({}, {"other": 3})

    def test_a_field_that_nobody_knows_is_left_out_and_counted(self):
        kept, dropped = self.summary({"mood": "angry", "metadata": {"notes": "spoke to Robert"}})
        assert (kept, dropped) == ({}, {"other": 2})


@pytest.mark.parametrize("ids", [None, IdPseudonyms(KeyRing(bytes(32)))], ids=["plain ids", "hashed ids"])
def test_free_text_leaves_with_the_summary_alone_and_redacted(ids):
    said = {"notes": "spoke to Robert Miller", "subject_line": "a refund", "mood": "angry at Robert Miller"}
    intake = Intake(Limits(free_text=frozenset({"notes", "subject_line"})), ids)
    bench = Bench(real_sessions(), policies=consents(ids), intake=intake)
    for record in make_call("c1", CUSTOMER, 7, START_MS).records:
        if record.kind == "events" and b"started" in dict(record.headers)["ce_type"]:
            value = msgspec.json.encode(msgspec.json.decode(record.value) | said)
            record = Record("events", record.key, value, record.headers, record.time_ms)
        bench.source([record])
    bench.run(START_MS + 600_000)
    work = bench.commit()
    (summary,) = bench.outputs(NAMES.calls)
    kept = {name: text for name, text in summary.fields["metadata"].items() if name in said}
    assert kept == {"notes": "spoke to [PERSON_1]", "subject_line": "a refund"}
    assert {topic for topic, held in all_bytes(bench, work) if b"Robert" in held or b"Miller" in held} == set()
    assert {name: n for name, n in bench.metrics.dropped_fields.values.items() if n} == {"other": 1}
