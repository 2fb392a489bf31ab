"""How to reach a cluster: the connection's settings, checked, the same for every client."""

import re
import ssl
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.errors import ConfigError
from deid_stream.kafka.oauth import OAuth

_TLS: Final = ("SSL", "SASL_SSL")
_SASL: Final = ("SASL_PLAINTEXT", "SASL_SSL")
_SERVER: Final = re.compile(r"(?:[^\s:;/\[\]]+|\[[0-9A-Fa-f:.%\w]+\]):([0-9]{1,5})")
_MAX_PORT: Final = 65_535


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How one program connects to one cluster. ``repr`` shows nothing secret."""

    servers: tuple[str, ...]
    """The brokers to ask first, as ``host:port``."""
    client_id: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    username: str = ""
    password: str = ""
    oauth: OAuth | None = None
    """With the mechanism ``OAUTHBEARER``, in place of a user."""
    ca_file: str = ""
    """Empty: the system's certificates."""
    cert_file: str = ""
    key_file: str = ""

    @classmethod
    def of(cls, settings: Settings, client_id: str) -> "Connection":
        """The connection that the settings describe. Raises ConfigError where a password file or a certificate cannot
        be read, or where ``bootstrap_servers`` names no host and port."""
        sasl = settings.security_protocol in _SASL
        made = cls(
            servers=_servers(settings.bootstrap_servers),
            client_id=client_id,
            security_protocol=settings.security_protocol,
            sasl_mechanism=settings.sasl_mechanism if sasl else "",
            username=settings.sasl_username if sasl else "",
            password=settings.secret_sasl_password() if sasl else "",
            oauth=_oauth(settings) if sasl and settings.sasl_mechanism == "OAUTHBEARER" else None,
            ca_file=settings.tls_ca_file,
            cert_file=settings.tls_cert_file,
            key_file=settings.tls_key_file,
        )
        if made.tls:
            made.ssl_context()
        return made

    @property
    def tls(self) -> bool:
        return self.security_protocol in _TLS

    @property
    def sasl(self) -> bool:
        return self.security_protocol in _SASL

    def named(self, client_id: str) -> "Connection":
        """The same connection with another client id."""
        return msgspec.structs.replace(self, client_id=client_id)

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS context of the connection. Raises ConfigError naming the setting whose file cannot be read."""
        what = "tls_ca_file"
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.cert_file:
                what = "tls_cert_file or tls_key_file"
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            # an SSLError's message names OpenSSL's own source lines
            why = "it holds no PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(f"cannot read {what}: {why}; name a readable PEM file") from None
        return context

    def __repr__(self) -> str:
        return f"<Connection {','.join(self.servers)} {self.security_protocol}>"


def _servers(listed: str) -> tuple[str, ...]:
    """The addresses of ``bootstrap_servers``. Raises ConfigError for a wrong one, since the clients' own errors would
    not help, or would end the process."""
    servers = tuple(server.strip() for server in listed.split(",") if server.strip())
    for number, server in enumerate(servers, 1):
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[1]) <= _MAX_PORT:
            raise ConfigError(
                f"bootstrap_servers: address {number} of {len(servers)} is not HOST:PORT; "
                "write kafka-1:9092,kafka-2:9092 (commas between, no scheme, a port from 1 to 65535, IPv6 in brackets)"
            )
    return servers


def on_this_machine(settings: Settings) -> bool:
    """Whether every broker that the settings name is reached by a loopback address. Raises ConfigError where
    ``bootstrap_servers`` names no host and port."""
    hosts = {server.rpartition(":")[0] for server in _servers(settings.bootstrap_servers)}
    return hosts <= {"127.0.0.1", "localhost", "[::1]"}


def transport_risks(settings: Settings) -> list[str]:
    """What others on the network could read, each with the mend; empty where the brokers are on this machine. Raises
    ConfigError where ``bootstrap_servers`` names no host and port."""
    if on_this_machine(settings):
        return []
    if settings.security_protocol == "SASL_PLAINTEXT" and settings.sasl_mechanism in ("PLAIN", "OAUTHBEARER"):
        what = "password" if settings.sasl_mechanism == "PLAIN" else "token"
        return [f"the {what} is sent in clear: set security_protocol to SASL_SSL, or sasl_mechanism to SCRAM-SHA-512"]
    if not settings.security_protocol.endswith("SSL"):
        return ["calls go over the network in clear: set security_protocol to SSL or SASL_SSL"]
    return []


def _oauth(settings: Settings) -> OAuth:
    return OAuth(
        token_url=settings.oauth_token_url,
        client_id=settings.oauth_client_id,
        client_secret=settings.secret_oauth_client(),
        scope=settings.oauth_scope,
        hook=settings.oauth_token_hook,
    )
