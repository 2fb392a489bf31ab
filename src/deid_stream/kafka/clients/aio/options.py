"""The connection as the keyword arguments that every aiokafka client takes."""

from typing import Final

from deid_stream.kafka.clients.aio.tokens import tokens_of
from deid_stream.kafka.connection import Connection
from deid_stream.model.json import JsonObject

REQUEST_TIMEOUT_MS: Final = 15_000
"""Longest wait for a broker's answer; then the connection is closed and the request sent again over a new one."""


def client_options(connection: Connection) -> JsonObject:
    """Raises ConfigError where a certificate cannot be read."""
    options: JsonObject = {
        "bootstrap_servers": list(connection.servers),
        "client_id": connection.client_id,
        "security_protocol": connection.security_protocol,
    }
    if connection.oauth is not None:
        options["sasl_mechanism"] = connection.sasl_mechanism
        options["sasl_oauth_token_provider"] = tokens_of(connection, connection.oauth)
    elif connection.sasl:
        options["sasl_mechanism"] = connection.sasl_mechanism
        options["sasl_plain_username"] = connection.username
        options["sasl_plain_password"] = connection.password
    if connection.tls:
        options["ssl_context"] = connection.ssl_context()
    return options
