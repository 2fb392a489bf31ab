"""Why a connection does not come about, told apart over small servers that each go wrong in one way."""

import asyncio
import contextlib
import ssl
import struct

import pytest

from deid_stream.errors import BrokerError, ConfigError, LoginError, ProtocolError, TlsError
from deid_stream.kafka.clients.aio.errors import start
from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause
from deid_stream.kafka.probe import diagnose
from tests.support.certificates import Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.create(tmp_path_factory.mktemp("certificates"))


@contextlib.asynccontextmanager
async def server(answer, tls=None):
    """``answer(reader, writer)`` on a free port of 127.0.0.1."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                await answer(reader, writer)
            finally:
                writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader):
    """Api, correlation id, body."""
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    raw = await reader.readexactly(size)
    api, _, correlation, client = struct.unpack_from(">hhih", raw)
    return api, correlation, raw[10 + max(0, client) :]


def reply(writer, correlation, body):
    answer = struct.pack(">i", correlation) + body
    writer.write(struct.pack(">i", len(answer)) + answer)


def metadata(*addresses):
    brokers = b""
    for number, (host, port) in enumerate(addresses):
        raw = host.encode()
        brokers += struct.pack(">ih", number, len(raw)) + raw + struct.pack(">ih", port, -1)
    return struct.pack(">i", len(addresses)) + brokers


def kafka(answers):
    """``answers``: api to the body of the answer; None hangs up."""

    async def answer(reader, writer):
        while True:
            api, correlation, _ = await request(reader)
            if answers.get(api) is None:
                return
            reply(writer, correlation, answers[api])

    return answer


VERSIONS = {18: struct.pack(">hi", 0, 0)}
MECHANISMS = struct.pack(">hi", 33, 1) + struct.pack(">h", 6) + b"GSSAPI"
NO_USERS = struct.pack(">hi", 33, 1) + struct.pack(">h", 5) + b"PLAIN"
"""What the embedded broker says: it refuses the mechanism that it names."""


async def hang_up(reader, writer):
    await reader.read(1)


async def http(reader, writer):
    await reader.read(10)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def say_nothing(reader, writer):
    await asyncio.Event().wait()


async def alert(reader, writer):
    await reader.read(10)
    writer.write(b"\x15\x03\x03\x00\x02\x02\x46")


def to(port, protocol="PLAINTEXT", host="127.0.0.1", **fields):
    sasl = {"sasl_mechanism": "PLAIN", "username": "me", "password": "guess-4711"} if "SASL" in protocol else {}
    return Connection(servers=(f"{host}:{port}",), client_id="t", security_protocol=protocol, **{**sasl, **fields})


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch):
    monkeypatch.setattr("deid_stream.kafka.probe.STEP_S", 0.5)


PLAIN = [
    (hang_up, "PLAINTEXT", Cause.PLAIN_TO_TLS),
    (alert, "PLAINTEXT", Cause.PLAIN_TO_TLS),
    (http, "PLAINTEXT", Cause.NOT_KAFKA),
    (say_nothing, "PLAINTEXT", Cause.NOT_KAFKA),
    (kafka(VERSIONS), "PLAINTEXT", Cause.SASL_EXPECTED),
    (kafka(VERSIONS), "SASL_PLAINTEXT", Cause.SASL_UNEXPECTED),
    (kafka(VERSIONS | {17: struct.pack(">hi", 34, 0)}), "SASL_PLAINTEXT", Cause.SASL_UNEXPECTED),
    (kafka(VERSIONS | {17: MECHANISMS}), "SASL_PLAINTEXT", Cause.MECHANISM),
    (kafka(VERSIONS | {17: NO_USERS}), "SASL_PLAINTEXT", Cause.SASL_UNEXPECTED),
    (kafka(VERSIONS | {17: struct.pack(">hi", 0, 0)}), "SASL_PLAINTEXT", Cause.LOGIN),
    (kafka(VERSIONS | {17: struct.pack(">hi", 0, 0), 36: struct.pack(">h", 58)}), "SASL_PLAINTEXT", Cause.LOGIN),
    (kafka(VERSIONS | {3: metadata(("127.0.0.1", 1))}), "PLAINTEXT", Cause.ADVERTISED),
    (hang_up, "SSL", Cause.TLS_TO_PLAIN),
    (http, "SSL", Cause.TLS_TO_PLAIN),
    (say_nothing, "SSL", Cause.SILENT),
    # waits for the rest of the hello, which it takes for the length of a request
    (kafka(VERSIONS), "SSL", Cause.TLS_TO_PLAIN),
]


@pytest.mark.parametrize(("answer", "protocol", "cause"), PLAIN)
async def test_a_server_that_goes_wrong_in_one_way(answer, protocol, cause):
    async with server(answer) as port:
        fault = await diagnose(to(port, protocol))
    assert fault is not None
    assert fault.cause is cause
    assert "guess-4711" not in repr(fault)


async def test_nobody_listens(unused_tcp_port):
    assert (await diagnose(to(unused_tcp_port))).cause is Cause.REFUSED


async def test_a_client_that_waits_at_a_port_without_tls_is_told_in_a_few_seconds(monkeypatch):
    monkeypatch.setattr("deid_stream.kafka.clients.aio.errors.SLOW_START_S", 0.1)
    async with server(kafka(VERSIONS)) as port, asyncio.timeout(5):
        with pytest.raises(TlsError, match="does not speak TLS"):
            async with AioKafka(to(port, "SSL")).admin():
                pass


async def test_a_slow_tls_broker_is_waited_for(monkeypatch, certificates):
    monkeypatch.setattr("deid_stream.kafka.clients.aio.errors.SLOW_START_S", 0.0)
    answers = kafka(VERSIONS | {3: metadata()})

    async def slowly(reader, writer):
        await asyncio.sleep(0.2)
        await answers(reader, writer)

    async with server(slowly, serving(certificates)) as port:
        connection = to(port, "SSL", ca_file=str(certificates.ca))
        assert await diagnose(connection) is None
        started = Started(0.5)
        await start(started, connection)
    assert started.done


class Started:
    """A client whose start takes its time."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.done = False

    async def start(self):
        await asyncio.sleep(self.seconds)
        self.done = True


