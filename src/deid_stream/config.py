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
from deid_stream.units import DAY_MS
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
    """Kafka brokers to connect to first, as comma-separated ``host:port``. Empty: `serve` and `demo` start the embedded
    broker, other commands refuse to run."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """How to speak to the brokers: with TLS (``SSL``), with a user (``SASL``), with both, or with neither."""
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    """How the user logs in. ``PLAIN`` and ``OAUTHBEARER`` send a password or token as it is: use them with TLS only."""
    sasl_username: str = ""
    """Name of the Kafka user."""
    sasl_password: str = ""
    """Password of the Kafka user; better in ``sasl_password_file``."""
    sasl_password_file: str = ""
    """File that holds the password of the Kafka user."""
    oauth_token_url: str = ""
    """With ``OAUTHBEARER``: URL of the token endpoint (client credentials grant); ``http`` is allowed for an endpoint
    on this machine only."""
    oauth_client_id: str = ""
    """Client id at the token endpoint."""
    oauth_client_secret: str = ""
    """Client secret at the token endpoint; better in ``oauth_client_secret_file``."""
    oauth_client_secret_file: str = ""
    """File that holds the client secret."""
    oauth_scope: str = ""
    """Scope to ask the token endpoint for; empty: the endpoint's default."""
    oauth_token_hook: str = ""
    """Instead of a token endpoint: ``module:name`` of a Python function that returns a token and when it expires."""
    tls_ca_file: str = ""
    """CA certificates (PEM) that the broker's certificate is checked with; empty: those of the system."""
    tls_cert_file: str = ""
    """Client certificate (PEM), for mutual TLS; needs ``tls_key_file``."""
    tls_key_file: str = ""
    """Private key (PEM) of the client certificate."""
    topic_prefix: str = ""
    """Text that is put before every topic name, for example ``staging.`` (with its dot: ``staging.calls.audio``)."""
    partitions: int = 4
    """Partition count of every topic that this program creates."""
    replication_factor: int = -1
    """Replicas of every topic that this program creates; -1: three, or as many as there are brokers if fewer."""
    group_id: str = "deid-stream"
    """Consumer group of the workers. The spot check's group is this name with ``-spotcheck`` added, the control plane's
    with ``-control``."""
    kafka_client: KafkaClient = "librdkafka"
    """Client with which a worker reads and writes records: ``librdkafka`` takes a quarter of ``aiokafka``'s CPU
    time."""
    processing: Guarantee = "auto"
    """``auto``: exactly once where the broker has transactions, else at least once with repeatable record ids."""
    session_timeout_ms: int = 10_000
    """A worker from which the broker has had no heartbeat for this long loses its partitions to other workers."""
    broker_wait_ms: int = 300_000
    """How long a process that starts waits for a broker that does not answer; 0: it ends at once, with status 1."""
    region: str = ""
    """Region in which this deployment runs. A policy that names another one permits no training here."""
    processor: bool = False
    """True: the deployment processes calls on behalf of its customers, so a policy may restrict what is done by default
    (redact more, keep for less time), not extend it."""
    holdback_ms: int = 30_000
    """Longest time that audio waits for its transcript, in record time. After it the audio leaves with its speech
    silenced. Longer: late transcripts count, and a missing one delays the call for longer."""
    delay: DelayName = "safe"
    """How long a turn waits for more of the same speaker if its last words cannot be the beginning of a value: `live`
    0.2 s, `balanced` 0.7 s, `safe` the whole context window, as all other turns do."""
    context_window_ms: int = 1_500
    """A pause of at least this length ends a turn. Longer: more values that are spoken in parts are found, and
    everything leaves later."""
    max_turn_ms: int = 12_000
    """A turn that lasts longer than this is ended at the segment border before. Longer: long turns leave later."""
    idle_ms: int = 120_000
    """A call of which no record has come for this long (record time) counts as broken off and is closed as
    incomplete."""
    max_audio_bytes: int = 1_048_576
    """Audio records of more bytes than this become dead letters."""
    max_transcript_bytes: int = 1_048_576
    """Transcript and event records of more bytes than this become dead letters."""
    digest_key: str = ""
    """Master key, 16 to 64 bytes in hex, from which every other key is derived; the same for all workers. Retired keys
    may follow it, after a blank or on lines of their own: calls that began under a retired key go on with it."""
    digest_key_file: str = ""
    """File that holds ``digest_key``; others must not be able to read it."""
    customer_keys: bool = False
    """True: each customer has a secret of its own in ``deid.keys``, from which the customer's pseudonyms are made. When
    the secret is destroyed, nobody can link these pseudonyms any more. Turning this on changes every pseudonym."""
    encrypt_outputs: bool = False
    """True: transcripts and audio leave encrypted with their customer's key (so ``customer_keys`` is on, too). When
    that key is destroyed, no copy of them can be read any more."""
    read_key: str = ""
    """Key that opens encrypted outputs, as `deid-stream keys reader-key` prints it; separate several by blanks."""
    read_key_file: str = ""
    """File that holds ``read_key``; others must not be able to read it."""
    key_timeout_ms: int = 5_000
    """Longest wait for an answer of Vault or the KMS. If none comes, the process does not start."""
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
    taken from the environment (``AWS_ACCESS_KEY_ID`` and the others of AWS)."""
    kms_region: str = ""
    """Region of the KMS; empty: what ``AWS_REGION`` says."""
    kms_endpoint: str = ""
    """URL of the KMS; empty: that of AWS in the region."""
    hash_ids: bool = False
    """True: call, customer and segment ids leave as keyed pseudonyms, in every output, key and header."""
    insecure_ephemeral_key: bool = False
    """True: if no digest key is set, make one up for this run. After a restart, a worker does not recognise values that
    it found before. For trying things out only."""
    timing_profile: str = ""
    """Timing profile (docs/audio.md) of transcripts that name no provider; empty: ``100ms``."""
    sensitivity: SensitivityName = "balanced"
    """How probable a guess of the model must be to count. `strict` accepts less probable guesses, so it misses fewest
    values; `light` wants more probable ones, so it redacts fewest words needlessly."""
    directions: str = ""
    """Values of a call's ``direction`` that may leave, with commas; empty: ``inbound``, ``outbound``, ``internal``."""
    regions: str = ""
    """Values of a call's ``region`` that may leave with its summary, comma-separated; empty: ``apac``, ``emea``,
    ``amer`` and ``latam``. Any two letters (a country code) may leave as well."""
    queues: str = ""
    """Values of a call's ``queue`` that may leave with its summary, comma-separated; empty: common names
    (``sales``, ``support``, ``billing`` and others)."""
    dispositions: str = ""
    """Values of a call's ``disposition`` that may leave with its summary, comma-separated; empty: common words
    (``resolved``, ``transferred``, ``voicemail`` and others)."""
    free_text: str = ""
    """Names of metadata fields that hold free text (notes, say), comma-separated. They leave with the call's summary,
    redacted; empty: none leaves."""
    spotcheck_share: float = 0.01
    """Share of closed calls, 0 to 1, that the spot check listens to again."""
    processes: int = 1
    """Worker processes that one ``deid-stream worker`` starts."""
    dashboard_host: str = "127.0.0.1"
    """Address on which the dashboard listens. It has no TLS and no login: put a proxy in front of it."""
    dashboard_port: int = 8080
    """Port on which the dashboard listens; 0: no dashboard."""
    dashboard_hosts: str = ""
    """Further host names, comma-separated, under which browsers may request the dashboard, for example your proxy's.
    Requests under other names are refused."""
    dashboard_token: str = ""
    """Token that a viewer must give to listen to sanitized sound and to see whom a rights request is about, 16
    characters or more; empty: nobody can."""
    dashboard_token_file: str = ""
    """File that holds the dashboard's token."""
    request_days: int = 30
    """Days after which a privacy request that is not done counts as overdue."""
    identity_check: str = ""
    """What checks the identity of a person who makes a request: a program's path or an ``http(s)`` address; empty: the
    request must name in ``verified_by`` who has checked it. See docs/control.md."""
    aggregates_window_ms: int = 3_600_000
    """Length of the windows of ``deid.aggregates``; they begin at multiples of this length since the epoch (UTC)."""
    aggregates_threshold: int = 10
    """A number in ``deid.aggregates`` that is made of fewer calls than this is hidden."""
    aggregates_epsilon: float = 0.0
    """Epsilon of the Laplace noise that is added to the numbers of ``deid.aggregates``, for one call. Smaller: more
    noise; 0: no noise."""
    log_level: LogLevel = "info"
    """Level from which on lines are logged. ``debug`` adds other libraries' lines, without what was filled in."""
    traces: str = ""
    """Where OpenTelemetry traces go (extra `traces`): a collector's URL (``http://host:4318/v1/traces``) or
    ``file:PATH``; empty: no traces. Traces hold counts and times, no id and no word."""
    metrics_host: str = "127.0.0.1"
    """Address on which metrics and probes are served; in a container ``0.0.0.0``."""
    metrics_port: int = 9464
    """Port on which metrics and probes are served; 0: they are not served. With ``processes`` N, each process has a
    port of its own: this one and the N - 1 after it."""

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
        """Every key of this deployment. ``ephemeral`` is used as the master key where none is set and one may be made
        up: with ``insecure_ephemeral_key``, or with the embedded broker, whose data ends with the process as well.
        ``unwrap`` opens a key as it stands in the settings (``custody.ring`` knows how to ask Vault and a KMS).

        Raises DigestKeyError where a key is missing, not hex, or has not 16 to 64 bytes, where others may read the
        file, and where a key service does not open it.
        """
        if self.digest_key_file:
            check_mode(self.digest_key_file, "digest_key_file")
        text = secret_of(self.digest_key, self.digest_key_file, "digest_key_file")
        if not text:
            if ephemeral is not None and (self.insecure_ephemeral_key or not self.bootstrap_servers):
                return KeyRing(ephemeral)
            raise DigestKeyError(
                f"no digest key: set DEID_DIGEST_KEY to {A_DIGEST_KEY}; to try a worker out: --insecure-ephemeral-key"
            )
        try:
            current, *retired = map(unwrap, text.split())
        except ValueError:
            raise DigestKeyError(f"the digest key is not hex: give {A_DIGEST_KEY}") from None
        return KeyRing(current, retired)

    def secret_read_keys(self) -> list[bytes]:
        """The keys of ``read_key`` or its file; empty where neither is set. Raises DigestKeyError where one is not hex,
        or others may read the file."""
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
        """The dashboard's token; empty where none is set. Raises ConfigError where its file cannot be read, or where
        the token is too short."""
        token = secret_of(self.dashboard_token, self.dashboard_token_file, "dashboard_token_file")
        if token and len(token) < MIN_TOKEN_CHARS:
            raise ConfigError(f"the dashboard token has {len(token)} characters; give {MIN_TOKEN_CHARS} or more")
        return token

    def secret_sasl_password(self) -> str:
        return secret_of(self.sasl_password, self.sasl_password_file, "sasl_password_file")

    def secret_oauth_client(self) -> str:
        return secret_of(self.oauth_client_secret, self.oauth_client_secret_file, "oauth_client_secret_file")


