"""The bridge over real WebSockets on this machine, with a broker that only remembers."""

import asyncio
import base64
import hmac
import json

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus

from deid_stream.bridge.calls import BridgedCalls
from deid_stream.bridge.server import Bridge, Options, is_signed, transcript_options
from deid_stream.errors import BrokerError, DecodeError, TopicError
from tests.unit.bridge.test_twilio import STOP, frames, media, start

T = 1_700_000_000_000


class Broker:
    """Takes records, or refuses them for a while."""

    def __init__(self, refusals=0):
        self.refusals = refusals
        self.records = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, records):
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            raise BrokerError("away")
        self.records += records


async def until(true, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for is in the broker or the bridge
            await asyncio.sleep(0.01)


def bridge(broker, **options):
    return Bridge(BridgedCalls("acme"), broker, Options("127.0.0.1", 0, **options), lambda: T)


def address(server, path="/twilio"):
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}{path}"


async def say(connection, *messages):
    for message in messages:
        await connection.send(json.dumps(message))


async def test_a_call_comes_through():
    broker = Broker()
    async with bridge(broker).listening() as server, connect(address(server)) as twilio:
        await say(twilio, start(), *frames(*range(0, 200, 20)), STOP)
        await until(lambda: len(broker.records) == 4)
    assert [record.topic for record in broker.records] == ["calls.events", "calls.audio", "calls.audio", "calls.events"]


async def test_transcripts_come_by_a_connection_of_their_own():
    broker = Broker()
    message = {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 900, "text": "i am ann"}
    async with bridge(broker).listening() as server, connect(address(server)) as twilio:
        await say(twilio, start())
        await until(lambda: broker.records)
        async with connect(address(server, "/transcripts/assemblyai?call_id=CA1&channel=1")) as recogniser:
            await say(recogniser, message)
            await until(lambda: len(broker.records) == 2)
    assert dict(broker.records[1].headers)["ce_dataschema"] == b"assemblyai"
    assert dict(broker.records[1].headers)["ce_channel"] == b"1"


async def test_records_wait_for_a_broker_that_is_away_and_keep_their_order():
    broker = Broker(refusals=1)
    async with bridge(broker).listening() as server, connect(address(server)) as twilio:
        await say(twilio, start(), *frames(*range(0, 300, 20)))
        await until(lambda: len(broker.records) == 4)
    sequence = [dict(record.headers)["ce_seq"] for record in broker.records[1:4]]
    assert sequence == [b"0", b"1", b"2"]


async def test_a_full_queue_stops_the_reading():
    broker = Broker()
    broker.open.clear()
    made = bridge(broker, queue_records=5)
    async with made.listening() as server, connect(address(server)) as twilio:
        sent = 0

        async def flood():
            nonlocal sent
            await say(twilio, start())
            for at in range(0, 20_000_000, 5_000):
                await say(twilio, media(at, fill=b"\x11" * 250))
                sent += 1

        flooding = asyncio.create_task(flood())
        await until(lambda: made.waiting == 5)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert broker.records == []
        assert sent < 2_000
        flooding.cancel()
        broker.open.set()
        await until(lambda: broker.records)


async def test_what_has_come_is_sent_when_the_bridge_stops():
    broker = Broker()
    async with bridge(broker).listening() as server, connect(address(server)) as twilio:
        await say(twilio, start(), *frames(0, 20))
        await until(lambda: broker.records)
        await twilio.close()
    assert [record.topic for record in broker.records] == ["calls.events", "calls.audio"]


async def test_a_broker_that_refuses_for_good_ends_the_bridge():
    class Refusing(Broker):
        async def send(self, records):
            raise TopicError("topic calls.events is missing")

    async def run():
        made = bridge(Refusing())
        async with made.listening() as server, connect(address(server)) as twilio:
            await say(twilio, start())
            await made.until(asyncio.Event())

    with pytest.raises(TopicError):
        await run()


async def test_it_ends_when_it_is_told_to():
    stopped = asyncio.Event()
    made = bridge(Broker())
    async with made.listening():
        asyncio.get_running_loop().call_soon(stopped.set)
        await made.until(stopped)


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/healthz", 200), ("/media", 404)])
async def test_other_paths_are_no_websockets(path, status):
    async with bridge(Broker()).listening() as server:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(address(server, path)):
                pass
    assert caught.value.response.status_code == status


@pytest.mark.parametrize("path", ["/transcripts/parrot?call_id=CA1", "/transcripts/deepgram"])
async def test_a_connection_that_cannot_be_meant_is_closed_with_the_reason(path):
    async with bridge(Broker()).listening() as server, connect(address(server, path)) as recogniser:
        with pytest.raises(ConnectionClosed) as caught:
            await recogniser.recv()
    assert caught.value.rcvd.code == 1008


async def test_only_twilio_may_come_where_a_token_is_set():
    options = {"auth_token": "secret", "public_url": "wss://bridge.example"}
    signature = base64.b64encode(hmac.digest(b"secret", b"wss://bridge.example/twilio", "sha1")).decode()
    broker = Broker()
    async with bridge(broker, **options).listening() as server:
        for headers in ({}, {"X-Twilio-Signature": "AAAA"}):
            with pytest.raises(InvalidStatus) as caught:
                async with connect(address(server), additional_headers=headers):
                    pass
            assert caught.value.response.status_code == 403
        async with connect(address(server), additional_headers={"X-Twilio-Signature": signature}) as twilio:
            await say(twilio, start())
            await until(lambda: broker.records)


def test_a_signature():
    signature = base64.b64encode(hmac.digest(b"t", b"wss://h/twilio", "sha1")).decode()
    assert is_signed("t", "wss://h/twilio", Headers({"X-Twilio-Signature": signature}))
    assert not is_signed("t", "wss://h/other", Headers({"X-Twilio-Signature": signature}))
    assert not is_signed("t", "wss://h/twilio", Headers())
    twice = Headers([("X-Twilio-Signature", signature), ("X-Twilio-Signature", signature)])
    assert not is_signed("t", "wss://h/twilio", twice)


@pytest.mark.parametrize("odd", ["é", "AAAA\xff"])
def test_a_signature_that_is_no_ascii_is_refused_like_any_other(odd):
    assert not is_signed("t", "wss://h/twilio", Headers({"X-Twilio-Signature": odd}))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("call_id=CA1", ("CA1", {})),
        ("call_id=CA1&channel=1&clock_began_ms=500", ("CA1", {"channel": 1, "clock_began_ms": 500})),
        ("call_id=CA1&roles=agent,customer", ("CA1", {"roles": "agent,customer"})),
    ],
)
def test_what_an_address_says(query, expected):
    assert transcript_options(query) == expected


@pytest.mark.parametrize(
    "query", ["", "channel=1", "call_id=c&channel=64", "call_id=c&channel=x", "call_id=c&roles=boss"]
)
def test_what_an_address_may_not_say(query):
    with pytest.raises(DecodeError):
        transcript_options(query)
