"""Finds out why a connection fails, by trying each step by itself over a plain socket, without any client library.

    name -> TCP -> TLS -> first request (ApiVersions) -> login -> addresses that the broker names

``diagnose`` is what the clients ask when they cannot start, and what a command that checks a deployment may ask first:
None means that all steps went well. No client tells these apart: they report a refused connection, an untrusted
certificate and a wrong password as one and the same.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import socket
import ssl
import struct
from typing import Final, NamedTuple

from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause
from deid_stream.kafka.oauth import source_of

STEP_S: Final = 3.0
"""Longest wait for one step. Smaller: a slow broker is called silent; larger: a silent one is noticed later."""
_API_VERSIONS, _METADATA, _HANDSHAKE, _AUTHENTICATE = 18, 3, 17, 36
_HOST_NAME_ERRORS: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_MAX_ANSWER_BYTES: Final = 1 << 20
_UNSUPPORTED_MECHANISM, _ILLEGAL_STATE = 33, 34


class Fault(NamedTuple):
    """The step that failed. ``detail`` is a name or code of the protocol."""

    cause: Cause
    where: str
    """Host and port."""
    detail: str = ""


class _Failed(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.detail = detail


async def diagnose(connection: Connection) -> Fault | None:
    """Try every server that is named: None where one can be used, else what is wrong with the first."""
    faults = []
    for server in connection.servers:
        fault = await _try(server, connection)
        if fault is None:
            return None
        faults.append(fault)
    return faults[0] if faults else None


async def _try(server: str, connection: Connection) -> Fault | None:
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal():
        return Fault(Cause.NAME, server, "not host:port")
    try:
        named = await _converse(host.strip("[]"), int(port), connection)
    except _Failed as failed:
        return Fault(failed.cause, server, failed.detail)
    for address in named:
        if address not in connection.servers:
            other, _, number = address.rpartition(":")
            try:
                await _open(other, int(number))
            except _Failed as failed:
                return Fault(Cause.ADVERTISED, address, failed.cause.value)
    return None


async def _converse(host: str, port: int, connection: Connection) -> list[str]:
    """Do all steps; returns the addresses of the cluster's brokers, as this broker names them."""
    await _open(host, port)
    stream = await _handshake(host, port, connection)
    try:
        first = await stream.ask(_API_VERSIONS, 0, b"")
        if first is None:
            raise _Failed(Cause.TLS_CLIENT_CERTIFICATE if connection.tls else Cause.PLAIN_TO_TLS)
        if connection.sasl:
            await _login(stream, connection)
        # version 1: an empty list asks for no topic
        answer = await stream.ask(_METADATA, 1, struct.pack(">i", 0))
        if answer is None:
            raise _Failed(Cause.LOGIN if connection.sasl else Cause.SASL_EXPECTED)
        return _brokers(answer)
    except ssl.SSLError as error:
        raise _Failed(Cause.TLS_CLIENT_CERTIFICATE, error.reason or "") from None
    except (struct.error, IndexError, UnicodeDecodeError):
        raise _Failed(Cause.NOT_KAFKA) from None
    finally:
        await stream.close()


async def _open(host: str, port: int) -> None:
    """Resolve the name and connect, then hang up."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(STEP_S):
            await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            _, writer = await asyncio.open_connection(host, port)
    except socket.gaierror:
        raise _Failed(Cause.NAME) from None
    except ConnectionRefusedError:
        raise _Failed(Cause.REFUSED) from None
    except (OSError, TimeoutError) as error:
        raise _Failed(Cause.SILENT, type(error).__name__) from None
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _handshake(host: str, port: int, connection: Connection) -> "_Stream":
    context = connection.ssl_context() if connection.tls else None
    try:
        async with asyncio.timeout(STEP_S):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=host if context else None
            )
    except ssl.SSLCertVerificationError as error:
        cause = Cause.TLS_HOST_NAME if error.verify_code in _HOST_NAME_ERRORS else Cause.TLS_CERTIFICATE
        raise _Failed(cause, error.verify_message) from None
    except ssl.SSLError as error:
        plain = error.reason in {
            "WRONG_VERSION_NUMBER",
            "UNEXPECTED_MESSAGE",
            "RECORD_LAYER_FAILURE",
            "PACKET_LENGTH_TOO_LONG",
        }
        raise _Failed(Cause.TLS_TO_PLAIN if plain else Cause.TLS, error.reason or "") from None
    except TimeoutError:
        # a plain-text broker may take the hello for a request of 369 MB and wait for the rest of it
        plain = connection.tls and await _answers_plain_text(host, port)
        raise _Failed(Cause.TLS_TO_PLAIN if plain else Cause.SILENT) from None
    except OSError:
        # or hang up, as Apache Kafka does
        raise _Failed(Cause.TLS_TO_PLAIN if connection.tls else Cause.SILENT) from None
    return _Stream(reader, writer)


async def _answers_plain_text(host: str, port: int) -> bool:
    """Whether a Kafka broker answers there without TLS."""
    try:
        async with asyncio.timeout(STEP_S):
            stream = _Stream(*await asyncio.open_connection(host, port))
    except (OSError, TimeoutError):
        return False
    try:
        return await stream.ask(_API_VERSIONS, 0, b"") is not None
    except _Failed:
        return False
    finally:
        await stream.close()


class _Stream:
    """Requests and answers of the Kafka protocol, with the oldest headers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    async def ask(self, api: int, version: int, body: bytes) -> bytes | None:
        """The answer behind its header; None where the other side hangs up instead of answering."""
        self._number += 1
        request = struct.pack(">hhih", api, version, self._number, -1) + body
        try:
            async with asyncio.timeout(STEP_S):
                self._writer.write(struct.pack(">i", len(request)) + request)
                await self._writer.drain()
                start = await self._reader.readexactly(4)
                if start[:2] == b"\x15\x03":
                    raise _Failed(Cause.PLAIN_TO_TLS)
                (size,) = struct.unpack(">i", start)
                if not 4 <= size <= _MAX_ANSWER_BYTES:
                    raise _Failed(Cause.NOT_KAFKA)
                answer = await self._reader.readexactly(size)
        except ssl.SSLError:
            raise
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except TimeoutError:
            raise _Failed(Cause.NOT_KAFKA, "no answer to the first request") from None
        if struct.unpack_from(">i", answer) != (self._number,):
            raise _Failed(Cause.NOT_KAFKA)
        return answer[4:]

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(STEP_S):
                await self._writer.wait_closed()


