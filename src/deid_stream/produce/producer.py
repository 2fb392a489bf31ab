"""Sends calls: one connection, any number of calls at a time.

async with producer("127.0.0.1:9092") as sending:
    call = sending.call("c-17", "acme")
    await call.start(channels=2, direction="inbound")
    await call.audio(chunk, channel=0)
    await call.document("deepgram", message)
    await call.end()
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from deid_stream.config import Settings
from deid_stream.kafka.connect import connect
from deid_stream.kafka.ports import Sender
from deid_stream.produce.records import CallRecords
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.units import Ms


class Call:
    """One call being sent. Each method returns once the broker has the record; errors are BrokerError and those of
    ``CallRecords``. Start it when its sound begins; audio follows without gaps unless ``offset_ms`` says so."""

    def __init__(self, records: CallRecords, sender: Sender, now_ms: Callable[[], Ms]) -> None:
        self._records = records
        self._sender = sender
        self._now_ms = now_ms

    async def start(self, *, channels: int = 0, minor: bool = False, **metadata: object) -> None:
        """See ``CallRecords.started``."""
        await self._sender.send([self._records.started(self._now_ms(), channels=channels, minor=minor, **metadata)])

    async def audio(
        self, *chunks: bytes, channel: int | None = 0, content_type: str = "audio/basic", offset_ms: Ms | None = None
    ) -> None:
        """One or several chunks in a row; several in one call cost one round trip."""
        made = []
        for chunk in chunks:
            made.append(
                self._records.audio(
                    chunk, self._now_ms(), channel=channel, content_type=content_type, offset_ms=offset_ms
                )
            )
            offset_ms = None
        await self._sender.send(made)

    async def segment(self, segment: Mapping[str, object]) -> None:
        """See ``CallRecords.segment``."""
        await self._sender.send([self._records.segment(segment, self._now_ms())])

    async def document(self, provider: str, document: object, **more: Any) -> None:
        """See ``CallRecords.document``."""
        await self._sender.send([self._records.document(provider, document, self._now_ms(), **more)])

    async def end(self, *, duration_ms: Ms | None = None) -> None:
        """See ``CallRecords.ended``."""
        await self._sender.send([self._records.ended(self._now_ms(), duration_ms=duration_ms)])


class Producer:
    """Open connection; see ``producer``."""

    def __init__(self, sender: Sender, *, source: str, prefix: str, now_ms: Callable[[], Ms]) -> None:
        self._sender = sender
        self._source = source
        self._prefix = prefix
        self._now_ms = now_ms

    def call(self, call_id: str, customer_id: str) -> Call:
        """A call to send; ids as in ``CallRecords``."""
        records = CallRecords(call_id, customer_id, source=self._source, prefix=self._prefix)
        return Call(records, self._sender, self._now_ms)


@contextlib.asynccontextmanager
async def producer(
    bootstrap_servers: str | Settings,
    *,
    source: str = "/deid-stream/produce",
    prefix: str = "",
    now_ms: Callable[[], Ms] = wall_clock_ms,
) -> AsyncIterator[Producer]:
    """Connect, and close whatever happens. Raises BrokerError where no broker answers.

    ``bootstrap_servers``: ``host:port`` of the brokers, comma-separated, or whole settings (security, topic prefix).
    """
    settings = bootstrap_servers
    if isinstance(settings, str):
        settings = Settings(bootstrap_servers=settings)
    async with connect(settings, "deid-stream-produce").sender() as sender:
        yield Producer(sender, source=source, prefix=prefix or settings.topic_prefix, now_ms=now_ms)
