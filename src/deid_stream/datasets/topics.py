"""The training topics, read in two passes: first what is held now (``survey``), then the calls themselves (``calls``).

Both read ``read_committed`` and up to the ends that stood when the first pass began, so a reader always ends. A call is
handed out when it is closed and every record of it that is still held has been read.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from deid_stream.datasets.calls import Assembler, SanitizedCall
from deid_stream.datasets.held import Held, HeldCall, Source
from deid_stream.errors import TopicError
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.ports import Kafka, LogReader
from deid_stream.kafka.reading import read_range
from deid_stream.kafka.record import InRecord, Place
from deid_stream.keys.customers import ReadKeys
from deid_stream.model import topics
from deid_stream.observe.logs import get_log
from deid_stream.wire.published import read_summary
from deid_stream.wire.sealing import call_of

log = get_log("datasets")

_AHEAD_MS: Final = 30_000
"""In the second pass, how far (record time) one topic may be read ahead of the other. A larger value holds more calls
in memory, a smaller one asks the broker more often."""

Progress = Callable[[int], None]
"""Called with the number of records (or calls) that have been read since the last time."""


class Shard(msgspec.Struct, frozen=True):
    """The calls of reader number ``index`` (from 0) of ``count``: each call belongs to exactly one of them."""

    index: int = 0
    count: int = 1

    def partitions(self, numbers: Collection[int]) -> list[int]:
        """Which of the partition ``numbers`` this reader reads. With more readers than partitions, several read the
        same one, and ``has`` divides its calls."""
        ordered = sorted(numbers)
        if self.count <= len(ordered):
            return ordered[self.index :: self.count]
        return [ordered[self.index % len(ordered)]] if ordered else []

    def has(self, call_id: str, partitions: int) -> bool:
        """Whether a call of a partition that this reader reads belongs to this reader. ``partitions``: the partition
        count of the topic."""
        if self.count <= partitions:
            return True
        sharing = (self.count - 1 - self.index % partitions) // partitions + 1
        return crc32(call_id.encode()) % sharing == self.index // partitions


ALL: Final = Shard()
"""The share of a reader that reads everything."""


class Surveyed(NamedTuple):
    """The result of the first pass."""

    held: Held
    ends: dict[Place, int]
    """Offset behind the last record of each partition when the pass began."""
    partitions: int
    """Partition count of each topic, over all shares."""
    calls_topic: str
    """Name of ``deid.calls`` with the deployment's prefix."""
    opener: Opener
    unreadable: int = 0
    """Number of records whose customer's key was destroyed. They count as withdrawn."""

    def closed_until(self) -> dict[int, int]:
        """``ends`` of ``deid.calls``, by partition number."""
        return {place.partition: end for place, end in self.ends.items() if place.topic == self.calls_topic}

    @property
    def positions(self) -> dict[str, int]:
        """``ends`` by ``topic/partition``, for a manifest."""
        return {f"{place.topic}/{place.partition}": end for place, end in sorted(self.ends.items())}


