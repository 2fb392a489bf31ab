"""HashiCorp Vault's transit engine (and OpenBao's): the wrapping key never leaves it."""

import json
import re
from base64 import b64decode
from typing import Final

from deid_stream.custody.http import Answer, JsonService
from deid_stream.custody.provider import NewKey
from deid_stream.errors import ConfigError, KeyProviderError
from deid_stream.model.json import JsonObject

PREFIX: Final = "vault:"
_TOKEN: Final = re.compile(r"vault:v\d+:[A-Za-z0-9+/=]+")
_NAME: Final = re.compile(r"[A-Za-z0-9._/-]+")


class VaultTransit:
    """``key`` is the name of the transit key, ``mount`` where the engine is, ``token`` Vault's own."""

    def __init__(
        self, service: JsonService, *, key: str, token: str, mount: str = "transit", namespace: str = ""
    ) -> None:
        if not key:
            raise ConfigError("vault_key is not set: name the transit key that wraps the master keys")
        if not token:
            raise ConfigError("no Vault token: set vault_token, or vault_token_file to the file an agent writes")
        if not (_NAME.fullmatch(key) and _NAME.fullmatch(mount)):
            raise ConfigError("vault_key and vault_mount may hold letters, digits, dots, dashes and slashes only")
        self._service = service
        self._key = key
        self._mount = mount
        self._headers = {"X-Vault-Token": token, "X-Vault-Request": "true", "Content-Type": "application/json"}
        if namespace:
            self._headers["X-Vault-Namespace"] = namespace

    def __repr__(self) -> str:
        return "<VaultTransit>"

    def generate(self) -> NewKey:
        data = self._ask("datakey/plaintext", {"bits": 256})
        token = data.get("ciphertext")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._service.garbage()
        return NewKey(token, self._secret(data))

    def unwrap(self, token: str) -> bytes:
        if not _TOKEN.fullmatch(token):
            raise KeyProviderError(
                "a wrapped key is damaged: it is not vault:vN: and base64; restore the digest key file"
            )
        return self._secret(self._ask("decrypt", {"ciphertext": token}))

    def _ask(self, what: str, body: JsonObject) -> JsonObject:
        answer = self._service.post(f"/v1/{self._mount}/{what}/{self._key}", json.dumps(body).encode(), self._headers)
        if answer.status != 200:
            raise self._service.refused(answer, self._mends(answer))
        data = answer.fields.get("data")
        if not isinstance(data, dict):
            raise self._service.garbage()
        return data

    def _mends(self, answer: Answer) -> dict[int, str]:
        said = str(answer.fields.get("errors", ""))
        sealed = "it is sealed: unseal it (`vault operator unseal`)"
        return {
            400: "the wrapped key is of another transit key, or below its min_decryption_version: is vault_key right?",
            403: "the token has expired or may not use the key: its policy needs `update` on "
            f"{self._mount}/decrypt/{self._key} (and {self._mount}/datakey/plaintext/{self._key} for new keys)",
            404: f"there is no transit engine at {self._mount}, or no key {self._key}: set vault_mount and vault_key",
            429: "it is a standby, or has too many requests: set vault_addr to the active one",
            500: sealed if "sealed" in said else "it failed: look at Vault's own log",
            503: sealed if "sealed" in said or not said else "it is not ready: look at Vault's own log",
        }

    def _secret(self, data: JsonObject) -> bytes:
        plain = data.get("plaintext")
        try:
            secret = b64decode(plain, validate=True) if isinstance(plain, str) else b""
        except ValueError:
            secret = b""
        if not secret:
            raise self._service.garbage()
        return secret
