"""Settings to the keyword arguments that every aiokafka client takes."""

import ssl
from typing import Any

from deid_stream.config import Settings
from deid_stream.errors import ConfigError


def kafka_options(settings: Settings, client_id: str) -> dict[str, Any]:
    """Connection and security; what is particular to a consumer or producer is theirs.

    Raises ConfigError where a certificate cannot be read.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
        "client_id": client_id,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.secret_sasl_password()
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls(settings)
    return options


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file or None)
        if settings.tls_cert_file:
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except (OSError, ssl.SSLError):
        raise ConfigError("cannot read tls_ca_file, tls_cert_file or tls_key_file") from None
    return context
