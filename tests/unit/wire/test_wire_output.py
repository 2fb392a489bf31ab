"""What leaves: the contract's shapes, under ids that are the same on every replay."""

import json

import msgspec
import pytest

from deid_stream.model.entities import EntityType
from deid_stream.model.events import Word
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary, Entity, SanitizedSegment
from deid_stream.policy import compile_policy
from deid_stream.policy.permit import Permit, Position, encode_permit
from deid_stream.wire.output import DeadLetter, encode_audit, encode_dead_letter, encode_segment, encode_summary
from deid_stream.wire.published import read_permit

SEGMENT = SanitizedSegment(
    call_id="call-1",
    customer_id="northwind",
    seq=4,
    segment_id="s1",
    revision=0,
    channel=1,
    language="en",
    start_ms=1000,
    end_ms=2200,
    text="my name is [PERSON_1]",
    words=(Word("my", 1000, 1200, 0.9), Word("[PERSON_1]", 1700, 2200, None)),
    entities=(Entity(EntityType.PERSON, 11, 21, 1700, 2200, 1, 0.98, "neural", "numbered"),),
    time_ms=5,
    allowed_ms=6,
)


def test_a_sanitized_transcript_has_the_source_shape_and_says_what_was_done():
    record = encode_segment(SEGMENT, policy_version="7", pipeline_version="deid-stream/1")
    assert record.key == b"call-1/1/4"
    assert json.loads(record.value) == {
        "call_id": "call-1",
        "customer_id": "northwind",
        "segment_id": "s1",
        "revision": 0,
        "is_final": True,
        "channel": 1,
        "seq": 4,
        "language": "en",
        "start_ms": 1000,
        "end_ms": 2200,
        "text": "my name is [PERSON_1]",
        "words": [
            {"text": "my", "start_ms": 1000, "end_ms": 1200, "confidence": 0.9},
            {"text": "[PERSON_1]", "start_ms": 1700, "end_ms": 2200, "confidence": None},
        ],
        "entities": [
            {
                "entity_type": "PERSON",
                "start": 11,
                "end": 21,
                "start_ms": 1700,
                "end_ms": 2200,
                "channel": 1,
                "score": 0.98,
                "detector": "neural",
                "operator": "numbered",
            }
        ],
        "policy_version": "7",
        "pipeline_version": "deid-stream/1",
    }
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"call-1/1/4",
        "ce_source": b"deid-stream",
        "ce_type": b"call.transcript.v1",
        "ce_subject": b"call-1",
        "ce_customerid": b"northwind",
        "ce_channel": b"1",
        "ce_seq": b"4",
        "ce_policyversion": b"7",
        "content-type": b"application/json",
    }


def test_a_permit_goes_with_training_records_only():
    policy = compile_policy(b'{"customer_id":"northwind","version":7}')
    permit = Permit.of(policy, Position(2, 17), 1_000, 5_000, partial=False)
    record = encode_segment(SEGMENT, policy_version="7", pipeline_version="p", permit=permit)
    assert json.loads(record.value)["permit"] == {
        "customer_id": "northwind",
        "policy_version": "7",
        "position": "2/17",
        "time": "1970-01-01T00:00:01.000Z",
        "retain_until": "1971-01-01T00:00:00.000Z",
    }


def test_a_call_summary():
    summary = CallSummary(
        call_id="call-1",
        customer_id="northwind",
        time_ms=9,
        duration_ms=61_000,
        channels=2,
        segments=3,
        audio_chunks=610,
        redactions={"PERSON": 1},
        redacted_audio_ms={"PERSON": 500},
        metadata={"direction": "inbound"},
    )
    record = encode_summary(summary, policy_version="7", pipeline_version="p")
    value = json.loads(record.value)
    assert record.key == b"call-1"
    assert value["redactions"] == {"PERSON": 1}
    assert value["metadata"] == {"direction": "inbound"}
    assert (value["complete"], value["policy_version"]) == (True, "7")
    assert dict(record.headers)["ce_type"] == b"call.summary.v1"


def test_an_audit_line_leaves_out_what_does_not_apply():
    entry = AuditEntry(
        call_id="call-1",
        customer_id="northwind",
        action=AuditAction.SILENCED,
        reason="UNTRANSCRIBED",
        time_ms=9,
        channel=0,
        start_ms=100,
        end_ms=200,
    )
    record = encode_audit(entry, policy_version="7")
    assert record.key == b"call-1"
    assert json.loads(record.value) == {
        "call_id": "call-1",
        "customer_id": "northwind",
        "action": "silenced",
        "reason": "UNTRANSCRIBED",
        "time_ms": 9,
        "policy_version": "7",
        "channel": 0,
        "start_ms": 100,
        "end_ms": 200,
    }
    assert record == encode_audit(entry, policy_version="7")


LETTER = DeadLetter(
    error="undecodable",
    source_topic="calls.audio",
    source_partition=3,
    source_offset=77,
    timestamp_ms=123,
    key_bytes=6,
    value_bytes=1600,
)


def test_a_dead_letter_names_the_place_of_the_fault_and_the_mend():
    letter = msgspec.structs.replace(LETTER, path="ce_seq", mend="set ce_seq", part=2)
    record = encode_dead_letter(letter, b"call-1")
    value = json.loads(record.value)
    assert (value["path"], value["mend"], value["part"]) == ("ce_seq", "set ce_seq", 2)
    assert dict(record.headers)["ce_id"] == b"calls.audio/3/77/2"


def test_a_dead_letter_is_a_place_and_sizes():
    record = encode_dead_letter(LETTER, b"call-1")
    assert record.key == b"call-1"
    assert json.loads(record.value) == {
        "error": "undecodable",
        "source_topic": "calls.audio",
        "source_partition": 3,
        "source_offset": 77,
        "timestamp_ms": 123,
        "key_bytes": 6,
        "value_bytes": 1600,
    }
    assert dict(record.headers)["ce_id"] == b"calls.audio/3/77"


@pytest.mark.parametrize("key", [None, b"", b"my pin is 1234", b"\xff\xfe", b"x" * 300])
def test_a_key_that_is_no_identifier_stays_behind(key):
    record = encode_dead_letter(LETTER, key)
    assert record.key is None
    assert dict(record.headers)["ce_subject"] == b"calls.audio/3/77"
    assert b"1234" not in b"".join(raw for _, raw in record.headers)


def test_a_permit_is_read_back_as_it_was_written():
    policy = compile_policy(b'{"customer_id":"northwind","version":7,"region":"in"}')
    written = Permit.of(policy, Position(2, 17), 1_000, 86_400_000 + 5, partial=True)
    read = read_permit(encode_permit(written))
    assert (read.customer_id, read.policy_version, read.position) == ("northwind", "7", "2/17")
    assert (read.time_ms, read.retain_until_ms, read.partial) == (1_000, 366 * 86_400_000, True)
