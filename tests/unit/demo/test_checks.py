"""The demo's verdict is worth something only if each check fails when it should."""

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.datasets.callfile import CallFile, CallHeader, Truth
from deid_stream.datasets.wav import WavFile
from deid_stream.demo import checks
from deid_stream.demo.listener import Collected, Published, is_complete
from deid_stream.demo.stage import OPTED_OUT, load_samples
from deid_stream.model.events import AudioFormat, Encoding

STEREO = AudioFormat(Encoding.MULAW, 8000, 2)
SAMPLES = load_samples()


def tone_call(customer="acme", call_id="c1", spans=((300, 600),), text="zed wye"):
    """A second of noise on both channels; the spans are on channel 1."""
    samples = np.random.default_rng(1).integers(-8_000, 8_000, (8_000, 2)).astype(np.int16)
    segment = {"segment_id": "s0", "channel": 1, "start_ms": 300, "end_ms": 600, "text": text}
    header = CallHeader(call_id=call_id, customer_id=customer, segments=[segment])
    truth = tuple(Truth("PERSON", 1, "s0", start, end, text) for start, end in spans)
    return CallFile(call_id, header, WavFile(STEREO, pcm.encode(samples, STEREO)), truth)


def silenced(call, channel, start_ms, end_ms):
    samples = pcm.decode(call.wav.data, STEREO).copy()
    samples[start_ms * 8 : end_ms * 8, channel] = 0
    return WavFile(STEREO, pcm.encode(samples, STEREO))


@pytest.mark.parametrize(
    ("channel", "start_ms", "end_ms", "audible_ms"),
    [(1, 300, 600, 0), (1, 250, 700, 0), (1, 300, 580, 20), (1, 350, 600, 50), (0, 300, 600, 300), (1, 0, 0, 300)],
)
def test_what_is_left_of_a_span_is_measured(channel, start_ms, end_ms, audible_ms):
    call = tone_call()
    (left,) = checks.residuals(call, silenced(call, channel, start_ms, end_ms))
    assert left.audible_ms == audible_ms


@pytest.mark.parametrize(
    ("channel", "start_ms", "end_ms", "changed_ms"),
    [(1, 300, 600, 0), (1, 200, 700, 0), (1, 150, 600, 50), (1, 300, 750, 50), (0, 300, 310, 10), (0, 0, 0, 0)],
)
def test_what_was_touched_beside_the_margin_is_measured(channel, start_ms, end_ms, changed_ms):
    call = tone_call()
    assert checks.changed_outside_ms(call, silenced(call, channel, start_ms, end_ms)) == changed_ms


@pytest.mark.parametrize(
    ("spans", "changed_ms"),
    [(((100, 300), (600, 800)), 0), (((100, 300),), 400), (((600, 800),), 400)],
)
def test_the_pause_inside_a_value_may_go_with_it(spans, changed_ms):
    call = tone_call(spans=spans)
    assert checks.changed_outside_ms(call, silenced(call, 1, 100, 800)) == changed_ms


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "It is four five three nine, one"}',
        "four five three nine",
        "4539 1488 0343",
        "4539-1488-0343-6467",
        '{"agent": "Alice"}',
        "mister whitcombe",
        "call-id/whitcombe/3",
        "amara dot okonkwo eighty",
        "+919844072111",
        "98440 72111",
        "flat four oh two",
        "ABCPK4321L",
        "ends in 4321",
        "4-3-2-1",
        "43 21",
    ],
)
def test_a_raw_value_is_recognised(text):
    assert checks.RawValues(SAMPLES).found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[CREDIT_CARD_1] [PERSON_2]",
        "two hundred and forty pounds",
        "the third of December",
        "card-payment/1/12",
        '{"start_ms": 12005, "end_ms": 14303, "time_ms": 1790000000000}',
        "three to five working days",
        "one thousand five hundred rupees",
        '{"time_ms": 1795649744321}',
        '{"time_ms": 1795644321744, "seq": 43210}',
    ],
)
def test_what_may_stay_is_not_taken_for_one(text):
    assert not checks.RawValues(SAMPLES).found_in(text)


def record(topic, key, value=b"", customer="acme", **headers):
    pairs = [("ce_customerid", customer.encode()), *((f"ce_{name}", str(v).encode()) for name, v in headers.items())]
    return Published(topic, key.encode(), value, tuple(pairs))


