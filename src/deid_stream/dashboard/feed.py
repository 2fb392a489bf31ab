"""From Kafka to the board, and one call's records on demand."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from deid_stream.dashboard.board import KINDS, Board, CallLine
from deid_stream.dashboard.inspect import Stored, Tracks, chunks, newest, sounds, transcript, wav, waveform
from deid_stream.dashboard.requests import LOOKED_AT
from deid_stream.errors import BrokerError, SealedError
from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.opening import opened
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord
from deid_stream.keys.customers import ReadKeys
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.model.topics import (
    ANALYTICS_AUDIO,
    ANALYTICS_TRANSCRIPTS,
    AUDIT,
    POLICIES,
    REQUEST_STATUS,
    STATUS,
    TOPICS,
    TRAINING_TRANSCRIPTS,
    Topic,
)
from deid_stream.observe.logs import get_log, where
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.wire.chain import DASHBOARD
from deid_stream.wire.output import encode_audit

log = get_log("dashboard")

BEHIND: Final = 20_000
"""How many of the newest records of each partition are read at the start, of topics that are not read whole. More: a
start takes longer; fewer: less is shown."""
BEHIND_STATUS: Final = 200
_WHOLE: Final = (POLICIES, REQUEST_STATUS)
"""Topics that are read from their beginning, since an opt-out and an open request may be old."""
RETRY_S: Final = 10.0
MARGIN_MS: Final = 600_000
"""A call's records are looked for from so long before its beginning to so long after its end, since producers' clocks
differ."""
LOOK_S: Final = 20.0
"""Longest time for reading one call, in seconds; then the page gets what has been read."""


class Feed:
    """``run`` fills the board until it is cancelled; the other methods answer the page's questions about one call or
    request."""

    def __init__(self, kafka: Kafka, prefix: str, board: Board, keys: ReadKeys | None = None) -> None:
        self._kafka = kafka
        self._keys = keys
        self._prefix = prefix
        self._board = board
        self._log = AuditLog(kafka, prefix + AUDIT.name, DASHBOARD)

    async def run(self) -> None:
        """Follow every topic until cancelled. A topic that cannot be read is tried again, and the others go on."""
        followed = [topic for topic in TOPICS if topic.kind in KINDS]
        await asyncio.gather(*(self._keep_following(topic) for topic in followed))

    async def _keep_following(self, topic: Topic) -> None:
        while True:
            try:
                await self._follow(topic)
            except BrokerError as error:
                log.warning("the dashboard cannot read a topic", kind=topic.kind, error=error)
            except Exception as error:  # noqa: BLE001 - the pages of the other topics go on
                log.error("the dashboard failed on a topic", kind=topic.kind, error=error, where=where(error))
            await asyncio.sleep(RETRY_S)

    async def _follow(self, topic: Topic) -> None:
        name = self._prefix + topic.name
        async with reading(self._kafka, name, "read_committed", follows=True) as (reader, places):
            back = BEHIND_STATUS if topic is STATUS else BEHIND
            starts = {}
            for place in places:
                begin = await reader.begin(place)
                starts[place] = begin if topic in _WHOLE else max(begin, await reader.end(place) - back)
            reader.assign(starts)
            while True:
                for place, records in (await reader.poll(500)).items():
                    for record in records:
                        self._board.take(
                            topic.kind, record.key, record.value, place.partition, record.offset, record.timestamp
                        )

    async def inspect(self, call_id: str) -> JsonObject | None:
        """See ``pages.Calls``."""
        call = self._board.call(call_id)
        if call is None:
            return None
        texts, audio = await asyncio.gather(self._read(ANALYTICS_TRANSCRIPTS, call), self._read(ANALYTICS_AUDIO, call))
        trained = await self._permitted(call)
        rate, tracks = await asyncio.to_thread(self._sounds, audio, call_id)
        permits = [segment["permit"] for segment in trained or () if segment["permit"]]
        return {
            "call": call,
            "audit": self._board.audit(call_id),
            "transcript": transcript(texts),
            "waveform": waveform(rate, tracks),
            "training": None if trained is None else len(trained),
            "permit": permits[0] if permits else None,
        }

    async def sound(self, call_id: str) -> bytes | None:
        """See ``pages.Calls``."""
        call = self._board.call(call_id)
        if call is None:
            return None
        entry = AuditEntry(
            call_id=call.call_id,
            customer_id=call.customer_id,
            action=AuditAction.ACCESSED,
            reason="dashboard",
            time_ms=wall_clock_ms(),
        )
        # beside the call's other lines, wherever the worker's partitioner has put them
        await self._audit(entry, call.policy_version, call.partition)
        log.info("sanitized sound was listened to", call_id=call.call_id, customer_id=call.customer_id)
        audio = await self._read(ANALYTICS_AUDIO, call)
        return await asyncio.to_thread(lambda: wav(*self._sounds(audio, call_id)))

    async def request(self, reference: str) -> JsonObject | None:
        """See ``pages.Calls``."""
        status = self._board.requests.status(reference)
        if status is None:
            return None
        now_ms = wall_clock_ms()
        entry = AuditEntry(
            call_id=status.call_id or status.request_id,
            customer_id=status.customer_id,
            action=AuditAction.ACCESSED,
            reason=LOOKED_AT,
            time_ms=now_ms,
        )
        await self._audit(entry)
        log.info("a privacy request was looked at", kind=status.kind)
        return self._board.request(reference, now_ms)

    async def _permitted(self, call: CallLine) -> list[JsonObject] | None:
        """What training has of the call; None where the dashboard's Kafka user may not read the training topic, as in
        most deployments it should not."""
        try:
            return transcript(await self._read(TRAINING_TRANSCRIPTS, call))
        except BrokerError:
            return None

    @staticmethod
    def _sounds(audio: Sequence[Stored], call_id: str) -> tuple[int, Tracks]:
        return sounds(chunks(audio, call_id))

    async def _read(self, topic: Topic, call: CallLine) -> list[InRecord]:
        """The call's records as they stand now, in the order of their keys' first appearance."""
        found: list[InRecord] = []
        name = self._prefix + topic.name
        async with reading(self._kafka, name, "read_committed", call.partition) as (reader, (place,)):
            since = await reader.offset_at(place, max(0, call.time_ms - call.duration_ms - MARGIN_MS))
            until = await reader.offset_at(place, call.time_ms + MARGIN_MS)
            if since is None:
                return []
            # the embedded broker says 0 for a time after its newest record
            end = await reader.end(place) if until is None or until <= since else until
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    async for records in read_range(reader, place, since, end):
                        found += newest(records, call.call_id)
        try:
            return await opened(self._kafka, self._prefix, self._keys, newest(found, call.call_id))
        except SealedError as error:
            log.warning("records cannot be shown", call_id=call.call_id, error=error)
            return []

    async def _audit(self, entry: AuditEntry, policy_version: str = "", partition: int | None = None) -> None:
        """Write the audit line before anything is given out. Raises BrokerError; then nothing is given out."""
        await self._log.send([encode_audit(entry, policy_version=policy_version)], partition)
