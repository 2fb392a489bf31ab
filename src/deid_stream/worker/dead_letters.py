"""Writes a dead letter without content for each record that cannot be used, within a limit; the worker goes on."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from deid_stream.errors import DecodeError, InternalError, UnreadableError
from deid_stream.kafka.ports import Outbox
from deid_stream.kafka.record import InRecord
from deid_stream.observe.metrics import Metrics
from deid_stream.units import Ms
from deid_stream.wire.output import DeadLetter, encode_dead_letter

PER_MINUTE: Final = 6_000
"""Dead letters a partition may write in a minute of record time; beyond it they are only counted, so that a broken
producer cannot flood the topic."""


_MENDS: Final = {
    "header_name": "send header names in UTF-8",
    "codec": "compress with gzip, snappy, lz4 or zstd",
    "too_large": "send smaller records",
    "customer_mismatch": "give each call an id that no other customer uses, and all of its records one customer",
    "session_failed": "report it with the worker's log line of this call; nothing more of the call leaves",
}
"""What the producer should do, by the reason why the client could not read a record, or by the code of a fault that
names no mend."""


def unreadable(record: InRecord) -> UnreadableError:
    """The fault of a record that the Kafka client could not read, so that its content is missing."""
    return UnreadableError(
        f"the Kafka client could not read the record ({record.unreadable})",
        at="headers" if record.unreadable == "header_name" else "record",
        mend=_MENDS.get(record.unreadable, "see the broker's log: the stored batch is damaged"),
    )


class Source(NamedTuple):
    """The place and the sizes of a record: all that a dead letter says of it. No payload."""

    topic: str
    partition: int
    offset: int
    timestamp: Ms
    key: bytes | None
    value_bytes: int

    @classmethod
    def of(cls, record: InRecord) -> "Source":
        return cls(
            record.topic, record.partition, record.offset, record.timestamp, record.key, len(record.value or b"")
        )


class DeadLetters:
    """Writes the dead letters of one partition. ``key_of`` gives what may be published of a source record's key."""

    def __init__(
        self, topic: str, metrics: Metrics, key_of: Callable[[bytes | None], bytes | None] = lambda key: key
    ) -> None:
        self._key_of = key_of
        self._topic = topic
        self._metrics = metrics
        self._minute = -1
        self._written = 0

    def put(self, outbox: Outbox, code: str, source: Source, time_ms: Ms) -> None:
        """``code`` says why, ``time_ms`` is the record's time."""
        self._put(outbox, DecodeError(), source, time_ms, code=code)

    def refuse(self, outbox: Outbox, faults: Sequence[DecodeError], record: InRecord, time_ms: Ms) -> None:
        """One letter for each fault of a record, naming its place and the mend."""
        for part, fault in enumerate(faults):
            self._put(outbox, fault, Source.of(record), time_ms, code=fault.code, part=part)

    def _put(
        self, outbox: Outbox, fault: DecodeError, source: Source, time_ms: Ms, *, code: str, part: int = 0
    ) -> None:
        self._metrics.dead_letters.inc(code)
        minute = time_ms // 60_000
        if minute != self._minute:
            self._minute, self._written = minute, 0
        self._written += 1
        if self._written > PER_MINUTE:
            return
        letter = DeadLetter(
            error=code,
            path=fault.at,
            mend=fault.mend or _MENDS.get(code, ""),
            exception=fault.exception if isinstance(fault, InternalError) else "",
            part=part,
            source_topic=source.topic,
            source_partition=source.partition,
            source_offset=source.offset,
            timestamp_ms=source.timestamp,
            key_bytes=len(source.key or b""),
            value_bytes=source.value_bytes,
        )
        letter_record = encode_dead_letter(letter, self._key_of(source.key))
        outbox.append(self._topic, letter_record.key, letter_record.value, letter_record.headers, time_ms)
