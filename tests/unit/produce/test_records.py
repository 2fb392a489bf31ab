"""What a producer sends is what the worker reads."""

import json

import pytest

from deid_stream.errors import AudioFormatError, ConfigError, DecodeError, UnknownProviderError
from deid_stream.model.topics import TopicNames
from deid_stream.produce import CallRecords
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits

T = 1_700_000_000_000
SEGMENT = {"segment_id": "s1", "channel": 1, "start_ms": 0, "end_ms": 500, "text": "i am ann"}


def read(record, prefix=""):
    """The record as the worker decodes it."""
    kind = TopicNames.of(prefix).inputs[record.topic]
    (event,) = decode(kind, record.key, record.value, record.headers, record.timestamp_ms, 0, Limits()).sound()
    return event


def call(**more):
    return CallRecords("c-1", "acme", **more)


def test_a_call_from_start_to_end():
    records = call()
    started = read(records.started(T, channels=2, direction="inbound", **{"from": "+15005550006"}))
    assert (started.call_id, started.customer_id, started.channels) == ("c-1", "acme", 2)
    assert started.metadata == {"direction": "inbound", "from": "+15005550006"}
    chunks = [read(records.audio(b"\xff" * 800, T, channel=channel)) for channel in (0, 1, 0, 0)]
    assert [(c.channel, c.seq, c.offset_ms) for c in chunks] == [(0, 0, 0), (1, 0, 0), (0, 1, 100), (0, 2, 200)]
    segment = read(records.segment(SEGMENT, T))
    assert (segment.segment_id, segment.text, segment.channel) == ("s1", "i am ann", 1)
    assert read(records.ended(T)).duration_ms == 300
    assert read(records.ended(T, duration_ms=61_000)).duration_ms == 61_000


def test_audio_goes_on_behind_a_gap():
    records = call()
    offsets = [read(records.audio(b"\xff" * 160, T, offset_ms=at)).offset_ms for at in (None, 500, None)]
    assert offsets == [0, 500, 520]


def test_lengths_that_are_no_whole_milliseconds_do_not_drift():
    records = call()
    kind = "audio/pcm;rate=44100;channels=1;encoding=s16le"
    chunks = [read(records.audio(bytes(2 * 441 * 3), T, content_type=kind)) for _ in range(100)]
    assert chunks[-1].offset_ms == 99 * 30


def test_interleaved_audio():
    kind = "audio/pcm;rate=8000;channels=2;encoding=s16le"
    chunk = read(call().audio(bytes(3200), T, channel=None, content_type=kind))
    assert (chunk.channel, chunk.format.channels) == (None, 2)


@pytest.mark.parametrize(
    "form", [lambda d: d, json.dumps, lambda d: json.dumps(d).encode()], ids=["object", "text", "bytes"]
)
def test_a_recognisers_message_goes_as_it_is(form):
    message = {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 900, "text": "i am ann"}
    segment = read(call().document("assemblyai", form(message), T, channel=1, clock_began_ms=5_000))
    assert (segment.provider, segment.channel, segment.start_ms, segment.end_ms) == ("assemblyai", 1, 5_000, 5_900)


def test_roles_say_whose_the_channels_are():
    message = {"UtteranceEvent": {"UtteranceId": "u", "ParticipantRole": "AGENT", "Transcript": "hello"}}
    message["UtteranceEvent"] |= {"BeginOffsetMillis": 0, "EndOffsetMillis": 500}
    assert read(call().document("aws", message, T)).channel == 1
    assert read(call().document("aws", message, T, roles="agent,customer")).channel == 0


def test_ids_of_records_are_unique_and_the_time_is_the_records():
    records = call()
    made = [records.started(T), records.audio(b"\xff", T), records.audio(b"\xff", T, channel=1)]
    made += [records.segment(SEGMENT, T), records.segment(SEGMENT, T), records.ended(T)]
    assert len({dict(record.headers)["ce_id"] for record in made}) == len(made)
    assert {record.key for record in made} == {b"c-1"}
    assert {dict(record.headers)["ce_time"] for record in made} == {b"2023-11-14T22:13:20.000Z"}


def test_topics_may_have_a_prefix():
    assert read(call(prefix="eu.").audio(b"\xff", T), "eu.").seq == 0


@pytest.mark.parametrize(
    ("channels", "channel", "fine"),
    [(2, 1, True), (2, None, True), (0, 5, True), (2, 2, False), (1, 5, False), (2, -1, False)],
)
def test_sound_is_of_a_channel_that_the_call_was_begun_with(channels, channel, fine):
    records = call()
    records.started(T, channels=channels)
    if fine:
        assert records.audio(b"\xff", T, channel=channel).value == b"\xff"
        return
    with pytest.raises(AudioFormatError, match=f"channel {channel} of a call with {channels} channel") as caught:
        records.audio(b"\xff", T, channel=channel)
    assert (caught.value.at, bool(caught.value.mend)) == ("channel", True)


def test_what_would_be_a_dead_letter_is_not_sent():
    with pytest.raises(DecodeError):
        CallRecords("a b", "acme")
    with pytest.raises(DecodeError):
        CallRecords("c", "")
    with pytest.raises(AudioFormatError):
        call().audio(b"", T)
    with pytest.raises(AudioFormatError):
        call().audio(b"\xff" * 3, T, content_type="audio/L16;rate=8000")
    with pytest.raises(AudioFormatError):
        call().audio(b"\xff", T, content_type="audio/mystery")
    with pytest.raises(ConfigError):
        call().segment({"text": "i am ann"}, T)
    with pytest.raises(UnknownProviderError):
        call().document("deepgramm", {}, T)
