"""A sample call sent as Opus in Ogg: what has no hole is passed on as it came, a hole is silent when decoded."""

import json
from pathlib import Path

import numpy as np
import pytest

from deid_stream import demo
from deid_stream.audio.codec import opus, pcm
from deid_stream.datasets.callfile import Pace, read_call, records
from deid_stream.detect.detector import Detector
from deid_stream.model.topics import TopicNames
from deid_stream.session.settings import SessionSettings
from deid_stream.units import Interval
from tests.support.consents import standing_of
from tests.support.oracle import expected_records

SAMPLE = Path(demo.__file__).parent / "samples" / "card-payment"
NAMES = TopicNames.of("")
CHUNK_MS = 500
EDGE_MS = 30
"""What the codec smears over the border of a hole."""
QUIET_RMS = 20
"""-64 dBFS."""


def as_opus(record):
    """An audio record as a producer of Opus would have sent it."""
    if record.kind != "audio":
        return record
    headers = dict(record.headers)
    sound = opus.Pcm(pcm.parse_content_type(headers["content-type"]), record.value)
    headers["content-type"] = b"audio/ogg;codecs=opus"
    return record._replace(value=opus.encode(sound), headers=list(headers.items()))


@pytest.fixture(scope="module", params=[False, True], ids=["a record a channel", "interleaved"])
def sent(request):
    call = read_call(SAMPLE.with_suffix(".wav"), SAMPLE.with_suffix(".call.json"))
    return [as_opus(record) for record in records(call, Pace(chunk_ms=CHUNK_MS, interleaved=request.param))]


def published(sent, **policy):
    standing = standing_of(json.dumps({"customer_id": "harbour-bank", "version": 1} | policy).encode())
    return expected_records(
        sent,
        standing,
        names=NAMES,
        detector=Detector.load(),
        key=bytes(32),
        settings=SessionSettings(default_profile="exact"),
        version="1",
    )


def source_of(sent):
    return {
        (headers.get("ce_channel"), headers["ce_seq"]): record.value
        for record in sent
        if record.kind == "audio"
        for headers in [dict(record.headers)]
    }


def samples(data):
    sound = opus.decode(data)
    return pcm.decode(sound.data, sound.format).astype(float)


def test_records_with_a_hole_are_silent_there_and_the_others_are_as_they_came(sent):
    out = published(sent)
    source = source_of(sent)
    silenced = [json.loads(r.value) for r in out if r.topic == NAMES.audit and b'"silenced"' in r.value]
    assert {line["reason"] for line in silenced} >= {"CREDIT_CARD", "PERSON"}
    untouched = redacted = 0
    for record in (r for r in out if r.topic == NAMES.analytics_audio):
        headers = dict(record.headers)
        assert headers["content-type"] == b"audio/ogg;codecs=opus"
        before = source.pop((headers.get("ce_channel"), headers["ce_seq"]))
        if headers["ce_redactedms"] == b"0":
            untouched += 1
            assert record.value == before
            continue
        after, before = samples(record.value), samples(before)
        assert after.shape == before.shape
        at_ms = int(headers["ce_offsetms"])
        for line in silenced:
            alone = headers.get("ce_channel")
            if alone is not None and int(alone) != line["channel"]:
                continue
            start, end = line["start_ms"] - at_ms, line["end_ms"] - at_ms
            inside = Interval(start + EDGE_MS if start > 0 else 0, end - EDGE_MS if end < CHUNK_MS else CHUNK_MS)
            if inside.length:
                redacted += 1
                hole = after[inside.start * 8 : inside.end * 8, 0 if alone else line["channel"]]
                assert np.sqrt(np.mean(np.square(hole))) < QUIET_RMS
    assert not source
    assert untouched > redacted > 3


def test_a_disguised_voice_is_as_long_and_still_opus(sent):
    out = published(sent, voice_disguise=True)
    source = source_of(sent)
    disguised = [r for r in out if r.topic == NAMES.training_audio]
    assert len(disguised) == len(source)
    changed = 0
    for record in disguised:
        headers = dict(record.headers)
        before = source[headers.get("ce_channel"), headers["ce_seq"]]
        assert samples(record.value).shape == samples(before).shape
        changed += record.value != before
    assert changed
