"""One JSON request to a key service: bounded in time and size, no redirects, one clear error for each failure."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from deid_stream.errors import ConfigError, KeyProviderError
from deid_stream.model.json import JsonObject

MAX_ANSWER_BYTES: Final = 65_536


class Answer(NamedTuple):
    status: int
    fields: JsonObject


class JsonService:
    """``name`` stands in error messages. Raises ConfigError where ``url`` is not a URL, or is plain HTTP to another
    machine."""

    def __init__(self, name: str, url: str, timeout_s: float, setting: str, ca_file: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"{setting} is no address: write it as https://HOST:PORT")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ConfigError(f"{setting} is http, so keys would go over the network in clear: use https")
        self._name = name
        self._parts = parts
        self._timeout_s = timeout_s
        self._setting = setting
        self._ca_file = ca_file

    @property
    def host(self) -> str:
        """Host and port as the ``Host`` header has them."""
        return self._parts.netloc.rpartition("@")[2]

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request and return the JSON of its answer. Raises KeyProviderError where the service does not answer
        in time, or not in JSON."""
        connection = self._connection()
        try:
            connection.request("POST", self._parts.path.rstrip("/") + path, body, dict(headers))
            with connection.getresponse() as response:
                status, raw = response.status, response.read(MAX_ANSWER_BYTES + 1)
        except TimeoutError:
            raise KeyProviderError(
                f"{self._name} did not answer within {self._timeout_s:g} s: is it running, and {self._setting} right?"
            ) from None
        except ssl.SSLCertVerificationError:
            raise KeyProviderError(
                f"{self._name} shows a certificate that is not trusted: set key_ca_file to its CA's certificate"
            ) from None
        except (OSError, http.client.HTTPException):
            raise KeyProviderError(
                f"{self._name} cannot be reached: is it running, and {self._setting} right?"
            ) from None
        finally:
            connection.close()
        return Answer(status, self._fields(raw, status))

    def refused(self, answer: Answer, mends: Mapping[int, str]) -> KeyProviderError:
        """The error for an answer whose status is not 200."""
        mend = mends.get(answer.status, f"look at {self._name}'s own log")
        return KeyProviderError(f"{self._name} answered {answer.status}: {mend}")

    def garbage(self) -> KeyProviderError:
        return KeyProviderError(
            f"{self._name} gave an answer that is no key: is {self._setting} a {self._name} at all?"
        )

    def _fields(self, raw: bytes, status: int) -> JsonObject:
        try:
            fields = json.loads(raw) if len(raw) <= MAX_ANSWER_BYTES else None
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            return fields
        if status == http.HTTPStatus.OK:
            raise self.garbage()
        return {}

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        context = ssl.create_default_context(cafile=self._ca_file or None)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