class TrainingTopics:
    """Reads the training topics of one deployment. ``prefix``: what its topic names begin with. ``keys``: open
    encrypted records; None: records are not encrypted."""

    def __init__(self, kafka: Kafka, prefix: str = "", keys: ReadKeys | None = None) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._keys = keys
        self._names = {
            Source.TRANSCRIPTS: prefix + topics.TRAINING_TRANSCRIPTS.name,
            Source.AUDIO: prefix + topics.TRAINING_AUDIO.name,
            Source.CALLS: prefix + topics.CALLS.name,
        }

    async def survey(self, shard: Shard = ALL, progress: Progress = lambda _: None) -> Surveyed:
        """First pass: read every key of the shard's partitions. Raises TopicError where a topic is missing or partition
        counts differ, ForbiddenError, BrokerError, SealedError where a record is encrypted in a way that this
        version does not know, DecodeError where a summary is not one that this service writes."""
        held, ends, unreadable = Held(), {}, 0
        opener = await Opener.load(self._kafka, self._prefix, self._keys)
        async with self._kafka.log_reader("read_committed") as reader:
            places = {source: await self._places(reader, source) for source in Source}
            counts = {len(found) for found in places.values()}
            if len(counts) != 1:
                raise TopicError("the training topics differ in their partition counts; run `deid-stream topics check`")
            numbers = shard.partitions([place.partition for place in places[Source.CALLS]])
            own = [(source, place) for source in Source for place in places[source] if place.partition in numbers]
            for _, place in own:
                ends[place] = await reader.end(place)
            for source, place in own:
                async with aclosing(_read(reader, place, await reader.begin(place), ends[place])) as batches:
                    async for records in batches:
                        for record in records:
                            lost = record.value is not None and opener.destroyed(record)
                            unreadable += lost
                            _note(held, source, msgspec.structs.replace(record, value=None) if lost else record)
                        progress(len(records))
        if unreadable:
            log.warning("records are left out: their customers' keys were destroyed", records=unreadable)
        return Surveyed(held, ends, counts.pop(), self._names[Source.CALLS], opener, unreadable)

    async def calls(
        self, surveyed: Surveyed, wanted: Mapping[str, HeldCall], progress: Progress = lambda _: None
    ) -> AsyncGenerator[SanitizedCall, None]:
        """Second pass: the ``wanted`` calls of a survey (by call id), partition by partition, each as soon as it is
        complete. ``progress`` is called with the number of calls. Close the generator (``contextlib.aclosing``) where
        the loop may be left early: that closes its readers.

        Raises BrokerError where the broker goes away, SealedError where records are encrypted and ``keys`` do not open
        them, DecodeError where a record is not one that this service publishes.
        """
        for number in sorted({call.partition for call in wanted.values()}):
            own = {call_id: call for call_id, call in wanted.items() if call.partition == number}
            async with aclosing(self._of(number, own, surveyed)) as found:
                async for call in found:
                    progress(1)
                    yield call

    async def _of(
        self, number: int, wanted: Mapping[str, HeldCall], surveyed: Surveyed
    ) -> AsyncGenerator[SanitizedCall, None]:
        assembler = Assembler(wanted)
        async with AsyncExitStack() as stack:
            text_reader = await stack.enter_async_context(self._kafka.log_reader("read_committed"))
            audio_reader = await stack.enter_async_context(self._kafka.log_reader("read_committed"))
            streams = []
            for source, reader in ((Source.TRANSCRIPTS, text_reader), (Source.AUDIO, audio_reader)):
                place = Place(self._names[source], number)
                offsets = [o for call in wanted.values() for o in _keys(call, source).values()]
                if offsets:
                    batches = _read(reader, place, min(offsets), min(surveyed.ends[place], max(offsets) + 1))
                    await stack.enter_async_context(aclosing(batches))
                    streams.append(_Stream(source, batches))
            for stream in streams:
                await stream.fill()
            while open_streams := [stream for stream in streams if stream.records]:
                stream = min(open_streams, key=lambda one: one.time_ms)
                limit_ms = min((s.time_ms for s in open_streams if s is not stream), default=None)
                for record in stream.take(None if limit_ms is None else limit_ms + _AHEAD_MS):
                    if call_of(record.key or b"") not in wanted:
                        continue
                    call = assembler.add(stream.source, surveyed.opener.open(record))
                    if call is not None:
                        yield call
                await stream.fill()

    async def _places(self, reader: LogReader, source: Source) -> list[Place]:
        places = await reader.partitions(self._names[source])
        if not places:
            raise TopicError(f"topic {self._names[source]} is missing; run `deid-stream topics create`")
        return places


class _Stream:
    """The batches of one topic. ``records`` are those that have been read and not taken."""

    def __init__(self, source: Source, batches: AsyncGenerator[list[InRecord], None]) -> None:
        self.source = source
        self.records: list[InRecord] = []
        self._batches = batches

    @property
    def time_ms(self) -> int:
        return self.records[0].timestamp

    async def fill(self) -> None:
        """Read the next batch, if all of the last one has been taken."""
        if not self.records:
            self.records = list(await anext(self._batches, []))

    def take(self, limit_ms: int | None) -> list[InRecord]:
        """Take the records up to record time ``limit_ms`` (None: all), at least one."""
        count = len(self.records)
        if limit_ms is not None:
            count = next((i for i, r in enumerate(self.records) if r.timestamp > limit_ms), count)
        taken, self.records = self.records[: max(1, count)], self.records[max(1, count) :]
        return taken


def _keys(call: HeldCall, source: Source) -> dict[bytes, int]:
    return call.transcripts if source is Source.TRANSCRIPTS else call.audio


def _note(held: Held, source: Source, record: InRecord) -> None:
    if record.key is None:
        return
    if source is not Source.CALLS:
        held.add(source, record.partition, record.offset, record.key, live=record.value is not None)
    elif record.value is None:
        held.withdraw(record.key.decode(errors="replace"))
    else:
        held.close(record.partition, record.offset, read_summary(record.value))


async def _read(reader: LogReader, place: Place, start: int, end: int) -> AsyncGenerator[list[InRecord], None]:
    async with aclosing(read_range(reader, place, start, end)) as batches:
        async for records in batches:
            yield [record for record in records if not record.unreadable]
