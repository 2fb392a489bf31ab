"""From the settings to a client."""

from typing import TYPE_CHECKING

from deid_stream.config import Settings
from deid_stream.kafka.connection import Connection

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka


def connect(settings: Settings, client_id: str) -> "Kafka":
    """A way to the cluster for commands and for whatever follows a topic: aiokafka. Nothing is opened yet.

    Raises ConfigError where a certificate or a password cannot be read.
    """
    from deid_stream.kafka.clients.aio.kafka import AioKafka

    return AioKafka(Connection.of(settings, client_id))


def connect_worker(settings: Settings, client_id: str) -> "Kafka":
    """The same for a worker, which reads and writes every record: the client that the setting ``kafka_client``
    names."""
    if settings.kafka_client == "aiokafka":
        return connect(settings, client_id)
    from deid_stream.kafka.clients.rd.kafka import RdKafka

    return RdKafka(Connection.of(settings, client_id))
