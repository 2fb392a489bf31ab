"""The reading thread of a group's member: two clients of librdkafka, which only this thread makes read.

The *member* joins the group and is never given anything to fetch. The *reader* fetches, outside the group, exactly what
the plan names, each partition from an offset that is said when it starts. librdkafka's own ``pause``, ``resume`` and
``seek`` are not used: each of them is carried out later by other threads, and one that overtakes another, or meets a
partition that is just being given, leaves the partition unread for good.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.rd.errors import cause_of, translate
from deid_stream.kafka.clients.rd.options import client_options
from deid_stream.kafka.clients.rd.partitions import NOTHING, Plan, Turn
from deid_stream.kafka.clients.rd.records import UNREADABLE, in_record, unreadable
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause
from deid_stream.kafka.ports import GroupOptions
from deid_stream.kafka.record import InRecord, Place
from deid_stream.model.json import JsonObject

ASK_S: Final = 15.0
_CONNECT_S: Final = 10.0
_STATISTICS_MS: Final = 1_000
_AT_ONCE: Final = 20_000
"""Records per reading at most. More: fewer wake-ups of the event loop while a backlog is read; fewer: it is held up for
less time."""

Told = Callable[[list[Place]], None]
"""Called in the reading thread with partitions that the group gives or takes; returns when the event loop has dealt
with them."""


class _Broker(msgspec.Struct):
    nodeid: int = -1
    rxidle: int = -1


class _Partition(msgspec.Struct):
    broker: int = -1
    """Id of the broker that the partition is read from."""
    leader: int = -1


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(msgspec.Struct):
    """The part of librdkafka's statistics that is looked at: how long ago each broker answered (in microseconds), and
    which broker each partition is read from."""

    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}


_statistics = msgspec.json.Decoder(_Statistics)


class Heard:
    """When the brokers last answered one client (epoch ms). ``clock`` counts seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.ms: int | None = None
        """When any broker last answered; None: none has yet."""
        self._places: dict[Place, int] = {}

    def note(self, raw: str) -> None:
        """Take in librdkafka's statistics."""
        found = _statistics.decode(raw)
        now_ms = self._clock() * 1000
        heard: dict[int, int] = {}
        for broker in found.brokers.values():
            if broker.nodeid >= 0 and broker.rxidle >= 0:
                answered_ms = int(now_ms - broker.rxidle / 1000)
                heard[broker.nodeid] = max(answered_ms, heard.get(broker.nodeid, 0))
        if heard:
            self.ms = max(heard.values())
        self._places = {
            Place(topic, int(number)): heard_ms
            for topic, told in found.topics.items()
            for number, partition in told.partitions.items()
            if (heard_ms := heard.get(partition.broker if partition.broker >= 0 else partition.leader)) is not None
        }

    def of(self, place: Place) -> int | None:
        """When the broker from which the partition is read last answered; None: not yet. Other brokers' answers say
        nothing about the partition."""
        return self._places.get(place)


