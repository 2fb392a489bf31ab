"""Flags that several commands share, and how settings come together."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from deid_stream.config import Settings, load_settings
from deid_stream.errors import ConfigError, PolicyError
from deid_stream.units import DAY_MS

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka
    from deid_stream.policy import CompiledPolicy

F = TypeVar("F", bound=Callable[..., object])

CONNECTION: Final = {
    "bootstrap_servers": "Kafka brokers, comma-separated host:port.",
    "security_protocol": "How to speak to the brokers: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
    "sasl_mechanism": "How to log in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.",
    "sasl_username": "Kafka user; its password comes from DEID_SASL_PASSWORD or --sasl-password-file.",
    "sasl_password_file": "File that holds the SASL password.",
    "oauth_token_url": "URL of the token endpoint; its secret comes from DEID_OAUTH_CLIENT_SECRET or a file.",
    "oauth_client_id": "Client id at the token endpoint.",
    "oauth_client_secret_file": "File that holds the client secret for the token endpoint.",
    "oauth_scope": "Scope to ask the token endpoint for.",
    "oauth_token_hook": "Python function, module:name, that returns a token and when it expires.",
    "tls_ca_file": "CA certificates (PEM) to check the broker's certificate with; default: the system's.",
    "tls_cert_file": "Client certificate, PEM.",
    "tls_key_file": "Key of the client certificate, PEM.",
    "topic_prefix": "Text that is put before every topic name.",
}
TOPICS: Final = {
    "partitions": "Number of partitions of every topic that is created.",
    "replication_factor": "Replicas of every topic that is created; -1: three, or the number of brokers if fewer.",
}
CUSTODY: Final = {
    "key_timeout_ms": "Longest wait for a key service's answer (ms).",
    "key_ca_file": "CA certificates (PEM) to check the key service's certificate with; default: the system's.",
    "vault_addr": "Vault's address; its token comes from DEID_VAULT_TOKEN or --vault-token-file.",
    "vault_token_file": "File that holds Vault's token.",
    "vault_key": "Name of the key of Vault's transit engine.",
    "vault_mount": "Path at which Vault's transit engine is mounted.",
    "vault_namespace": "Vault Enterprise's namespace.",
    "kms_key": "KMS key: id, ARN or alias.",
    "kms_region": "Region of the KMS; default: AWS_REGION.",
    "kms_endpoint": "Address of the KMS; default: AWS's own.",
}
READER: Final = {"read_key_file": "File that holds the key of encrypted outputs; or set DEID_READ_KEY."}
SENSITIVITY: Final = "strict (misses fewest values), balanced, or light (redacts fewest words needlessly)."
WORKER: Final = {
    "group_id": "Consumer group of the workers; the same for all workers of a deployment.",
    "session_timeout_ms": "A member of the group without a heartbeat for this long (ms) loses its partitions.",
    "broker_wait_ms": "How long (ms) a start waits for a broker that does not answer.",
    "kafka_client": "Kafka client of the worker: librdkafka or aiokafka.",
    "processing": "auto (exactly once where the broker has transactions), exactly_once or at_least_once.",
    "region": "Region of this deployment; policies that name another region permit no training here.",
    "processor": "Policies may restrict what is done by default, not extend it (docs/policies.md).",
    "holdback_ms": "Longest time (ms) that audio waits for its transcript; then its speech is silenced.",
    "delay": "Wait after a turn that cannot be the beginning of a value: live (0.2 s), balanced (0.7 s) or safe.",
    "context_window_ms": "A pause at least this long (ms) ends a turn.",
    "max_turn_ms": "A turn that gets longer than this (ms) is ended.",
    "idle_ms": "A call without records for this long (ms) is closed.",
    "max_audio_bytes": "Audio records of more bytes become dead letters.",
    "max_transcript_bytes": "Transcript and event records of more bytes become dead letters.",
    "directions": "Values of a call's direction that may leave, comma-separated; default: the usual ones.",
    "regions": "Values of a call's region that may leave, comma-separated, beside any two letters.",
    "queues": "Values of a call's queue that may leave, comma-separated; default: the usual ones.",
    "dispositions": "Values of a call's disposition that may leave, comma-separated; default: the usual ones.",
    "free_text": "Fields of a call's metadata that leave as redacted text, comma-separated; default: none.",
    "digest_key_file": "File that holds the digest key, in hex; or set DEID_DIGEST_KEY.",
    "customer_keys": "Each customer has a key of its own, which can be destroyed.",
    "encrypt_outputs": "Transcripts and audio leave encrypted with their customer's key.",
    "hash_ids": "Call, customer and segment ids leave as keyed pseudonyms.",
    "insecure_ephemeral_key": "Make up a digest key for this run: for trying things out.",
    "timing_profile": "Timing profile of transcripts that name no provider.",
    "sensitivity": SENSITIVITY,
    "processes": "Number of worker processes to start; their metrics ports are --metrics-port and those after it.",
    "log_level": "Level from which on log lines are written: debug, info, warning or error.",
    "traces": "OpenTelemetry traces: a collector's URL, or file:PATH; default: none.",
    "metrics_host": "Address on which metrics and probes are served.",
    "metrics_port": "Port on which metrics and probes are served; 0: they are not.",
}
"""Secrets have no flag, only the files that hold them: a process list shows flags to everybody."""
DASHBOARD: Final = {
    "dashboard_host": "Address on which the dashboard listens.",
    "dashboard_port": "Port on which the dashboard listens; 0: no dashboard.",
    "dashboard_hosts": "Further host names under which browsers may request the dashboard, comma-separated.",
    "dashboard_token_file": "File with the token for listening and for people's requests; or set DEID_DASHBOARD_TOKEN.",
}
CONTROL: Final = {
    "request_days": "Days after which a privacy request that is not done is overdue.",
    "identity_check": "Program or http(s) address that checks identities; default: requests must carry verified_by.",
    "aggregates_window_ms": "Length of the windows of deid.aggregates (ms).",
    "aggregates_threshold": "Numbers that are made of fewer calls are hidden in deid.aggregates.",
    "aggregates_epsilon": "Epsilon of the Laplace noise on deid.aggregates: smaller is noisier; 0: no noise.",
    **{
        name: WORKER[name]
        for name in (
            "group_id",
            "session_timeout_ms",
            "broker_wait_ms",
            "region",
            "processor",
            "digest_key_file",
            "hash_ids",
            "log_level",
            "metrics_host",
            "metrics_port",
        )
    },
}
SPOTCHECK: Final = {
    "spotcheck_share": "Share of closed calls to listen to, 0 to 1.",
    **{
        name: WORKER[name]
        for name in ("group_id", "session_timeout_ms", "idle_ms", "log_level", "metrics_host", "metrics_port")
    },
}

_SHORTER: Final = {"spotcheck_share": "--share"}


def settings_options(*groups: dict[str, str]) -> Callable[[F], F]:
    """Give a command ``--config`` and a flag for every setting of ``groups``; it receives ``settings``."""
    names = {name: text for group in groups for name, text in group.items()}
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def with_settings(*args: object, config: Path | None, **values: Any) -> object:
            flags = {name: values.pop(name) for name in names}
            return command(*args, settings=load_settings(flags, os.environ, config), **values)

        decorated: Any = with_settings
        for name, text in reversed(names.items()):
            flag = _SHORTER.get(name) or "--" + name.replace("_", "-")
            if types[name] is bool:
                option = click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=text)
            else:
                option = click.option(flag, name, metavar="N" if types[name] in (int, float) else "TEXT", help=text)
            decorated = option(decorated)
        path = click.Path(dir_okay=False, path_type=Path)
        result: F = click.option("--config", type=path, help="Settings file, TOML.")(decorated)
        return result

    return decorate


TRY_SERVE: Final = "use `deid-stream serve` to try things out"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")


def day_ms(text: str | None, flag: str) -> int | None:
    """Midnight UTC at which the day begins (ms since the epoch). Raises ConfigError naming ``flag``."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{flag} is not a day; write it as YYYY-MM-DD") from None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def period_ms(first: str | None, last: str | None, flags: tuple[str, str]) -> tuple[int | None, int | None]:
    """Half-open times (ms since the epoch) from the first day to the end of the last; None: no bound. ``flags``: the
    names of the two flags. Raises ConfigError where the first day is after the last, so that a mistake is not taken
    for a period in which nothing happened."""
    since_ms, last_ms = day_ms(first, flags[0]), day_ms(last, flags[1])
    if since_ms is not None and last_ms is not None and since_ms > last_ms:
        raise ConfigError(f"{flags[0]} is after {flags[1]}; give the earlier day first")
    return since_ms, None if last_ms is None else last_ms + DAY_MS


def require_broker(settings: Settings, otherwise: str = "set DEID_BOOTSTRAP_SERVERS") -> None:
    """Raises ConfigError where no broker is named; ``otherwise`` is what the message advises instead."""
    if not settings.bootstrap_servers:
        raise ConfigError(f"no broker is named: give --bootstrap-servers, or {otherwise}")


def cluster(settings: Settings, client_id: str) -> "Kafka":
    """The connection of a command that needs a running broker. The client's own log lines are switched off, since the
    command reports its errors itself. Raises ConfigError where no broker is named."""
    from deid_stream.kafka.connect import connect

    require_broker(settings)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return connect(settings, client_id)


def read_policy(file: Path) -> tuple[bytes, "CompiledPolicy"]:
    """The content of a policy file, as it is and compiled. Raises PolicyError naming the file, for unknown fields
    too."""
    from deid_stream.policy import compile_policy

    raw = file.read_bytes()
    try:
        compiled = compile_policy(raw, strict=True)
    except PolicyError as error:
        raise PolicyError(f"{file.name}: {error}") from None
    return raw, compiled
