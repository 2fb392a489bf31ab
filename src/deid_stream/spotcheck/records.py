"""Finds the output records of a call, and takes them back.

A released record carries the record time of its source, and stands in the partition number of its call. So a call's
records are sought by time, from its start on, in one partition of each topic: what is read is what that partition
received while the call ran, nothing is held for calls that have not closed, and a restart simply reads again. (To
follow the audio topics and keep what is sampled would read all audio of all calls.)
"""

import asyncio
from typing import Final, NamedTuple

from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.opening import opened
from deid_stream.kafka.ports import Isolation, Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord, OutRecord
from deid_stream.keys.customers import ReadKeys
from deid_stream.model import topics
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.spotcheck.released import REASON, Summary, newest, taken_back
from deid_stream.units import FOREVER_MS, Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.chain import SPOTCHECK
from deid_stream.wire.output import encode_audit

ISOLATION: Final[Isolation] = "read_committed"
_MARGIN_MS: Final = 60_000
_FURTHER: Final = (1, 4, 16)
"""How far before a call's end its records are looked for, in multiples of the call's duration: record time and media
time may differ, as where recordings are sent slowly."""
BETWEEN_S: Final = 1.0
"""Without transactions a call's last audio may appear a moment after its summary."""
_PAST_RECORDS: Final = 1_000
"""Reading ends after this many records in a row from after the call's end. A single one may come from a wrong clock."""
_WITHDRAWN_FROM: Final = (
    topics.ANALYTICS_AUDIO,
    topics.ANALYTICS_TRANSCRIPTS,
    topics.TRAINING_AUDIO,
    topics.TRAINING_TRANSCRIPTS,
)


class Audio(NamedTuple):
    """The published audio of one call."""

    records: list[InRecord]
    """Fewer than the summary counts where some were removed (retention, deletion)."""
    since_ms: Ms
    """Record time from which the records were looked for."""
    tombstone_ms: Ms | None
    """Record time of the first tombstone of the call's audio; None: there is none."""


class Records:
    """Finds and takes back the published records of calls of one deployment. ``late_ms``: how long (record time) after
    its end a call may still be open."""

    def __init__(self, kafka: Kafka, prefix: str, late_ms: Ms, keys: ReadKeys | None = None) -> None:
        self._kafka = kafka
        self._keys = keys
        self._prefix = prefix
        self._late_ms = late_ms
        self._log = AuditLog(kafka, prefix + topics.AUDIT.name, SPOTCHECK)

    async def audio(self, summary: Summary, partition: int) -> Audio:
        """The call's audio. Raises BrokerError."""
        length_ms = summary.duration_ms + _MARGIN_MS
        for further in _FURTHER:
            if further > 1:
                await asyncio.sleep(BETWEEN_S)
            since_ms = max(0, summary.time_ms - further * length_ms)
            records = await self._of(topics.ANALYTICS_AUDIO, summary, partition, since_ms, summary.audio_chunks)
            found = newest(records)
            tombstone_ms = min((record.timestamp for record in records if record.value is None), default=None)
            if tombstone_ms is not None or len(found) >= summary.audio_chunks:
                break
        clear = await opened(self._kafka, self._prefix, self._keys, found.values())
        return Audio(clear, since_ms, tombstone_ms)

    async def transcripts(self, summary: Summary, partition: int, since_ms: Ms) -> list[InRecord]:
        """The call's transcripts, the last revision of each. Raises BrokerError."""
        found = newest(await self._of(topics.ANALYTICS_TRANSCRIPTS, summary, partition, since_ms))
        return await opened(self._kafka, self._prefix, self._keys, found.values())

    async def audit(self, summary: Summary, partition: int, since_ms: Ms) -> list[InRecord]:
        """The call's lines in the audit. Raises BrokerError."""
        return await self._of(topics.AUDIT, summary, partition, since_ms)

    async def taken_back(self, summary: Summary, partition: int, audio: Audio) -> AuditAction | None:
        """Why audio of the call is missing, as the audit has it (``released.taken_back``). Raises BrokerError."""
        since_ms = audio.since_ms if audio.tombstone_ms is None else audio.tombstone_ms - _MARGIN_MS
        return taken_back(await self._of(topics.AUDIT, summary, partition, since_ms, until_ms=FOREVER_MS))

    async def quarantine(self, summary: Summary, partition: int, since_ms: Ms, counts: dict[str, int]) -> int:
        """Say in the audit that the call is taken back, then do it; how many records that were. Raises BrokerError.

        In this order a crash half-way leaves an entry, perhaps twice with one id, and never records that are gone
        without one.
        """
        entry = AuditEntry(
            call_id=summary.call_id,
            customer_id=summary.customer_id,
            action=AuditAction.QUARANTINED,
            reason=REASON,
            time_ms=summary.time_ms,
            counts=counts,
        )
        line = encode_audit(entry, policy_version=summary.policy_version)
        await self._log.send([line], partition)
        return await self.withdraw(summary, partition, since_ms)

    async def withdraw(self, summary: Summary, partition: int, since_ms: Ms) -> int:
        """Tombstones for every record of the call; how many. Raises BrokerError."""
        headers = [(ce.CUSTOMER_ID, summary.customer_id.encode())]
        keys = [(topics.CALLS, summary.call_id.encode())]
        for topic in _WITHDRAWN_FROM:
            keys += [(topic, key) for key in newest(await self._of(topic, summary, partition, since_ms))]
        await self._send(
            [OutRecord(self._prefix + topic.name, key, None, headers, partition=partition) for topic, key in keys]
        )
        return len(keys)

    async def _send(self, records: list[OutRecord]) -> None:
        async with self._kafka.sender() as sender:
            await sender.send(records)

    async def _of(
        self,
        topic: topics.Topic,
        summary: Summary,
        partition: int,
        since_ms: Ms,
        enough: int | None = None,
        until_ms: Ms | None = None,
    ) -> list[InRecord]:
        """The call's records since a time, in their order; not on to the end where ``enough`` keys were found."""
        call_id = summary.call_id.encode()
        until_ms = until_ms or summary.time_ms + self._late_ms + _MARGIN_MS
        found: list[InRecord] = []
        keys: set[bytes] = set()
        past = 0
        name = self._prefix + topic.name
        async with reading(self._kafka, name, ISOLATION, partition) as (reader, places):
            (place,) = places
            first = await reader.offset_at(place, since_ms)
            if first is None:
                return []
            async for records in read_range(reader, place, first, await reader.end(place)):
                for record in records:
                    past = past + 1 if record.timestamp > until_ms else 0
                    if record.key is not None and call_id in (record.key, record.key.rsplit(b"/", 2)[0]):
                        found.append(record)
                        keys.add(record.key)
                if past >= _PAST_RECORDS or (enough is not None and len(keys) >= enough):
                    break
        return found
