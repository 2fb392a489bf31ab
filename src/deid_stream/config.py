"""Settings: flags, then ``DEID_*`` environment, then a TOML file, then the defaults here."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

import msgspec

from deid_stream.errors import ConfigError, DigestKeyError
from deid_stream.files import check_mode, secret_of, text_of
from deid_stream.keys import KeyRing
from deid_stream.model.json import JsonObject
from deid_stream.wire.free_text import fault, field_names
from deid_stream.wire.limits import DEFAULT_VOCABULARIES, Limits

ENV_PREFIX = "DEID_"
MIN_TOKEN_CHARS = 16

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
KafkaClient = Literal["librdkafka", "aiokafka"]
Guarantee = Literal["auto", "exactly_once", "at_least_once"]
SensitivityName = Literal["strict", "balanced", "light"]
DelayName = Literal["live", "balanced", "safe"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting there is. The environment variable of ``group_id`` is ``DEID_GROUP_ID``, its TOML key
    ``group_id``; secrets may be given as a file instead (``*_file``), and are not shown by ``repr``."""

    bootstrap_servers: str = ""
    """Comma-separated ``host:port``; empty: the embedded broker, where the command can start one."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """How to speak to the brokers: with TLS (``SSL``), with a user (``SASL``), with both, or with neither."""
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    """How the user proves who it is. ``PLAIN`` sends the password, ``OAUTHBEARER`` a token: only with TLS."""
    sasl_username: str = ""
    """Name of the Kafka user."""
    sasl_password: str = ""
    """Password of the Kafka user; better in ``sasl_password_file``."""
    sasl_password_file: str = ""
    """File that holds the password of the Kafka user."""
    oauth_token_url: str = ""
    """With ``OAUTHBEARER``: URL of the token endpoint (client credentials grant); ``https``, or this machine."""
    oauth_client_id: str = ""
    """Client id at the token endpoint."""
    oauth_client_secret: str = ""
    """Client secret at the token endpoint; better in ``oauth_client_secret_file``."""
    oauth_client_secret_file: str = ""
    """File that holds the client secret."""
    oauth_scope: str = ""
    """Scope to ask the token endpoint for; empty: the endpoint's default."""
    oauth_token_hook: str = ""
    """In place of an endpoint: ``module:name`` of a Python function that returns a token and when it expires."""
    tls_ca_file: str = ""
    """CA certificates (PEM) that the broker's certificate is checked with; empty: those of the system."""
    tls_cert_file: str = ""
    """Client certificate (PEM), for mutual TLS; needs ``tls_key_file``."""
    tls_key_file: str = ""
    """Private key (PEM) of the client certificate."""
    topic_prefix: str = ""
    """What every topic name begins with, for example ``staging.``; a dot or hyphen at its end is part of it."""
    partitions: int = 4
    """Partition count of every topic that this program creates."""
    replication_factor: int = -1
    """Replicas of every topic that this program creates; -1: three, or as many as there are brokers if fewer."""
    group_id: str = "deid-stream"
    """Consumer group of the workers; with ``-spotcheck`` or ``-control`` behind it, those of the other processes."""
    kafka_client: KafkaClient = "librdkafka"
    """Client with which a worker reads and writes records: ``librdkafka`` takes a quarter of ``aiokafka``'s CPU
    time."""
    processing: Guarantee = "auto"
    """``auto``: exactly once where the broker has transactions, else at least once with repeatable record ids."""
    session_timeout_ms: int = 10_000
    """A worker from which the broker has had no heartbeat for so long loses its partitions to others."""
    broker_wait_ms: int = 300_000
    """How long a worker that starts waits for a broker that does not answer; 0: it ends at once."""
    region: str = ""
    """Region in which this deployment runs. A policy that names another one permits no training here."""
    processor: bool = False
    """True: the deployment works for others, so a policy may narrow what is done by default, and never widen it."""
    holdback_ms: int = 30_000
    """Longest time (record time) that audio waits for its transcript. After it speech is silenced."""
    delay: DelayName = "safe"
    """How soon a turn leaves whose last words are no part of a value: `live` after 0.2 s, `balanced` after 0.7 s,
    `safe` after the whole context window, as every other turn."""
    context_window_ms: int = 1_500
    """A pause of at least this length ends a turn. Longer: more values spoken in parts are found, later."""
    max_turn_ms: int = 12_000
    """Longest turn: it ends at the last segment border before. Longer: long turns leave later."""
    idle_ms: int = 120_000
    """A call of which no record has come for so long (record time) counts as broken off and is closed."""
    max_audio_bytes: int = 1_048_576
    """Audio records of more bytes become dead letters."""
    max_transcript_bytes: int = 1_048_576
    """Transcript and event records of more bytes become dead letters."""
    digest_key: str = ""
    """Master key, 16 to 64 bytes in hex, from which every other key is derived. Retired keys may follow it, after a
    blank or on lines of their own: calls that began under one go on with it."""
    digest_key_file: str = ""
    """File that holds ``digest_key``; others must not be able to read it."""
    customer_keys: bool = False
    """True: each customer has a secret of its own in ``deid.keys``, from which its pseudonyms are made. When it is
    destroyed, nobody can link them any more. Turning this on changes every pseudonym."""
    encrypt_outputs: bool = False
    """True: transcripts and audio leave encrypted with their customer's key (so ``customer_keys`` is on, too). When
    that key is destroyed, no copy of them can be read any more."""
    read_key: str = ""
    """Key that opens encrypted outputs, from `deid-stream keys reader-key`; several with blanks between."""
    read_key_file: str = ""
    """File that holds ``read_key``; others must not be able to read it."""
    key_timeout_ms: int = 5_000
    """Longest wait for an answer of Vault or the KMS; without one the process does not start."""
    key_ca_file: str = ""
    """CA certificates (PEM) that the certificate of Vault or the KMS is checked with; empty: those of the system."""
    vault_addr: str = ""
    """URL of Vault, for master keys that begin with ``vault:``."""
    vault_token: str = ""
    """Token for Vault; better in ``vault_token_file``."""
    vault_token_file: str = ""
    """File that holds the token for Vault."""
    vault_key: str = ""
    """Name of the key of Vault's transit engine that wraps master keys."""
    vault_mount: str = "transit"
    """Path at which Vault's transit engine is mounted."""
    vault_namespace: str = ""
    """Namespace, for Vault Enterprise."""
    kms_key: str = ""
    """KMS key (id, ARN or alias) that wraps master keys, for keys that begin with ``aws-kms:``. The credentials are
    those of the environment (``AWS_ACCESS_KEY_ID`` ...)."""
    kms_region: str = ""
    """Region of the KMS; empty: what ``AWS_REGION`` says."""
    kms_endpoint: str = ""
    """URL of the KMS; empty: that of AWS in the region."""
    hash_ids: bool = False
    """True: call, customer and segment ids leave as keyed pseudonyms, in every output, key and header."""
    insecure_ephemeral_key: bool = False
    """True: make up a digest key for this run. A restarted worker does not recognise values found before."""
    timing_profile: str = ""
    """Timing profile (docs/audio.md) of transcripts that name no provider; empty: ``100ms``."""
    sensitivity: SensitivityName = "balanced"
    """How readily the model's guesses count: `strict` misses least, `light` redacts least in vain."""
    directions: str = ""
    """Values of a call's ``direction`` that may leave with its summary, comma-separated; empty: ``inbound`` ..."""
    regions: str = ""
    """Values of a call's ``region`` that may leave with its summary, beside any two letters."""
    queues: str = ""
    """Values of a call's ``queue`` that may leave with its summary; empty: common ones (``sales`` ...)."""
    dispositions: str = ""
    """Values of a call's ``disposition`` that may leave with its summary; empty: common ones (``resolved`` ...)."""
    free_text: str = ""
    """Fields of a call's metadata that are free text, comma-separated: they leave redacted with its summary."""
    spotcheck_share: float = 0.01
    """Share of closed calls, 0 to 1, that the spot check listens to again."""
    processes: int = 1
    """Worker processes that one ``deid-stream worker`` starts."""
    dashboard_host: str = "127.0.0.1"
    """Address on which the dashboard listens. It has no TLS and no login: put a proxy in front of it."""
    dashboard_port: int = 8080
    """Port on which the dashboard listens; 0: no dashboard."""
    dashboard_hosts: str = ""
    """Host names, comma-separated, under which browsers may ask for the dashboard: your proxy's, for example."""
    dashboard_token: str = ""
    """Token for listening to sanitized sound and for seeing whom a request is about; empty: nobody can."""
    dashboard_token_file: str = ""
    """File that holds the dashboard's token."""
    request_days: int = 30
    """Days after which a privacy request that is not done counts as overdue."""
    identity_check: str = ""
    """Who checks that a person is who they say: a program's path or an ``http(s)`` address; empty: requests must carry
    ``verified_by``. See docs/control.md."""
    aggregates_window_ms: int = 3_600_000
    """Length of the windows of ``deid.aggregates``; windows begin at multiples of it since the epoch, UTC."""
    aggregates_threshold: int = 10
    """Numbers that count fewer calls than this are hidden in ``deid.aggregates``."""
    aggregates_epsilon: float = 0.0
    """Epsilon of the Laplace noise on ``deid.aggregates``, for one call: smaller is noisier; 0: no noise."""
    log_level: LogLevel = "info"
    """Least severe lines that are logged. ``debug`` adds what other libraries log, without what was filled in."""
    traces: str = ""
    """Where OpenTelemetry traces go (extra `traces`): a collector's URL (``http://host:4318/v1/traces``) or
    ``file:PATH``; empty: nowhere. They hold counts and times, no id and no word."""
    metrics_host: str = "127.0.0.1"
    """Address on which metrics and probes are served; in a container ``0.0.0.0``."""
    metrics_port: int = 9464
    """Port on which metrics and probes are served; 0: they are not. With ``processes`` N, N ports from this one on."""

    def __repr__(self) -> str:
        return f"<Settings {self.bootstrap_servers or 'embedded broker'}>"

    @property
    def limits(self) -> Limits:
        declared = {name: getattr(self, f"{name}s").lower() for name in DEFAULT_VOCABULARIES}
        own = {name: frozenset(map(str.strip, said.split(","))) for name, said in declared.items() if said}
        return Limits(
            max_audio_bytes=self.max_audio_bytes,
            max_transcript_bytes=self.max_transcript_bytes,
            vocabularies=DEFAULT_VOCABULARIES | own,
            free_text=field_names(self.free_text),
        )

    def key_ring(self, ephemeral: bytes | None = None, unwrap: Callable[[str], bytes] = bytes.fromhex) -> KeyRing:
        """Every key of this deployment. ``ephemeral`` is what to use where none is set and one may be made up: with
        ``insecure_ephemeral_key``, or the embedded broker, which forgets everything with the process too. ``unwrap``
        opens a key as it stands in the settings (``custody.ring`` knows how to ask Vault and a KMS).

        Raises DigestKeyError where a key is missing, not hex, or has not 16 to 64 bytes, where others may read the
        file, and where a key service does not open it.
        """
        if self.digest_key_file:
            check_mode(self.digest_key_file, "digest_key_file")
        text = secret_of(self.digest_key, self.digest_key_file, "digest_key_file")
        if not text:
            if ephemeral is not None and (self.insecure_ephemeral_key or not self.bootstrap_servers):
                return KeyRing(ephemeral)
            raise DigestKeyError(f"no digest key: set DEID_DIGEST_KEY to {_MAKE_ONE}; or --insecure-ephemeral-key")
        try:
            current, *retired = map(unwrap, text.split())
        except ValueError:
            raise DigestKeyError(f"the digest key is not hex: give {_MAKE_ONE}") from None
        return KeyRing(current, retired)

    def secret_read_keys(self) -> list[bytes]:
        """Empty where none is set. Raises DigestKeyError where one is not hex, or others may read the file."""
        if self.read_key_file:
            check_mode(self.read_key_file, "read_key_file")
        try:
            return [
                bytes.fromhex(word) for word in secret_of(self.read_key, self.read_key_file, "read_key_file").split()
            ]
        except ValueError:
            raise DigestKeyError("the read key is not hex: give what `deid-stream keys reader-key` prints") from None

    def secret_vault_token(self) -> str:
        return secret_of(self.vault_token, self.vault_token_file, "vault_token_file")

    def secret_dashboard_token(self) -> str:
        """Empty where none is set. Raises ConfigError where its file cannot be read, or where it is short."""
        token = secret_of(self.dashboard_token, self.dashboard_token_file, "dashboard_token_file")
        if token and len(token) < MIN_TOKEN_CHARS:
            raise ConfigError(f"the dashboard token has {len(token)} characters; at least {MIN_TOKEN_CHARS} are needed")
        return token

    def secret_sasl_password(self) -> str:
        return secret_of(self.sasl_password, self.sasl_password_file, "sasl_password_file")

    def secret_oauth_client(self) -> str:
        return secret_of(self.oauth_client_secret, self.oauth_client_secret_file, "oauth_client_secret_file")