CALLS = [tone_call(), tone_call(customer="monsoon-mobile", call_id="c2")]
CHUNKS = {"c1": 2, "c2": 1}


def good():
    """What a run without fault leaves of ``CALLS``."""
    text = msgspec.json.encode({"is_final": True, "segment_id": "s0", "text": "[PERSON_1]"})
    found = [record("deid.checkpoints", "0", b"{}")]
    for call in CALLS:
        call_id, customer = call.header.call_id, call.header.customer_id
        found.append(record("deid.calls", call_id, b"{}", customer))
        for kind in ("analytics", "training")[: 1 if customer in OPTED_OUT else 2]:
            found.append(record(f"deid.{kind}.transcripts", f"{call_id}/1/0", text, customer))
            for seq in range(CHUNKS[call_id]):
                found.append(record(f"deid.{kind}.audio", f"{call_id}/1/{seq}", b"\xff", customer))
    return found


def verdicts(records, after=None):
    collected = Collected()
    for entry in records:
        collected.add(entry)
    after = after or {call.header.call_id: silenced(call, 1, 300, 600) for call in CALLS}
    found, _ = checks.check_all(CALLS, after, collected, CHUNKS, OPTED_OUT)
    return {check.name for check in found if not check.ok}


def without(topic):
    return [entry for entry in good() if entry.topic != topic]


def test_a_run_without_fault_passes():
    assert verdicts(good()) == set()


def test_repeats_with_equal_bytes_are_dropped():
    assert verdicts([*good(), *good()]) == set()


@pytest.mark.parametrize(
    ("records", "fails"),
    [
        ([], {"no record lost", "no raw value in any record", "training has what it may have"}),
        (without("deid.calls"), {"no record lost"}),
        (without("deid.analytics.audio"), {"no record lost", "training has what it may have"}),
        (without("deid.training.audio"), {"training has what it may have"}),
        ([*good(), record("deid.analytics.audio", "c1/1/0", b"other")], {"no record lost"}),
        ([*good(), record("deid.audit", "c1", b'{"reason": "zed wye"}')], {"no raw value in any record"}),
        ([*good(), record("deid.dlq", "c1", b"{}", name="zed wye")], {"no raw value in any record"}),
        ([*good(), record("deid.checkpoints", "zed wye")], {"no raw value in any record"}),
        (
            [*good(), record("deid.aggregates", "c1", b'{"words": [{"text": "zed"}, {"text": "wye"}]}')],
            {"no raw value in any record"},
        ),
        ([*good(), record("deid.aggregates", "c1", b'{"first": "zed", "second": "wye"}')], set()),
        (
            [*good(), record("deid.training.audio", "c2/1/0", b"", "monsoon-mobile")],
            {"nothing to training of who opted out"},
        ),
    ],
)
def test_every_fault_is_named(records, fails):
    assert verdicts(records) == fails


def test_an_audible_span_fails():
    after = {call.header.call_id: call.wav for call in CALLS}
    assert verdicts(good(), after) == {"no PII audible"}


def test_silence_everywhere_fails():
    after = {call.header.call_id: silenced(call, 1, 0, 1000) for call in CALLS}
    assert verdicts(good(), after) == {"everything else bit-identical"}


@pytest.mark.parametrize(
    ("dropped", "complete"),
    [(None, True), ("deid.calls", False), ("deid.analytics.audio", False), ("deid.analytics.transcripts", False)],
)
def test_a_run_is_complete_when_everything_is_out(dropped, complete):
    collected = Collected()
    for entry in without(dropped):
        collected.add(entry)
    assert is_complete(collected, CALLS, CHUNKS) is complete


def test_the_samples_are_what_they_are_said_to_be():
    assert len(SAMPLES) >= 3
    assert {call.header.customer_id for call in SAMPLES} > OPTED_OUT
    assert [call.name for call in SAMPLES if not call.header.complete] == ["interrupted"]
    cards = [truth for call in SAMPLES for truth in call.truth if truth.entity_type == "CREDIT_CARD"]
    assert len({truth.segment_id for truth in cards}) == 2
    for call in SAMPLES:
        for left in checks.residuals(call, call.wav):
            assert left.audible_ms > (left.end_ms - left.start_ms) / 3
