"""The spot check as a process: follows the calls that close, listens to a sample of them, and takes back those in which
it hears a value."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from deid_stream import __version__
from deid_stream.config import Settings
from deid_stream.custody.ring import read_keys
from deid_stream.errors import BrokerError, DecodeError, TopicError
from deid_stream.kafka.connect import connect
from deid_stream.kafka.ports import Batches, GroupOffsets, GroupOptions, GroupReader, Kafka
from deid_stream.kafka.reading import read_range, reading
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model import topics
from deid_stream.model.outputs import AuditAction
from deid_stream.observe.endpoint import served
from deid_stream.observe.hooks import loop_handler
from deid_stream.observe.labels import SPOTCHECK_RESULTS
from deid_stream.observe.logs import get_log
from deid_stream.observe.metrics import Metrics
from deid_stream.runtime.backoff import Backoff
from deid_stream.runtime.heartbeat import Heartbeat
from deid_stream.runtime.signals import stopped_by_signals, wait_for
from deid_stream.spotcheck.listening import Recogniser, listen
from deid_stream.spotcheck.records import ISOLATION, Records
from deid_stream.spotcheck.released import Summary, is_minor, put_together, read_summary, sampled

log = get_log("spotcheck")

GROUP_SUFFIX: Final = "-spotcheck"
FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0
RESULTS: Final = SPOTCHECK_RESULTS
SILENT_S: Final = 30.0
STUCK_S: Final = 3_600.0
"""A process without a sign of life for this long must be restarted. (While a batch of calls is listened to, there is
none.)"""
_SAID_AGAIN_S: Final = 60.0
_POLL_MS: Final = 500
_MAX_CHECK_MS: Final = 3_600_000
"""A member of the group that has not asked for records for this long counts as dead."""


class Totals(msgspec.Struct):
    """What one run of the spot check has done."""

    calls: int = 0
    """Number of calls that closed, of the sample or not."""
    results: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(RESULTS, 0))
    """Number of calls of the sample, by result."""
    quarantined: list[str] = []
    """Ids of the calls that were taken back."""


class SpotCheck:
    """One member of the group of spot checks. ``stop`` may be called at any time: what was not finished is done again
    by whoever comes next."""

    def __init__(
        self,
        settings: Settings,
        recogniser: Recogniser,
        metrics: Metrics | None = None,
        kafka: Kafka | None = None,
    ) -> None:
        self._settings = settings
        self._recogniser = recogniser
        self._kafka = kafka or connect(settings, "deid-stream-spotcheck")
        self._group_id = settings.group_id + GROUP_SUFFIX
        self._topic = settings.topic_prefix + topics.CALLS.name
        self._records = Records(self._kafka, settings.topic_prefix, settings.idle_ms, read_keys(settings))
        self._stop = asyncio.Event()
        self._known: set[Place] = set()
        self.metrics = metrics or Metrics()
        self.totals = Totals()
        self._heartbeat = Heartbeat()

    @property
    def ready(self) -> bool:
        """It is following some partition."""
        return bool(self._known)

    @property
    def healthy(self) -> bool:
        """It has gone round its loop lately; else only a restart helps."""
        return not self._heartbeat.late()

    def stop(self) -> None:
        """End soon, and commit nothing that is not done."""
        self._stop.set()

    async def run(self) -> None:
        """Follow the calls that close from now on, or since this group stopped, until ``stop``.

        A broker that is away is waited for. Raises TopicError and what else somebody must mend.
        """
        loop = asyncio.get_running_loop()
        backoff, silent_until_s = Backoff(FIRST_BACKOFF_S, MAX_BACKOFF_S), 0.0
        while not self._stop.is_set():
            self._heartbeat.beat("spotcheck", STUCK_S)
            began_s = loop.time()
            try:
                await self._follow()
            except BrokerError as error:
                if not error.retryable:
                    raise
                if loop.time() - began_s > MAX_BACKOFF_S:
                    backoff.reset()
                if loop.time() >= silent_until_s:
                    log.warning("spot check tried again", error=error, seconds=backoff.next_s)
                    silent_until_s = loop.time() + _SAID_AGAIN_S
                await wait_for(self._stop, backoff.take())
            finally:
                self._known = set()

    async def run_once(self) -> None:
        """Everything there is now and no run of this group has seen, then end. Raises BrokerError."""
        async with (
            self._kafka.group_offsets(self._group_id) as offsets,
            reading(self._kafka, self._topic, ISOLATION) as (reader, places),
        ):
            for place in places:
                start = await offsets.committed(place)
                if start is None:
                    start = await reader.begin(place)
                async for records in read_range(reader, place, start, await reader.end(place)):
                    await self._look_at(offsets, place, records)
                    if self._stop.is_set():
                        return

    # -- the group

    async def assigned(self, places: Collection[Place]) -> None:
        """Noted in ``_follow``, with the first records."""

    async def revoked(self, places: Collection[Place]) -> None:
        """What was not finished is done again by whoever has it now."""

    async def _follow(self) -> None:
        async with self._kafka.admin() as admin:
            if self._topic not in await admin.topics():
                raise TopicError(f"topic {self._topic} is missing; run `deid-stream topics create`")
        group = self._kafka.group_reader(
            GroupOptions(
                group_id=self._group_id,
                topics=(self._topic,),
                isolation=ISOLATION,
                session_timeout_ms=self._settings.session_timeout_ms,
                fetch_wait_ms=_POLL_MS,
                from_end=True,
                max_poll_interval_ms=_MAX_CHECK_MS,
            )
        )
        try:
            await group.start(self)
            loop = asyncio.get_running_loop()
            busy_until_s = loop.time()
            while not self._stop.is_set():
                self._heartbeat.beat("spotcheck", STUCK_S)
                batches = await group.poll(_POLL_MS)
                await self._share(group, batches)
                for place, records in batches.items():
                    await self._look_at(group, place, records)
                    busy_until_s = loop.time()
                if loop.time() - busy_until_s > SILENT_S and self._silent_ms(group) > SILENT_S * 1000:
                    raise BrokerError(f"nothing was heard from the broker for {SILENT_S:.0f} s")
        finally:
            await group.stop()

    def _silent_ms(self, group: GroupReader) -> float:
        """For how long no partition has been answered for: the client itself tries on for ever, and says nothing."""
        heard = group.heard_ms()
        return 0 if heard is None else time.time() * 1000 - heard

    async def _share(self, group: GroupReader, batches: Batches) -> None:
        """Note what this member has been given. Where nobody has been yet, the place is committed before any record,
        so that what comes while this process is down is not passed over."""
        places = set(group.assignment())
        for place in places - self._known:
            if await group.committed(place) is None:
                first = batches[place][0].offset if place in batches else await group.position(place)
                await group.commit({place: first})
        for place in self._known - places:
            self.metrics.lag_records.forget("calls", str(place.partition))
        self._known = places
        for place in places:
            waiting = await group.behind(place)
            if waiting is not None:
                self.metrics.lag_records.set(waiting, "calls", str(place.partition))

    async def _look_at(self, group: GroupOffsets, place: Place, records: Sequence[InRecord]) -> None:
        done = records[0].offset
        for record in records:
            if self._stop.is_set():
                break
            if record.value is not None:
                result = await self._call(record, record.value)
                if result is None:
                    break
                if result:
                    await group.commit({place: record.offset + 1})
            done = record.offset + 1
        await group.commit({place: done})

    async def _call(self, record: InRecord, value: bytes) -> str | None:
        """Check a closed call: the result, empty where it is not of the sample, None where it was cut short."""
        self.totals.calls += 1
        try:
            summary = read_summary(value)
        except DecodeError as error:
            log.warning("record refused", error=error, partition=record.partition, offset=record.offset)
            return ""
        if not sampled(summary.call_id, self._settings.spotcheck_share):
            return ""
        result = await self._check(summary, record.partition)
        if result is not None:
            self.metrics.spotcheck_calls.inc(result)
            self.totals.results[result] += 1
        return result

    async def _check(self, summary: Summary, partition: int) -> str | None:
        """One of ``RESULTS``; a call that leaked has been taken back by then."""
        if not summary.audio_chunks:
            return "no_audio"
        found_audio = await self._records.audio(summary, partition)
        audio, since_ms, tombstone_ms = found_audio
        if tombstone_ms is not None or len(audio) < summary.audio_chunks:
            why = await self._records.taken_back(summary, partition, found_audio)
            if why is AuditAction.QUARANTINED:
                # by a run that did not finish: records that are left, or came later, are taken back, too
                await self._records.withdraw(summary, partition, since_ms)
                return "withdrawn"
            if why is AuditAction.DELETED:
                return "deleted"
        audit = await self._records.audit(summary, partition, since_ms)
        if not audio:
            return "no_audio" if is_minor(audit) else "unreadable"
        transcripts = await self._records.transcripts(summary, partition, since_ms)
        try:
            released = await asyncio.to_thread(put_together, audio, transcripts, audit)
            found = Counter(span.entity_type for span in await listen(released, self._recogniser, self._stop.is_set))
        except Exception as error:  # noqa: BLE001 - whatever a recogniser makes of one call, the next is checked
            log.warning("call cannot be listened to", call_id=summary.call_id, error=error)
            return "unreadable"
        if self._stop.is_set():
            return None
        if not found:
            return "clean" if len(audio) >= summary.audio_chunks else "unreadable"
        count = await self._records.quarantine(summary, partition, since_ms, dict(sorted(found.items())))
        self.metrics.quarantined.inc()
        for entity_type, words in found.items():
            self.metrics.spotcheck_finds.inc(entity_type, words)
        self.totals.quarantined.append(summary.call_id)
        log.error("call quarantined", call_id=summary.call_id, count=found.total(), records=count)
        return "found"


async def run_spotcheck(settings: Settings, recogniser: Recogniser, *, once: bool) -> Totals:
    """Until SIGTERM or SIGINT, or with ``once`` until all there is has been seen; what came of it. Raises DeidError."""
    check = SpotCheck(settings, recogniser)
    asyncio.get_running_loop().set_exception_handler(loop_handler())
    with stopped_by_signals(check.stop):
        if once:
            await check.run_once()
            return check.totals
        with served(
            check.metrics,
            settings.metrics_host,
            settings.metrics_port,
            version=__version__,
            ready=lambda: check.ready,
            healthy=lambda: check.healthy,
        ):
            log.info("spot check started", group_id=settings.group_id + GROUP_SUFFIX)
            await check.run()
    return check.totals
