"""The connection as the keyword arguments that every aiokafka client takes."""

from typing import Any

from deid_stream.kafka.connection import Connection


def client_options(connection: Connection) -> dict[str, Any]:
    """Raises ConfigError where a certificate cannot be read."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(connection.servers),
        "client_id": connection.client_id,
        "security_protocol": connection.security_protocol,
    }
    if connection.sasl:
        options["sasl_mechanism"] = connection.sasl_mechanism
        options["sasl_plain_username"] = connection.username
        options["sasl_plain_password"] = connection.password
    if connection.tls:
        options["ssl_context"] = connection.ssl_context()
    return options
