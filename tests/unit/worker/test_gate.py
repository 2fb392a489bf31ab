"""The gate: which topic gets what of a call, and what the audit says about the rest."""

import json

import pytest

from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary, SanitizedAudio, SanitizedSegment
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.permit import decode_permit
from deid_stream.worker.consent import CallConsent, CallFacts
from deid_stream.worker.gate import MAX_VALUE_BYTES, Gate
from tests.support.consents import Consents

NAMES = TopicNames.of("")


def policy(version=1, **fields):
    return json.dumps({"customer_id": "acme", "version": version, **fields}).encode()


def audio(time_ms, seq=0, data=b"\x7f" * 8, disguised=None):
    chunk = AudioChunk(
        call_id="call",
        customer_id="acme",
        seq=seq,
        offset_ms=0,
        format=AudioFormat(Encoding.MULAW, 8_000),
        data=data,
        channel=0,
        time_ms=time_ms,
    )
    return SanitizedAudio(chunk=chunk, data=data, redacted_ms=0, disguised=disguised)


def segment(time_ms, seq=0, text="hello", is_final=True):
    return SanitizedSegment(
        call_id="call",
        customer_id="acme",
        seq=seq,
        segment_id=f"s{seq}",
        revision=0,
        channel=0,
        language="en",
        start_ms=0,
        end_ms=1,
        text=text,
        words=(),
        entities=(),
        is_final=is_final,
        time_ms=time_ms,
    )


def summary(time_ms):
    return CallSummary(
        call_id="call",
        customer_id="acme",
        time_ms=time_ms,
        duration_ms=1,
        channels=1,
        segments=0,
        audio_chunks=0,
        redactions={},
        redacted_audio_ms={},
    )


class Door:
    """One call before the gate. Topics are shortened to their last two words."""

    def __init__(self, *, region="", fresh=True, started_ms=100):
        self.consents = Consents(region=region, fresh=fresh)
        self.gate = Gate(NAMES, self.consents, "test", Metrics())
        self.facts = CallFacts("call", started_ms, "acme")
        self.consent = CallConsent(self.facts)
        self.records = []

    def append(self, topic, key, value, headers, time_ms):
        self.records.append((topic, key, value, dict(headers)))

    def set(self, value, time_ms=1):
        return self.consents.set("acme", value, time_ms)

    def publish(self, *outputs, minor=False):
        """What came out of these outputs: topics, and the audit's reasons."""
        self.records.clear()
        self.gate.publish(self, outputs, self.consent, minor=minor)
        return [
            json.loads(value)["reason"] if topic == NAMES.audit else topic.removeprefix("deid.")
            for topic, _, value, _ in self.records
        ]

    def permits(self):
        return [decode_permit(headers["ce_permit"]) for *_, headers in self.records if "ce_permit" in headers]


def test_with_a_permit_both_get_it():
    door = Door()
    door.set(policy())
    assert door.publish(audio(100), segment(101), summary(102)) == [
        "analytics.audio",
        "training.audio",
        "analytics.transcripts",
        "training.transcripts",
        "calls",
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "training_unknown_policy"),
        (policy(training_opt_out=True), "training_opt_out"),
        (b"garbage", "training_unreadable_policy"),
        (policy(region="in"), "training_region"),
        (policy(effective_from=10_000), "training_not_in_effect"),
    ],
)
def test_the_first_withheld_record_says_why_and_the_rest_do_not_repeat_it(value, reason):
    door = Door()
    door.set(value)
    assert door.publish(segment(100)) == ["analytics.transcripts", reason]
    assert door.publish(audio(101), segment(102), summary(103)) == [
        "analytics.audio",
        "analytics.transcripts",
        "calls",
    ]


def test_a_topic_of_policies_that_has_gone_silent_is_the_reason():
    door = Door(fresh=False)
    door.set(policy())
    assert door.publish(segment(100)) == ["analytics.transcripts", "training_stale_policies"]
    door.consents.fresh_now = True
    assert door.publish(segment(101, seq=1)) == ["analytics.transcripts", "partial", "training.transcripts"]


def test_each_change_of_the_reason_is_said_once():
    door = Door()
    assert door.publish(segment(100)) == ["analytics.transcripts", "training_unknown_policy"]
    door.set(policy(1), time_ms=200)
    assert door.publish(segment(150, seq=1)) == ["analytics.transcripts"]
    assert door.publish(segment(201, seq=2)) == ["analytics.transcripts", "partial", "training.transcripts"]
    assert door.publish(audio(199), segment(202, seq=3)) == [
        "analytics.audio",
        "training_unknown_policy",
        "analytics.transcripts",
        "training.transcripts",
    ]
    assert door.publish(audio(198)) == ["analytics.audio"]
    door.set(policy(2, training_opt_out=True), time_ms=300)
    assert door.publish(segment(301, seq=4)) == ["analytics.transcripts", "training_opt_out"]