class ReadingThread:
    """Every method but ``ask_*``, ``commit`` and ``heard_ms`` runs in the reading thread. Raises KafkaException, and
    from ``turn`` BrokerError."""

    def __init__(self, connection: Connection, options: GroupOptions, assigned: Told, revoked: Told) -> None:
        self._options = options
        self._assigned, self._revoked = assigned, revoked
        self._epochs: dict[Place, int] = {}
        self._shared_out = False
        self._member_heard, self._reader_heard = Heard(), Heard()
        shared = client_options(connection) | {
            "group.id": options.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest" if options.from_end else "earliest",
            "isolation.level": options.isolation,
            "statistics.interval.ms": _STATISTICS_MS,
            "allow.auto.create.topics": False,
        }
        self.member: Any = Consumer(shared | _member_options(options) | {"stats_cb": self._member_heard.note})
        self._reader: Any = Consumer(shared | _reader_options(options) | {"stats_cb": self._reader_heard.note})

    def join(self) -> None:
        """Raises KafkaException where no broker answers."""
        self.member.list_topics(timeout=_CONNECT_S)
        self.member.subscribe(list(self._options.topics), on_assign=self._on_assign, on_revoke=self._on_revoke)

    def close(self) -> None:
        """Leave the group, then stop reading."""
        try:
            self.member.close()
        finally:
            self._reader.close()

    def turn(self, plan: Plan, wait_s: float, gather_s: float) -> Turn:
        """Serve the group; then read what ``plan`` names: wait up to ``wait_s`` for a first record, and gather for
        ``gather_s`` from then on. Where the group has shared partitions out meanwhile, the plan is out of date and
        nothing is read."""
        turn = Turn()
        try:
            self._shared_out = False
            message = self.member.poll(0)
            if message is not None and message.error() is not None:
                turn.failed = self._grave(message, message.error())
            if self._shared_out or turn.failed is not None:
                return turn
            self._follow(plan, turn)
            first = self._reader.poll(wait_s)
            messages = [] if first is None else [first, *self._reader.consume(_AT_ONCE, gather_s)]
        except KafkaException as failure:
            raise translate(failure, "reading", group=self._options.group_id) from None
        turn.epochs = self._epochs.copy()
        self._sort(messages, turn)
        return turn

    def heard_ms(self) -> int | None:
        """When a broker last answered either client (epoch ms)."""
        return max((heard for heard in (self._member_heard.ms, self._reader_heard.ms) if heard), default=None)

    def read_heard_ms(self, place: Place) -> int | None:
        """When the broker that a partition is read from last answered the one that reads."""
        return self._reader_heard.of(place)

    def known_end(self, place: Place) -> int | None:
        """The newest offset that the broker has told of it, without asking."""
        try:
            _, high = self._reader.get_watermark_offsets(TopicPartition(*place), cached=True)
        except KafkaException:
            return None
        return high if high >= 0 else None

    def ask_begin(self, place: Place) -> int:
        low, _ = self.member.get_watermark_offsets(TopicPartition(*place), timeout=ASK_S)
        return int(low)

    def ask_committed(self, place: Place) -> int | None:
        (found,) = self.member.committed([TopicPartition(*place)], timeout=ASK_S)
        return int(found.offset) if found.offset >= 0 else None

    def ask_start(self, place: Place) -> int:
        """The group's committed offset; where there is none, the first or the end offset, as ``from_end`` says."""
        committed = self.ask_committed(place)
        if committed is not None:
            return committed
        low, high = self.member.get_watermark_offsets(TopicPartition(*place), timeout=ASK_S)
        return int(high if self._options.from_end else low)

    def commit(self, offsets: Mapping[Place, int]) -> None:
        wanted = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        self.member.commit(offsets=wanted, asynchronous=False)

    # -- the reader follows the plan

    def _follow(self, plan: Plan, turn: Turn) -> None:
        epochs = self._epochs
        stop = [place for place, epoch in epochs.items() if place not in plan or plan[place].epoch != epoch]
        if stop:
            self._reader.incremental_unassign([TopicPartition(*place) for place in stop])
            for place in stop:
                del epochs[place]
        if len(epochs) == len(plan):
            return
        starts = {place: start for place, start in plan.items() if place not in epochs}
        for place, start in starts.items():
            if start.offset is None:
                turn.found[place] = self.ask_start(place)
        self._reader.incremental_assign(
            [
                TopicPartition(*place, turn.found[place] if start.offset is None else start.offset)
                for place, start in starts.items()
            ]
        )
        for place, start in starts.items():
            epochs[place] = start.epoch

    def _sort(self, messages: list[Message], turn: Turn) -> None:
        records, ends, damaged = turn.records, turn.ends, turn.damaged
        found: list[InRecord] = []
        place, last = Place("", -1), None
        for message in messages:
            error = message.error()
            where = (message.topic(), message.partition())
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    ends[Place(*where)] = message.offset()
                elif error.code() in UNREADABLE:
                    damaged.setdefault(Place(*where), unreadable(message, UNREADABLE[error.code()]))
                    last = None
                else:
                    turn.failed = self._grave(message, error) or turn.failed
                continue
            if where != last:
                place, last = Place(*where), where
                # behind a damaged batch reading starts again: some of what was fetched behind it may be part of it
                found = [] if place in damaged else records.setdefault(place, [])
                ends.pop(place, None)
            found.append(in_record(message, place))

    def _grave(self, message: Message, error: KafkaError) -> BrokerError | None:
        """The error to raise for what librdkafka reports; None where librdkafka recovers by itself."""
        if cause_of(error) is Cause.OTHER and error.retriable():
            return None
        return translate(error, "reading", topic=message.topic() or "", group=self._options.group_id)

    # -- librdkafka's own calls, inside ``member.poll`` and ``member.close``

    def _on_assign(self, member: Any, partitions: list[TopicPartition]) -> None:
        self._shared_out = True
        member.assign([])
        self._assigned(sorted(Place(where.topic, where.partition) for where in partitions))

    def _on_revoke(self, member: Any, partitions: list[TopicPartition]) -> None:
        self._shared_out = True
        self._revoked(sorted(Place(where.topic, where.partition) for where in partitions))
        self._follow(NOTHING, Turn())
        member.unassign()


def _member_options(options: GroupOptions) -> JsonObject:
    return {
        "partition.assignment.strategy": "range",
        "session.timeout.ms": options.session_timeout_ms,
        "heartbeat.interval.ms": options.session_timeout_ms // 5,
        "max.poll.interval.ms": max(options.max_poll_interval_ms, options.session_timeout_ms),
    }


def _reader_options(options: GroupOptions) -> JsonObject:
    return {
        "fetch.wait.max.ms": options.fetch_wait_ms,
        "max.partition.fetch.bytes": 2 << 20,
        "fetch.queue.backoff.ms": 20,
        "fetch.error.backoff.ms": 50,
        "queued.max.messages.kbytes": 16 << 10,
        "enable.partition.eof": True,
        "check.crcs": True,
    }