async def _login(stream: _Stream, connection: Connection) -> None:
    mechanism = connection.sasl_mechanism
    answer = await stream.ask(_HANDSHAKE, 1, _string(mechanism))
    if answer is None:
        raise _Failed(Cause.SASL_UNEXPECTED)
    (code,) = struct.unpack_from(">h", answer)
    if code == _ILLEGAL_STATE:
        raise _Failed(Cause.SASL_UNEXPECTED)
    if code == _UNSUPPORTED_MECHANISM:
        offered = _strings(answer, 2)
        # a broker that knows the mechanism but has no users, as the embedded one
        if mechanism in offered:
            raise _Failed(Cause.SASL_UNEXPECTED, f"it refuses {mechanism} although it offers it")
        raise _Failed(Cause.MECHANISM, f"{mechanism} is set, it offers {', '.join(offered)}")
    if code:
        raise _Failed(Cause.LOGIN, f"code {code}")
    if mechanism == "PLAIN":
        await _token(stream, f"\0{connection.username}\0{connection.password}".encode())
    elif connection.oauth is not None:
        token = await asyncio.to_thread(source_of(connection.oauth).token)
        if await _token(stream, f"n,,\1auth=Bearer {token.value}\1\1".encode()):
            # what it does not like, as JSON
            raise _Failed(Cause.LOGIN)
    elif mechanism.startswith("SCRAM-"):
        await _scram(stream, connection, "sha512" if mechanism.endswith("512") else "sha256")


async def _scram(stream: _Stream, connection: Connection, digest: str) -> None:
    """RFC 5802; ``digest`` is a name of hashlib."""
    user = connection.username.replace("=", "=3D").replace(",", "=2C")
    first = f"n={user},r={base64.b64encode(os.urandom(18)).decode()}"
    answer = (await _token(stream, f"n,,{first}".encode())).decode()
    fields = dict(part.split("=", 1) for part in answer.split(",") if "=" in part)
    if not {"r", "s", "i"} <= fields.keys():
        raise _Failed(Cause.LOGIN)
    salted = hashlib.pbkdf2_hmac(digest, connection.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", digest)
    bare = f"c=biws,r={fields['r']}"
    signature = hmac.digest(hashlib.new(digest, key).digest(), f"{first},{answer},{bare}".encode(), digest)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    await _token(stream, f"{bare},p={proof}".encode())


async def _token(stream: _Stream, token: bytes) -> bytes:
    """One message of a login; the broker's answer to it."""
    answer = await stream.ask(_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
    if answer is None or struct.unpack_from(">h", answer) != (0,):
        raise _Failed(Cause.LOGIN)
    (message_bytes,) = struct.unpack_from(">h", answer, 2)
    (token_bytes,) = struct.unpack_from(">i", answer, 4 + max(0, message_bytes))
    start = 8 + max(0, message_bytes)
    return answer[start : start + max(0, token_bytes)]


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def _strings(answer: bytes, start: int) -> list[str]:
    """An array of strings."""
    (count,) = struct.unpack_from(">i", answer, start)
    found, at = [], start + 4
    for _ in range(count):
        (size,) = struct.unpack_from(">h", answer, at)
        found.append(answer[at + 2 : at + 2 + size].decode())
        at += 2 + size
    return found


def _brokers(answer: bytes) -> list[str]:
    """``host:port`` of each broker in a Metadata answer, version 1."""
    (count,) = struct.unpack_from(">i", answer)
    found, at = [], 4
    for _ in range(count):
        (size,) = struct.unpack_from(">h", answer, at + 4)
        host = answer[at + 6 : at + 6 + size].decode()
        (port,) = struct.unpack_from(">i", answer, at + 6 + size)
        (rack,) = struct.unpack_from(">h", answer, at + 10 + size)
        found.append(f"{host}:{port}")
        at += 12 + size + max(0, rack)
    return found
