"""A cloud KMS as AWS has it (``Decrypt``, ``GenerateDataKey``): also what speaks its protocol, LocalStack and others.

Requests are signed by ``sign``, AWS Signature Version 4 unless another is given.
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from deid_stream.custody.http import Answer, JsonService
from deid_stream.custody.provider import NewKey
from deid_stream.errors import ConfigError, KeyProviderError
from deid_stream.model.json import JsonObject

PREFIX: Final = "aws-kms:"
_CONTEXT: Final = {"purpose": "deid-stream master key"}
"""The encryption context that is bound to every key. An access policy of the KMS may demand it."""

Signer = Callable[[bytes, Mapping[str, str]], dict[str, str]]
"""Takes the body and the headers of a request to ``/``; returns the headers with the signature added."""


class Credentials(NamedTuple):
    access_key: str
    secret_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return "<Credentials>"


class SigV4:
    """AWS Signature Version 4 of a POST to ``/``. ``now_s`` is the wall clock."""

    def __init__(
        self, credentials: Credentials, region: str, service: str = "kms", now_s: Callable[[], float] = time.time
    ) -> None:
        if not (credentials.access_key and credentials.secret_key):
            raise ConfigError("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        self._credentials = credentials
        self._region = region
        self._service = service
        self._now_s = now_s

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now_s()))
        signed = {**headers, "X-Amz-Date": stamp}
        if self._credentials.session_token:
            signed["X-Amz-Security-Token"] = self._credentials.session_token
        canonical = sorted((name.lower(), value.strip()) for name, value in signed.items())
        names = ";".join(name for name, _ in canonical)
        lines = "".join(f"{name}:{value}\n" for name, value in canonical)
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = b"AWS4" + self._credentials.secret_key.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        signed["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._credentials.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        return signed


class AwsKms:
    """``key`` is the KMS key's id, ARN or alias; it may be empty where keys are only unwrapped."""

    def __init__(self, service: JsonService, *, key: str, sign: Signer) -> None:
        self._service = service
        self._key = key
        self._sign = sign

    def __repr__(self) -> str:
        return "<AwsKms>"

    def generate(self) -> NewKey:
        if not self._key:
            raise ConfigError("kms_key is not set: name the KMS key (id, ARN or alias) that wraps the master keys")
        fields = self._ask("GenerateDataKey", {"KeyId": self._key, "KeySpec": "AES_256", "EncryptionContext": _CONTEXT})
        return NewKey(
            PREFIX + b64encode(self._bytes(fields, "CiphertextBlob")).decode(), self._bytes(fields, "Plaintext")
        )

    def unwrap(self, token: str) -> bytes:
        blob = token.removeprefix(PREFIX)
        try:
            b64decode(blob, validate=True)
        except ValueError:
            raise KeyProviderError(
                f"a wrapped key is damaged: it is not {PREFIX} and base64; restore the digest key file"
            ) from None
        body: JsonObject = {"CiphertextBlob": blob, "EncryptionContext": _CONTEXT}
        if self._key:
            body["KeyId"] = self._key
        return self._bytes(self._ask("Decrypt", body), "Plaintext")

    def _ask(self, action: str, body: JsonObject) -> JsonObject:
        raw = json.dumps(body).encode()
        headers = {
            "Host": self._service.host,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"TrentService.{action}",
        }
        answer = self._service.post("/", raw, self._sign(raw, headers))
        if answer.status != 200:
            raise self._service.refused(answer, {answer.status: _mend(answer, action)})
        return answer.fields

    def _bytes(self, fields: JsonObject, name: str) -> bytes:
        value = fields.get(name)
        try:
            found = b64decode(value, validate=True) if isinstance(value, str) else b""
        except ValueError:
            found = b""
        if not found:
            raise self._service.garbage()
        return found


def _mend(answer: Answer, action: str) -> str:
    kind = str(answer.fields.get("__type", "")).rpartition("#")[2]
    mends = {
        "AccessDeniedException": f"these credentials may not use the key: allow kms:{action} on it",
        "DisabledException": "the key is disabled: enable it",
        "ExpiredTokenException": "the credentials have expired: renew them",
        "IncorrectKeyException": "the wrapped key is of another KMS key: is kms_key right?",
        "InvalidCiphertextException": "the wrapped key is damaged, or of another KMS: restore the digest key file",
        "InvalidSignatureException": "the secret key is wrong, or this machine's clock is",
        "KMSInvalidStateException": "the key is disabled or about to be deleted: enable it, or cancel its deletion",
        "NotFoundException": "there is no such key: set kms_key and kms_region",
        "ThrottlingException": "it has too many requests: start again in a moment",
        "UnrecognizedClientException": "the access key is not known: set AWS_ACCESS_KEY_ID",
    }
    return mends.get(kind, f"{kind or 'it gave no reason'}: look at the KMS's own log"[:200])
