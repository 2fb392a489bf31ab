"""Translates whatever went wrong between this program and a broker into one of the project's errors, with the mend.

Each client says which ``Cause`` an exception of its own is (``clients/*/errors.py``); ``probe`` finds the cause where
clients do not tell (they report a refused connection, a wrong certificate and a wrong password alike). ``broker_error``
turns the cause into the error that is raised, logged and shown by ``doctor``. A client's own message never gets in: it
may quote records."""

from enum import Enum
from typing import Final, NamedTuple

from deid_stream.errors import (
    BrokerError,
    FencedError,
    ForbiddenError,
    LoginError,
    ProtocolError,
    TlsError,
    TopicError,
)


class Cause(Enum):
    """What went wrong. The value is what ``doctor --json`` and the metrics call it."""

    REFUSED = "connection_refused"
    NAME = "unknown_host"
    SILENT = "no_answer"
    ADVERTISED = "advertised_address"
    TLS_CERTIFICATE = "tls_certificate"
    TLS_HOST_NAME = "tls_host_name"
    TLS_CLIENT_CERTIFICATE = "tls_client_certificate"
    TLS_TO_PLAIN = "tls_to_plain"
    PLAIN_TO_TLS = "plain_to_tls"
    TLS = "tls"
    LOGIN = "login_refused"
    MECHANISM = "sasl_mechanism"
    TOKEN = "oauth_token"  # noqa: S105 - a name
    SASL_EXPECTED = "sasl_expected"
    SASL_UNEXPECTED = "sasl_unexpected"
    NOT_KAFKA = "not_kafka"
    VERSION = "unsupported_version"
    FORBIDDEN = "not_authorised"
    FENCED = "fenced"
    NO_TOPIC = "unknown_topic"
    TOO_LARGE = "record_too_large"
    CODEC = "codec"
    DAMAGED = "damaged_record"
    DISCONNECTED = "disconnected"
    OTHER = "other"


class _Told(NamedTuple):
    error: type[BrokerError]
    what: str
    mend: str


_TOLD: Final[dict[Cause, _Told]] = {
    Cause.REFUSED: _Told(
        BrokerError, "no broker answers: the connection is refused", "start the broker, or correct bootstrap_servers"
    ),
    Cause.NAME: _Told(BrokerError, "the host name cannot be resolved", "correct bootstrap_servers, or the DNS"),
    Cause.SILENT: _Told(
        BrokerError,
        "no broker answers",
        "check that it is up, that bootstrap_servers is right, and that no firewall lies between",
    ),
    Cause.ADVERTISED: _Told(
        BrokerError,
        "the broker answers but names an address that cannot be reached",
        "set the broker's advertised.listeners to an address that this machine reaches",
    ),
    Cause.TLS_CERTIFICATE: _Told(
        TlsError, "the broker's certificate is not trusted", "set tls_ca_file to the authority that signed it"
    ),
    Cause.TLS_HOST_NAME: _Told(
        TlsError,
        "the broker's certificate is for another host name",
        "name the broker in bootstrap_servers as its certificate does, or add that name to the certificate",
    ),
    Cause.TLS_CLIENT_CERTIFICATE: _Told(
        TlsError,
        "the broker refuses this client's certificate, or wants one",
        "set tls_cert_file and tls_key_file to a certificate that the broker trusts",
    ),
    Cause.TLS_TO_PLAIN: _Told(
        TlsError, "the port does not speak TLS", "set security_protocol without SSL, or name the broker's TLS port"
    ),
    Cause.PLAIN_TO_TLS: _Told(
        TlsError,
        "the port closes a plain-text connection: it speaks TLS, or is no Kafka",
        "set security_protocol to SSL or SASL_SSL, or correct bootstrap_servers",
    ),
    Cause.TLS: _Told(TlsError, "the TLS handshake failed", "compare the TLS versions and ciphers of both sides"),
    Cause.LOGIN: _Told(
        LoginError,
        "the broker refused the login",
        "correct sasl_username, sasl_password and sasl_mechanism, or oauth_*",
    ),
    Cause.TOKEN: _Told(
        LoginError,
        "no token was given",
        "check oauth_token_url, oauth_client_id and the client secret, or oauth_token_hook",
    ),
    Cause.MECHANISM: _Told(
        LoginError, "the broker does not offer this SASL mechanism", "set sasl_mechanism to one that it offers"
    ),
    Cause.SASL_EXPECTED: _Told(
        LoginError,
        "the port expects a login",
        "set security_protocol to SASL_PLAINTEXT or SASL_SSL, with sasl_username and sasl_password",
    ),
    Cause.SASL_UNEXPECTED: _Told(
        LoginError, "the port takes no login", "set security_protocol to PLAINTEXT or SSL, or name the SASL port"
    ),
    Cause.NOT_KAFKA: _Told(
        ProtocolError, "what answers does not speak Kafka", "correct host and port in bootstrap_servers"
    ),
    Cause.VERSION: _Told(
        ProtocolError, "the broker is too old for this request", "use Apache Kafka 2.1 or later, or a compatible broker"
    ),
    Cause.FORBIDDEN: _Told(
        ForbiddenError, "the broker does not allow it", "grant this Kafka user the rights that docs/delivery.md lists"
    ),
    Cause.FENCED: _Told(FencedError, "another worker has taken the partition over", ""),
    Cause.NO_TOPIC: _Told(
        BrokerError, "the broker does not know the topic", "run `deid-stream topics check`; a new topic needs a moment"
    ),
    Cause.TOO_LARGE: _Told(
        TopicError, "a record is larger than the broker takes", "raise the topic's max.message.bytes to 1048588 or more"
    ),
    Cause.CODEC: _Told(
        BrokerError, "a batch is compressed with a codec that cannot be read here", "reinstall deid-stream (cramjam)"
    ),
    Cause.DAMAGED: _Told(BrokerError, "a stored batch is damaged", "see the broker's log"),
    Cause.DISCONNECTED: _Told(BrokerError, "the connection to the broker broke off", ""),
    Cause.OTHER: _Told(BrokerError, "the broker refused", ""),
}


def broker_error(cause: Cause, doing: str, *, where: str = "", detail: str = "") -> BrokerError:
    """The error to raise. ``doing`` is what was being done, ``where`` the address, topic, group or transactional id it
    is about, ``detail`` a name or code of the protocol, never a record's content."""
    told = _TOLD[cause]
    about = ", ".join(part for part in (where, detail) if part)
    text = f"{doing}: {told.what}" + (f" ({about})" if about else "") + (f"; {told.mend}" if told.mend else "")
    error = told.error(text)
    error.cause = cause.value
    return error
