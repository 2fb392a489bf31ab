"""librdkafka's messages as records. For a record that cannot be read there is one without content, at its offset."""

import time
from collections.abc import Iterable
from operator import methodcaller
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from deid_stream.kafka.clients.rd.errors import translate
from deid_stream.kafka.clients.rd.options import client_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.record import InRecord, Place

UNREADABLE: Final[dict[int, str]] = {
    KafkaError._BAD_MSG: "damaged",
    KafkaError._BAD_COMPRESSION: "codec",
    KafkaError._NOT_IMPLEMENTED: "codec",
    KafkaError.MSG_SIZE_TOO_LARGE: "too_large",
}
"""Errors of one record or batch. librdkafka goes on behind it only where the same answer of the broker holds more;
else it asks for the same batch again and again."""
_headers: Final = methodcaller("headers")
"""Of a name that is not UTF-8 the library sets an exception and returns a list with a hole in it. Called by its name,
Python 3.11 takes no notice once the call is warm: the exception comes out of some later call, and the hole ends the
process when somebody looks. Called like this, the exception is a SystemError here, always."""
_FEW: Final = 500
_STEP_S: Final = 0.2
_WAIT_S: Final = 3.0


def in_record(message: Message, place: Place) -> InRecord:
    """A message of the partition ``place`` as a record. Never raises: if a header's name is not UTF-8, the record
    counts as unreadable."""
    topic, partition = place
    offset = message.offset()
    try:
        headers = _headers(message)
    except (UnicodeDecodeError, SystemError):
        return InRecord(topic, partition, offset, message.timestamp()[1], None, None, (), "header_name")
    return InRecord(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(headers) if headers else (),
    )


def read_some(connection: Connection, place: Place, offset: int, isolation: str) -> list[InRecord]:
    """Up to a few hundred records from an offset on, those among them that cannot be read told one by one; blocks.

    For a client that cannot get past such a record. Raises BrokerError.
    """
    try:
        consumer = Consumer(
            client_options(connection)
            | {
                "group.id": "none",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": isolation,
                "check.crcs": True,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        try:
            consumer.assign([TopicPartition(place.topic, place.partition, offset)])
            until_s, found = time.monotonic() + _WAIT_S, list[InRecord]()
            while not found and time.monotonic() < until_s:
                found = list(_records(consumer.consume(_FEW, _STEP_S), place, offset))
            return found
        finally:
            consumer.close()
    except KafkaException as error:
        raise translate(error, f"reading {place.topic}", topic=place.topic) from None


def _records(messages: Iterable[Message], place: Place, offset: int) -> Iterable[InRecord]:
    """The records from ``offset`` on, up to the first one of a batch that cannot be read."""
    for message in messages:
        error = message.error()
        if error is None:
            record = in_record(message, place)
            offset = record.offset + 1
            yield record
        elif error.code() in UNREADABLE:
            record = unreadable(message, UNREADABLE[error.code()])
            yield msgspec.structs.replace(record, offset=max(offset, record.offset))
            return
        elif error.code() != KafkaError._PARTITION_EOF:
            raise translate(error, f"reading {place.topic}", topic=place.topic)


def unreadable(message: Message, reason: str) -> InRecord:
    """The record that an error message of librdkafka is about."""
    return InRecord(message.topic(), message.partition(), max(0, message.offset()), 0, None, None, (), reason)
