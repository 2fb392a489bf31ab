"""Finds out why a client of librdkafka could not start."""

import contextlib

from deid_stream.errors import BrokerError
from deid_stream.kafka.clients.rd.errors import translate
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import broker_error
from deid_stream.kafka.probe import diagnose


async def connect_error(error: BaseException, connection: Connection, doing: str) -> BrokerError:
    """librdkafka says that all brokers are down, whatever the cause; ``diagnose`` tells them apart."""
    with contextlib.suppress(OSError, TimeoutError):
        found = await diagnose(connection)
        if found is not None:
            return broker_error(found.cause, doing, where=found.where, detail=found.detail)
    return translate(error, doing)
