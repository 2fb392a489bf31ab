"""From the settings to a client."""

from typing import TYPE_CHECKING

from deid_stream.config import Settings
from deid_stream.kafka.connection import Connection

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka


def connect(settings: Settings, client_id: str) -> "Kafka":
    """A way to the cluster; nothing is opened yet. Raises ConfigError where a certificate or password cannot be
    read."""
    from deid_stream.kafka.clients.aio.kafka import AioKafka

    return AioKafka(Connection.of(settings, client_id))
