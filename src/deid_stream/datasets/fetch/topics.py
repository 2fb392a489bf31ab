"""Reads one call's records from the topics: only the partition to which its id leads, and of that only the time of the
call."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, NamedTuple

from deid_stream.datasets.fetch.released import ReleasedCall
from deid_stream.datasets.fetch.together import Fetched, SourceCall
from deid_stream.errors import ConfigError
from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord
from deid_stream.keys.customers import ReadKeys
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model import topics
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.model.ids import split_record_id
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.units import Ms
from deid_stream.wire.chain import FETCH
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.output import encode_audit
from deid_stream.wire.partitions import partition_of
from deid_stream.wire.published import read_summary

MARGIN_MS: Final[Ms] = 600_000
"""Records are looked for from so long before the call's start to so long after its end. A larger value reads more
records, a smaller one misses those of a producer whose clock is off by more."""

Progress = Callable[[int], None]
"""Called with the number of records that have been read since the last time."""


class _When(NamedTuple):
    """The record times (epoch ms) between which records are looked for; None: no bound."""

    since_ms: Ms | None = None
    until_ms: Ms | None = None


class Fetcher:
    """Reads calls of one deployment.

    ``prefix``: what its topic names begin with. ``ids``: given where the deployment has ``hash_ids``; a call id may
    then be the producer's or the pseudonym. ``anywhere``: read all partitions, for producers whose partitioner is not
    murmur2. ``keys``: open encrypted outputs.
    """

    def __init__(
        self,
        kafka: Kafka,
        prefix: str,
        limits: Limits,
        ids: IdPseudonyms | None = None,
        *,
        anywhere: bool = False,
        keys: ReadKeys | None = None,
    ) -> None:
        self._kafka = kafka
        self._keys = keys
        self._prefix = prefix
        self._limits = limits
        self._ids = ids
        self._anywhere = anywhere or ids is not None

    async def source(self, call_id: str, progress: Progress = lambda _: None) -> Fetched:
        """The raw call, from ``calls.*``. Raises ConfigError where no record of it can be read, ForbiddenError where
        this user may not read a topic, TopicError where one is missing, BrokerError, AudioFormatError where the audio
        has more than one format."""
        call = SourceCall()
        starts: list[Ms] = []
        ends: list[Ms] = []
        for topic in (topics.EVENTS, topics.TRANSCRIPTS, topics.AUDIO):
            # without its start (or its end) the call may have begun (or ended) at any time
            when = _When(min(starts) - MARGIN_MS if starts else None, max(ends) + MARGIN_MS if ends else None)
            async for record in self._records(topic, call_id, when, progress):
                if not self._is_source(record.key, call_id):
                    continue
                decoded = decode(
                    topic.kind,
                    record.key,
                    record.value,
                    record.headers,
                    record.timestamp,
                    record.offset,
                    self._limits,
                )
                for event in decoded.events:
                    call.add(event)
                    if isinstance(event, CallStarted):
                        starts.append(event.time_ms)
                    elif isinstance(event, CallEnded):
                        ends.append(event.time_ms)
                for fault in decoded.faults:
                    call.refuse(fault.code)
        found = call.put_together()
        if found is None:
            raise ConfigError(self._nothing("calls.events, calls.transcripts and calls.audio", refused=len(call)))
        return found

    async def released(self, call_id: str, progress: Progress = lambda _: None) -> Fetched:
        """The sanitized call, from ``deid.calls`` and ``deid.analytics.*``. Raises as ``source`` does, and SealedError
        where records are encrypted and ``keys`` do not open them."""
        call = ReleasedCall()
        when = _When()
        names = {call_id} | set(self._ids.calls(call_id) if self._ids is not None else ())
        async for record in self._records(topics.CALLS, call_id, when, progress):
            if (record.key or b"").decode(errors="replace") in names:
                call.close(record.value)
                if record.value is not None:
                    summary = read_summary(record.value)
                    when = _When(summary.time_ms - summary.duration_ms - MARGIN_MS, summary.time_ms + MARGIN_MS)
        opener = await Opener.load(self._kafka, self._prefix, self._keys)
        for topic in (topics.ANALYTICS_TRANSCRIPTS, topics.ANALYTICS_AUDIO):
            async for record in self._records(topic, call_id, when, progress):
                parts = split_record_id(record.key or b"")
                if parts is not None and parts[0] in names:
                    call.add(topic.kind, opener.open(record))
        found = call.put_together()
        if found is None:
            taken_back = "A call that was taken back is gone: `deid-stream audit export --call` says so."
            raise ConfigError(f"{self._nothing('deid.calls and deid.analytics.*', refused=0)} {taken_back}")
        return found

    async def audit(self, fetched: Fetched, reason: str) -> None:
        """Write to ``deid.audit`` that the call was read (action ``accessed``). Await it before you give the call to
        anybody. Raises ForbiddenError where this user may not write there, BrokerError."""
        entry = AuditEntry(
            call_id=self._hidden(fetched.call_id, "call"),
            customer_id=self._hidden(fetched.customer_id, "customer"),
            action=AuditAction.ACCESSED,
            reason=reason,
            time_ms=wall_clock_ms(),
        )
        record = encode_audit(entry, policy_version="")
        await AuditLog(self._kafka, self._prefix + topics.AUDIT.name, FETCH).send([record])

    def _hidden(self, value: str, kind: str) -> str:
        if self._ids is None:
            return value
        if value.startswith(f"{kind}-") and len(value) == len(self._ids.call("")):
            return value
        return self._ids.call(value) if kind == "call" else self._ids.customer(value)

    def _is_source(self, key: bytes | None, call_id: str) -> bool:
        if key is None:
            return False
        name = key.decode("utf-8", "surrogateescape")
        return name == call_id or (self._ids is not None and call_id in self._ids.calls(name))

    async def _records(
        self, topic: topics.Topic, call_id: str, when: _When, progress: Progress
    ) -> AsyncIterator[InRecord]:
        """The records of a topic between the times of ``when``, in the partition of the call's id or in all."""
        async with reading(self._kafka, self._prefix + topic.name, "read_committed") as (reader, places):
            own = partition_of(call_id.encode("utf-8", "replace"), len(places))
            for place in places:
                if not self._anywhere and place.partition != own:
                    continue
                start, end = await reader.begin(place), await reader.end(place)
                if when.since_ms is not None:
                    found = await reader.offset_at(place, max(0, when.since_ms))
                    start = end if found is None else max(start, found)
                if when.until_ms is not None and (behind := await reader.offset_at(place, when.until_ms)) is not None:
                    # the embedded broker says 0 for a time after its newest record
                    end = behind if behind > start else end
                async for records in read_range(reader, place, start, end):
                    progress(len(records))
                    for record in _readable(records):
                        yield record

    def _nothing(self, where: str, *, refused: int) -> str:
        if refused:
            return f"{where}: no record of this call can be read (there: {refused}); see deid.dlq"
        look = "" if self._anywhere else " A producer with another partitioner puts it elsewhere (--any-partition)."
        return (
            f"no record of this call in {where}: is the id right (with hash_ids: --hash-ids and the key), and is the "
            f"call younger than the topics' retention?{look}"
        )


def _readable(records: Iterable[InRecord]) -> Iterable[InRecord]:
    return (record for record in records if not record.unreadable)
