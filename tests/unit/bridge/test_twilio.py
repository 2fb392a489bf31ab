"""Twilio's frames to records: chunks, gaps, tracks, connections that are lost and come again."""

import base64
import json

import pytest

from deid_stream.bridge.calls import BridgedCalls
from deid_stream.errors import ConfigError, DecodeError
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Segment
from deid_stream.model.topics import TopicNames
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits

T = 1_700_000_000_000
FRAME_MS = 20


def start(call_id="CA1", tracks=("inbound", "outbound"), **more):
    return {"event": "start", "start": {"callSid": call_id, "tracks": list(tracks), **more}}


def media(at_ms, track="inbound", fill=b"\x11"):
    payload = base64.b64encode(fill * FRAME_MS * 8).decode()
    return {"event": "media", "media": {"track": track, "chunk": "1", "timestamp": str(at_ms), "payload": payload}}


STOP = {"event": "stop", "stop": {"callSid": "CA1"}}


class Connection:
    """One WebSocket of Twilio's."""

    def __init__(self, calls):
        self.calls = calls
        self.stream = None

    def send(self, *messages, now_ms=T):
        found = []
        for message in messages:
            raw = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.stream, records = self.calls.message(raw, self.stream, now_ms)
            found += events(records)
        return found


def events(records):
    kinds = TopicNames.of("").inputs
    return [
        event
        for record in records
        for event in decode(
            kinds[record.topic], record.key, record.value, record.headers, record.timestamp_ms, 0, Limits()
        ).sound()
    ]


def places(found):
    return [(e.channel, e.seq, e.offset_ms, len(e.data)) for e in found if isinstance(e, AudioChunk)]


def frames(*starts, track="inbound"):
    return [media(at, track) for at in starts]


def test_a_call_from_start_to_stop():
    twilio = Connection(BridgedCalls("acme"))
    found = twilio.send({"event": "connected"}, start(), *frames(*range(0, 240, 20)), STOP)
    assert [type(event) for event in found] == [CallStarted, AudioChunk, AudioChunk, AudioChunk, CallEnded]
    assert (found[0].call_id, found[0].customer_id, found[0].channels) == ("CA1", "acme", 2)
    assert places(found) == [(0, 0, 0, 800), (0, 1, 100, 800), (0, 2, 200, 320)]
    assert found[-1].duration_ms == 240
    assert twilio.calls.live == 0


def test_tracks_are_channels():
    twilio = Connection(BridgedCalls("acme"))
    both = [frame for at in range(0, 100, 20) for frame in (media(at), media(at, "outbound", b"\x22"))]
    found = twilio.send(start(), *both)
    assert places(found) == [(0, 0, 0, 800), (1, 0, 0, 800)]
    assert {e.channel: e.data[:1] for e in found[1:]} == {0: b"\x11", 1: b"\x22"}


def test_a_gap_is_kept():
    twilio = Connection(BridgedCalls("acme"))
    found = twilio.send(start(), *frames(0, 20, 500, 520), STOP)
    assert places(found) == [(0, 0, 0, 320), (0, 1, 500, 320)]


def test_another_connection_goes_on_where_the_clock_is():
    calls = BridgedCalls("acme")
    first, second = Connection(calls), Connection(calls)
    first.send(start(), *frames(0, 20))
    calls.lost(first.stream, T + 40)
    found = second.send(start(), *frames(0, 20, 40, 60, 80), STOP, now_ms=T + 5_000)
    # what was left of the first connection goes before, and the call does not start again
    assert places(found) == [(0, 0, 0, 320), (0, 1, 5_000, 800)]
    assert [type(e) for e in found if not isinstance(e, AudioChunk)] == [CallEnded]


def test_a_call_that_nobody_comes_back_to_ends():
    calls = BridgedCalls("acme", grace_ms=30_000)
    twilio = Connection(calls)
    twilio.send(start(), *frames(0, 20))
    calls.lost(twilio.stream, T)
    assert calls.expire(T + 29_999) == []
    assert [type(e) for e in events(calls.expire(T + 30_000))] == [AudioChunk, CallEnded]
    assert calls.live == 0


def test_the_customer_is_the_streams_or_the_bridges():
    found = Connection(BridgedCalls("acme")).send(start(customParameters={"customer_id": "northwind"}))
    assert found[0].customer_id == "northwind"
    with pytest.raises(ConfigError, match="--customer"):
        Connection(BridgedCalls("")).send(start())


def test_pressed_keys_do_not_go_on():
    twilio = Connection(BridgedCalls("acme"))
    twilio.send(start())
    assert twilio.send({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "4"}}, {"event": "mark"}) == []


def test_transcripts_of_a_live_call():
    calls = BridgedCalls("acme")
    Connection(calls).send(start())
    raw = json.dumps(
        {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 900, "text": "i am ann"}
    ).encode()
    (segment,) = events(calls.transcript("CA1", "assemblyai", raw, T, {"channel": 1}))
    assert isinstance(segment, Segment)
    assert (segment.call_id, segment.channel) == ("CA1", 1)
    with pytest.raises(DecodeError) as caught:
        calls.transcript("CA2", "assemblyai", raw, T, {})
    assert "CA2" not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "at"),
    [
        (b"{", "$"),
        (media(0), "$.event"),
        (STOP, "$.event"),
        ({"event": "start"}, "$.start"),
        ({"event": "start", "start": {}}, "$.start.callSid"),
    ],
    ids=str,
)
def test_what_is_refused_before_the_start(message, at):
    with pytest.raises(DecodeError) as caught:
        Connection(BridgedCalls("acme")).send(message)
    assert caught.value.at == at


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"track": "both"}, "$.media.track"),
        ({"track": {"inbound": 1}}, "$.media.track"),
        ({"track": ["inbound"]}, "$.media.track"),
        ({"timestamp": "soon"}, "$.media.timestamp"),
        ({"timestamp": "nan"}, "$.media.timestamp"),
        ({"timestamp": -5}, "$.media.timestamp"),
        ({"timestamp": "9" * 400}, "$.media.timestamp"),
        ({"payload": "not Base64!"}, "$.media.payload"),
        ({"payload": ""}, "$.media.payload"),
        ({"payload": None}, "$.media.payload"),
        ({"payload": "A" * 200_000}, "$.media.payload"),
    ],
    ids=str,
)
def test_a_bad_frame_is_refused_and_the_call_goes_on(change, at):
    twilio = Connection(BridgedCalls("acme"))
    twilio.send(start())
    bad = media(0)
    bad["media"] |= change
    with pytest.raises(DecodeError) as caught:
        twilio.send(bad)
    assert caught.value.at == at
    assert places(twilio.send(*frames(0, 20, 40, 60, 80))) == [(0, 0, 0, 800)]