A_DIGEST_KEY = "32 bytes in hex, the same for every worker, for example from `openssl rand -hex 32`"
_KINDS: Mapping[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
RANGES: Mapping[str, tuple[float, float]] = {
    "partitions": (1, 100_000),
    "replication_factor": (-1, 32_767),
    "session_timeout_ms": (1_000, 300_000),
    "broker_wait_ms": (0, DAY_MS),
    "key_timeout_ms": (100, 60_000),
    "holdback_ms": (0, 3_600_000),
    "context_window_ms": (0, 60_000),
    "max_turn_ms": (1_000, 120_000),
    "idle_ms": (1_000, DAY_MS),
    "max_audio_bytes": (1, 1 << 30),
    "max_transcript_bytes": (1, 1 << 30),
    "spotcheck_share": (0, 1),
    "processes": (1, 1_024),
    "request_days": (1, 3_650),
    "aggregates_window_ms": (60_000, 31 * DAY_MS),
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
                raise ConfigError(f"{name}, from {source}, is not UTF-8; write it in UTF-8")
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
    """Whether Kubernetes has set the variable: it tells each pod the addresses of the services in its namespace, in
    variables that begin with a service's name, which may be ``deid-...``."""
    linked = re.search(r"_SERVICE_(HOST|PORT)(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$", variable)
    address = re.fullmatch(r"((tcp|udp|sctp)://)?[\d.:a-f\[\]]+|tcp|udp|sctp", value, re.IGNORECASE)
    known = variable.removeprefix(ENV_PREFIX).lower() in Settings.__struct_fields__
    return bool(linked and address and not known)


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, Settings.__struct_fields__, 1, 0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _converted(merged: Mapping[str, object], sources: Mapping[str, str]) -> Settings:
    """Each setting is converted by itself, so that a wrong one can be named without repeating its value."""
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
        raise ConfigError("security_protocol is SASL: set sasl_username, and sasl_password or sasl_password_file")
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        raise ConfigError("only one of tls_cert_file and tls_key_file is set; set both or neither")
    for name in ("digest_key", "sasl_password", "oauth_client_secret", "dashboard_token", "read_key", "vault_token"):
        if getattr(settings, name) and getattr(settings, name + "_file"):
            raise ConfigError(f"{name} and {name}_file are both set; leave one out")