def test_speech_under_an_opt_out_stays_out_when_the_customer_opts_in_before_its_release():
    door = Door()
    door.set(policy(1, training_opt_out=True))
    door.set(policy(2), time_ms=200)
    assert door.publish(segment(150)) == ["analytics.transcripts", "training_opt_out"]


def test_permits_say_which_policy_until_when_and_whether_training_has_the_whole_call():
    door = Door()
    door.set(policy(1))
    door.publish(segment(100), audio(101))
    for permit in door.permits():
        assert (permit.policy_version, permit.position, permit.partial) == ("1", "0/0", False)
        assert permit.retain_until == "1971-01-01T00:00:00.000Z"
    door.set(policy(2, training_opt_out=True), time_ms=200)
    door.publish(segment(250, seq=1))
    assert not door.permits()
    door.set(policy(3, retention_days={"training": 1}), time_ms=300)
    door.publish(segment(301, seq=2), audio(302))
    assert [(p.position, p.partial, p.retain_until) for p in door.permits()] == [
        ("0/2", True, "1970-01-02T00:00:00.000Z")
    ] * 2
    value = json.loads(next(r for r in door.records if r[0] == NAMES.training_transcripts)[2])
    assert value["permit"]["partial"] is True


def test_a_call_that_began_before_its_policy_is_partial_from_the_first_record_on():
    door = Door(started_ms=100)
    door.set(policy(1), time_ms=200)
    door.publish(segment(201))
    assert [permit.partial for permit in door.permits()] == [True]


def test_a_turn_that_the_detector_withheld_makes_the_call_partial():
    door = Door()
    door.set(policy(1))
    withheld = AuditEntry(
        call_id="call", customer_id="acme", action=AuditAction.WITHHELD, reason="detector", time_ms=100
    )
    door.publish(withheld, segment(101))
    assert [permit.partial for permit in door.permits()] == [True]


def test_a_minors_call_says_so_with_its_first_line():
    door = Door()
    door.set(policy(1))
    closed = AuditEntry(call_id="call", customer_id="acme", action=AuditAction.CLOSED, reason="minor", time_ms=100)
    assert door.publish(closed, minor=True) == ["training_minor", "minor"]
    assert door.publish(closed, minor=True) == ["minor"]


def test_analytics_off_is_said_once():
    door = Door()
    door.set(policy(1, analytics=False))
    assert door.publish(audio(100), segment(101), summary(102)) == [
        "analytics_off",
        "training.audio",
        "training.transcripts",
    ]
    door.set(policy(2))
    assert door.publish(segment(103, seq=1)) == ["analytics.transcripts", "training.transcripts"]
    door.set(policy(3, analytics=False))
    assert door.publish(segment(104, seq=2)) == ["analytics_off", "training.transcripts"]


def test_an_unreadable_update_opens_nothing_to_analytics():
    door = Door()
    door.set(policy(1, analytics=False))
    door.set(b"garbage")
    assert door.publish(segment(100)) == ["analytics_off", "training_unreadable_policy"]


def test_interims_are_never_trained_on():
    door = Door()
    door.set(policy(1))
    assert door.publish(segment(100, is_final=False)) == ["analytics.transcripts"]


def test_a_record_too_large_for_the_broker_is_withheld_and_makes_the_call_partial():
    door = Door()
    door.set(policy(1))
    big = audio(100, data=b"\x7f" * (MAX_VALUE_BYTES + 1))
    assert door.publish(big, audio(101, seq=1)) == ["oversized", "analytics.audio", "partial", "training.audio"]
    assert [permit.partial for permit in door.permits()] == [True]


def test_training_gets_the_disguised_voice_where_there_is_one():
    door = Door()
    door.set(policy(1, voice_disguise=True))
    door.publish(audio(100, disguised=b"\x11" * 8))
    assert [value for topic, _, value, _ in door.records if topic == NAMES.training_audio] == [b"\x11" * 8]
    assert [value for topic, _, value, _ in door.records if topic == NAMES.analytics_audio] == [b"\x7f" * 8]


def test_a_call_without_a_record_says_at_its_end_why_training_would_have_got_nothing():
    door = Door()
    assert door.publish(summary(100)) == ["calls", "training_unknown_policy"]
