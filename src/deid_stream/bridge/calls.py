"""The calls of one bridge: brings the streams and transcripts of a call together, and puts its records in one order."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from deid_stream.bridge.twilio import TwilioCall, is_silent
from deid_stream.errors import ConfigError, DecodeError
from deid_stream.kafka.record import OutRecord
from deid_stream.produce.records import CallRecords
from deid_stream.units import Ms
from deid_stream.wire.json import read_object

SOURCE: Final = "/deid-stream/bridge/twilio"
_CUSTOMER: Final = ("customer_id", "customerId", "customer")


class _Live(msgspec.Struct):
    call: TwilioCall
    streams: int
    """Open streams."""
    left_ms: Ms | None = None
    """When the last stream was lost without saying that it ended."""


class Stream(NamedTuple):
    """One WebSocket connection's stream, once it has started."""

    call_id: str


class BridgedCalls:
    """``customer_id`` is the customer of streams whose parameters name none. A call whose last stream was lost
    waits ``grace_ms`` for another before it ends."""

    def __init__(self, customer_id: str, *, prefix: str = "", grace_ms: Ms = 30_000) -> None:
        self._customer_id = customer_id
        self._prefix = prefix
        self._grace_ms = grace_ms
        self._live: dict[str, _Live] = {}

    @property
    def live(self) -> int:
        return len(self._live)

    def message(self, raw: bytes, stream: Stream | None, now_ms: Ms) -> tuple[Stream | None, list[OutRecord]]:
        """A message of a Twilio connection; its stream from then on, and what is to be sent.

        Raises DecodeError for a message that is none of Media Streams'.
        """
        message = read_object(raw)
        event = message.get("event")
        if is_silent(event):
            return stream, []
        if event == "start":
            return self._started(_object(message, "start"), now_ms)
        if stream is None or (live := self._live.get(stream.call_id)) is None:
            raise DecodeError("a message before its stream's start", at="$.event", mend="send start first")
        if event == "media":
            return stream, live.call.media(_object(message, "media"), now_ms)
        if event == "stop":
            return None, self._stopped(stream, now_ms)
        raise DecodeError("a message of another kind than Media Streams'", at="$.event")

    def lost(self, stream: Stream | None, now_ms: Ms) -> None:
        """The connection is gone and its stream has not said that it ended: another may follow."""
        live = self._live.get(stream.call_id) if stream else None
        if live is not None:
            live.streams -= 1
            live.left_ms = now_ms if live.streams <= 0 else None

    def expire(self, now_ms: Ms) -> list[OutRecord]:
        """End the calls whose lost stream has not been followed by another in time."""
        over = [
            call_id
            for call_id, live in self._live.items()
            if live.left_ms is not None and now_ms - live.left_ms >= self._grace_ms
        ]
        return [record for call_id in over for record in self._live.pop(call_id).call.ended(now_ms)]

    def close(self, now_ms: Ms) -> list[OutRecord]:
        """Send what has come of each call, because the bridge stops. The calls are not ended: another bridge may go on
        with them."""
        return [record for live in self._live.values() for record in live.call.resumed(now_ms)]

    def transcript(
        self, call_id: str, provider: str, raw: bytes, now_ms: Ms, options: Mapping[str, object]
    ) -> list[OutRecord]:
        """A recogniser's message about a live call. Raises DecodeError where no stream of the call is known."""
        live = self._live.get(call_id)
        if live is None:
            raise DecodeError(
                "a transcript of a call that has no stream here", at="call_id", mend="start its stream first"
            )
        return live.call.document(provider, raw, now_ms, **options)

    def _started(self, start: Mapping[str, object], now_ms: Ms) -> tuple[Stream, list[OutRecord]]:
        call_id = start.get("callSid")
        if not isinstance(call_id, str):
            raise DecodeError("a stream without its call", at="$.start.callSid")
        known = self._live.get(call_id)
        if known is not None:
            known.streams += 1
            known.left_ms = None
            return Stream(call_id), known.call.resumed(now_ms)
        records = CallRecords(call_id, self._customer_of(start), source=SOURCE, prefix=self._prefix)
        call = TwilioCall(records, now_ms)
        self._live[call_id] = _Live(call, 1)
        return Stream(call_id), call.started(start, now_ms)

    def _customer_of(self, start: Mapping[str, object]) -> str:
        given = start.get("customParameters")
        said = next((given[name] for name in _CUSTOMER if given.get(name)), None) if isinstance(given, dict) else None
        customer_id = said if isinstance(said, str) else self._customer_id
        if not customer_id:
            raise ConfigError(
                'a stream names no customer: give --customer, or <Parameter name="customer_id"> in <Stream>'
            )
        return customer_id

    def _stopped(self, stream: Stream, now_ms: Ms) -> list[OutRecord]:
        live = self._live[stream.call_id]
        live.streams -= 1
        if live.streams > 0:
            return []
        del self._live[stream.call_id]
        return live.call.ended(now_ms)


def _object(message: Mapping[str, object], name: str) -> dict[str, object]:
    value = message.get(name)
    if not isinstance(value, dict):
        raise DecodeError(f"a message without {name}", at=f"$.{name}")
    return value