_MAKE_ONE = "32 bytes in hex, the same for every worker, for example from `openssl rand -hex 32`"
_KINDS: Mapping[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
RANGES: Mapping[str, tuple[float, float]] = {
    "partitions": (1, 100_000),
    "replication_factor": (-1, 32_767),
    "session_timeout_ms": (1_000, 300_000),
    "broker_wait_ms": (0, 86_400_000),
    "key_timeout_ms": (100, 60_000),
    "holdback_ms": (0, 3_600_000),
    "context_window_ms": (0, 60_000),
    "max_turn_ms": (1_000, 120_000),
    "idle_ms": (1_000, 86_400_000),
    "max_audio_bytes": (1, 1 << 30),
    "max_transcript_bytes": (1, 1 << 30),
    "spotcheck_share": (0, 1),
    "processes": (1, 1_024),
    "request_days": (1, 3_650),
    "aggregates_window_ms": (60_000, 31 * 86_400_000),
    "aggregates_threshold": (4, 1_000_000),
    "aggregates_epsilon": (0, 100),
    "metrics_port": (0, 65_535),
    "dashboard_port": (0, 65_535),
}


def load_settings(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    file: Path | None = None,
    base: Mapping[str, object] | None = None,
) -> Settings:
    """Merge and check. ``flags`` that are None were not given; ``DEID_CONFIG`` in ``environ`` names the file where
    ``file`` does not; ``base`` changes a command's own defaults. Raises ConfigError naming the setting and its source.
    """
    path = file or (Path(environ[ENV_PREFIX + "CONFIG"]) if environ.get(ENV_PREFIX + "CONFIG") else None)
    merged: JsonObject = dict(base or {})
    sources = dict.fromkeys(merged, "the command's defaults")
    for source, values in (
        (f"the file {path}", _from_file(path) if path else {}),
        ("the environment", _from_environment(environ)),
        ("the flags", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in values.items():
            if name not in Settings.__struct_fields__:
                raise ConfigError(f"{source} sets {name}, which is no setting{_nearest(name)}")
            if isinstance(value, str) and re.search("[\ud800-\udfff]", value):  # as Python reads other bytes
                raise ConfigError(f"{name}, from {source}, is not UTF-8")
            merged[name] = value
            sources[name] = source
    settings = _converted(merged, sources)
    _check(settings, sources)
    return settings


def _from_file(path: Path) -> Mapping[str, object]:
    text = text_of(path, f"the settings file {path}")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # only the place: the rest of the message may quote the file
        place = re.search(r" \(at (line \d+, column \d+|end of document)\)$", str(error))
        raise ConfigError(
            f'the settings file {path} is not TOML{place[0] if place else ""}; write region = "eu", partitions = 64'
        ) from None


def _from_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Settings by name; an empty variable counts as not set. Raises ConfigError where a ``DEID_*`` variable is no
    setting: a misspelled one would be without effect."""
    found = {}
    for variable, value in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable == ENV_PREFIX + "CONFIG" or _service_link(variable, value):
            continue
        name = variable.removeprefix(ENV_PREFIX).lower()
        if name not in Settings.__struct_fields__:
            shown = variable if variable.isascii() and variable.isprintable() else f"a {ENV_PREFIX}* variable"
            raise ConfigError(f"the environment sets {shown}, which is no setting{_nearest(name)}")
        if value:
            found[name] = value
    return found


def _service_link(variable: str, value: str) -> bool:
    """Kubernetes tells each pod of the services beside it, also of one that is called ``deid-...``."""
    linked = re.search(r"_SERVICE_(HOST|PORT)(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$", variable)
    address = re.fullmatch(r"((tcp|udp|sctp)://)?[\d.:a-f\[\]]+|tcp|udp|sctp", value, re.IGNORECASE)
    known = variable.removeprefix(ENV_PREFIX).lower() in Settings.__struct_fields__
    return bool(linked and address and not known)


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, Settings.__struct_fields__, 1, 0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _converted(merged: Mapping[str, object], sources: Mapping[str, str]) -> Settings:
    """One at a time, so that what is wrong can be named without repeating its value."""
    converted = {}
    for field in msgspec.structs.fields(Settings):
        if field.name in merged:
            try:
                converted[field.name] = msgspec.convert(merged[field.name], field.type, strict=False)
            except msgspec.ValidationError:
                choices = get_args(field.type)
                kind = " or ".join(choices) if choices else _KINDS.get(field.type, "text")
                raise ConfigError(f"{field.name}, from {sources[field.name]}, must be {kind}") from None
    return Settings(**converted)


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    for name, (low, high) in RANGES.items():
        if not low <= getattr(settings, name) <= high:
            raise ConfigError(f"{name}, from {sources.get(name, 'the defaults')}, must be within {low:,} to {high:,}")
    if wrong := fault(settings.free_text, encrypted=settings.encrypt_outputs):
        raise ConfigError(f"free_text, from {sources['free_text']}, {wrong}")
    by_token = settings.sasl_mechanism == "OAUTHBEARER"  # what it needs, kafka.oauth says
    if settings.security_protocol.startswith("SASL") and not by_token and not settings.sasl_username:
        raise ConfigError("security_protocol is SASL, so sasl_username (and sasl_password or its file) are needed")
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        raise ConfigError("tls_cert_file and tls_key_file go together; one is missing")
    for name in ("digest_key", "sasl_password", "oauth_client_secret", "dashboard_token", "read_key", "vault_token"):
        if getattr(settings, name) and getattr(settings, name + "_file"):
            raise ConfigError(f"{name} and {name}_file are both set; leave one out")