@pytest.mark.parametrize("where", ["nowhere.invalid:9092", "127.0.0.1", "127.0.0.1:port"])
async def test_no_such_host(where):
    fault = await diagnose(Connection(servers=(where,), client_id="t"))
    assert (fault.cause, fault.where) == (Cause.NAME, where)


async def test_all_steps_went_well():
    async with server(kafka(VERSIONS | {3: metadata()})) as port:
        assert await diagnose(to(port)) is None


async def test_one_good_server_of_two_is_enough(unused_tcp_port):
    async with server(kafka(VERSIONS | {3: metadata()})) as port:
        connection = Connection(servers=(f"127.0.0.1:{unused_tcp_port}", f"127.0.0.1:{port}"), client_id="t")
        assert await diagnose(connection) is None


def serving(certificates, *, mutual=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.ca)
    return context


async def test_a_certificate_of_an_unknown_authority_says_so(certificates):
    async with server(kafka(VERSIONS), serving(certificates)) as port:
        fault = await diagnose(to(port, "SSL"))
    assert fault.cause is Cause.TLS_CERTIFICATE
    assert "certificate" in fault.detail


async def test_a_certificate_of_another_host_says_so(certificates):
    async with server(kafka(VERSIONS), serving(certificates)) as port:
        fault = await diagnose(to(port, "SSL", "localhost", ca_file=str(certificates.ca)))
    assert fault.cause is Cause.TLS_HOST_NAME
    assert "localhost" in fault.detail


async def test_a_broker_that_wants_a_client_certificate_says_so(certificates):
    async with server(kafka(VERSIONS | {3: metadata()}), serving(certificates, mutual=True)) as port:
        fault = await diagnose(to(port, "SSL", ca_file=str(certificates.ca)))
    assert fault.cause is Cause.TLS_CLIENT_CERTIFICATE


async def test_tls_that_is_right(certificates):
    async with server(kafka(VERSIONS | {3: metadata()}), serving(certificates)) as port:
        assert await diagnose(to(port, "SSL", ca_file=str(certificates.ca))) is None


RAISED = [
    (hang_up, "PLAINTEXT", TlsError, "speaks TLS"),
    (http, "SSL", TlsError, "does not speak TLS"),
    (http, "PLAINTEXT", ProtocolError, "does not speak Kafka"),
    (kafka(VERSIONS | {17: MECHANISMS}), "SASL_PLAINTEXT", LoginError, "PLAIN is set, it offers GSSAPI"),
]


@pytest.mark.parametrize(("answer", "protocol", "error", "said"), RAISED)
async def test_a_client_that_cannot_start_raises_what_the_probe_found(answer, protocol, error, said):
    async with server(answer) as port:
        with pytest.raises(error, match=said) as caught:
            async with AioKafka(to(port, protocol)).admin():
                pass
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert not caught.value.retryable
    assert "guess-4711" not in str(caught.value)


async def test_a_refused_connection_may_be_tried_again(unused_tcp_port):
    with pytest.raises(BrokerError, match="refused") as caught:
        async with AioKafka(to(unused_tcp_port)).admin():
            pass
    assert caught.value.retryable
    assert caught.value.cause == "connection_refused"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"ca_file": "nowhere"}, "cannot read tls_ca_file: No such file"),
        ({"ca_file": "text"}, "cannot read tls_ca_file: it holds no PEM"),
        ({"cert_file": "nowhere", "key_file": "nowhere"}, "cannot read tls_cert_file or tls_key_file: No such file"),
        ({"cert_file": "text", "key_file": "text"}, "cannot read tls_cert_file or tls_key_file: it holds no PEM"),
    ],
)
def test_a_file_of_tls_that_cannot_be_read_is_named(tmp_path, files, said):
    (tmp_path / "text").write_text("no certificate")
    named = {name: str(tmp_path / file) for name, file in files.items()}
    with pytest.raises(ConfigError, match=said):
        Connection(servers=("127.0.0.1:1",), client_id="t", security_protocol="SSL", **named).ssl_context()
