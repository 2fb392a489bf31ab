"""Makes a deployment's key ring: reads master keys from a file or the environment, and has each unwrapped by the
service that its prefix names."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Literal

from deid_stream.config import Settings
from deid_stream.custody.aws import PREFIX as AWS
from deid_stream.custody.aws import AwsKms, Credentials, SigV4
from deid_stream.custody.http import JsonService
from deid_stream.custody.provider import KeyProvider, NewKey
from deid_stream.custody.vault import PREFIX as VAULT
from deid_stream.custody.vault import VaultTransit
from deid_stream.errors import ConfigError
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import ReadKeys

ProviderName = Literal["local", "vault", "aws-kms"]
_SECRET_BYTES: Final = 32


class LocalKeys:
    """Master keys that no service wraps, in hex. ``random`` gives the number of random bytes that it is asked for."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random

    def generate(self) -> NewKey:
        secret = self._random(_SECRET_BYTES)
        return NewKey(secret.hex(), secret)

    def unwrap(self, token: str) -> bytes:
        return bytes.fromhex(token)


def provider(settings: Settings, name: ProviderName, environ: Mapping[str, str] = os.environ) -> KeyProvider:
    """The key service of that name, by the settings. Raises ConfigError where a setting of it is missing."""
    timeout_s = settings.key_timeout_ms / 1000
    if name == "local":
        return LocalKeys()
    if name == "vault":
        if not settings.vault_addr:
            raise ConfigError("vault_addr is not set: give Vault's address, https://HOST:8200")
        service = JsonService("Vault", settings.vault_addr, timeout_s, "vault_addr", settings.key_ca_file)
        return VaultTransit(
            service,
            key=settings.vault_key,
            token=settings.secret_vault_token(),
            mount=settings.vault_mount,
            namespace=settings.vault_namespace,
        )
    region = settings.kms_region or environ.get("AWS_REGION", "")
    if not region:
        raise ConfigError("kms_region is not set: name the region of the KMS")
    url = settings.kms_endpoint or f"https://kms.{region}.amazonaws.com"
    credentials = Credentials(
        environ.get("AWS_ACCESS_KEY_ID", ""),
        environ.get("AWS_SECRET_ACCESS_KEY", ""),
        environ.get("AWS_SESSION_TOKEN", ""),
    )
    service = JsonService("the KMS", url, timeout_s, "kms_endpoint", settings.key_ca_file)
    return AwsKms(service, key=settings.kms_key, sign=SigV4(credentials, region))


def unwrapper(settings: Settings, environ: Mapping[str, str] = os.environ) -> Callable[[str], bytes]:
    """A function that unwraps a master key as it stands in the settings; the key's prefix says by which service."""
    opened = cache(lambda name: provider(settings, name, environ))

    def unwrap(token: str) -> bytes:
        name: ProviderName = "vault" if token.startswith(VAULT) else "aws-kms" if token.startswith(AWS) else "local"
        found: KeyProvider = opened(name)
        return found.unwrap(token)

    return unwrap


def key_ring(settings: Settings, ephemeral: bytes | None = None) -> KeyRing:
    """All master keys of this deployment. It blocks where a key service has to be asked. See ``Settings.key_ring``."""
    return settings.key_ring(ephemeral, unwrapper(settings))


def read_keys(settings: Settings) -> ReadKeys | None:
    """The keys with which this process may decrypt outputs: its read keys, or those of its key ring; None where it has
    neither."""
    own = settings.secret_read_keys()
    if own:
        return ReadKeys(own)
    if settings.digest_key or settings.digest_key_file:
        return ReadKeys.of(key_ring(settings))
    return None
