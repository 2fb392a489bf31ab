"""The connection as librdkafka's configuration."""

import logging
from typing import Final

from deid_stream.kafka.connection import Connection
from deid_stream.kafka.oauth import source_of
from deid_stream.model.json import JsonObject

LOG: Final = logging.getLogger("librdkafka")


def client_options(connection: Connection) -> JsonObject:
    """What every client of librdkafka takes."""
    options: JsonObject = {
        "bootstrap.servers": ",".join(connection.servers),
        "client.id": connection.client_id,
        "security.protocol": connection.security_protocol,
        "socket.nagle.disable": True,
        "socket.keepalive.enable": True,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2_000,
        "log.connection.close": False,
        "logger": LOG,
    }
    if connection.oauth is not None:
        source = source_of(connection.oauth)
        options["sasl.mechanisms"] = connection.sasl_mechanism
        # librdkafka wants when it expires in seconds since the epoch
        options["oauth_cb"] = lambda _: tuple(source.token())
    elif connection.sasl:
        options["sasl.mechanisms"] = connection.sasl_mechanism
        options["sasl.username"] = connection.username
        options["sasl.password"] = connection.password
    if connection.tls:
        files = {
            "ssl.ca.location": connection.ca_file,
            "ssl.certificate.location": connection.cert_file,
            "ssl.key.location": connection.key_file,
        }
        options |= {name: file for name, file in files.items() if file}
    return options
