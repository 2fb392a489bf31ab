"""Tokens for OAUTHBEARER, from a stand-in endpoint over real HTTP, and from a callable."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from deid_stream.config import Settings
from deid_stream.errors import ConfigError, LoginError
from deid_stream.kafka.clients.aio.options import client_options as aio_options
from deid_stream.kafka.clients.rd.options import client_options as rd_options
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.oauth import OAuth, TokenSource

NOW_S = 1_700_000_000.0
SECRET = "s3cret:/with signs"


class Endpoint:
    """Gives numbered tokens for the right credentials; ``answer`` replaces what it says."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.answer: tuple[int, bytes] | None = None
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                endpoint.asked.append(form)
                wanted = base64.b64encode(b"client:s3cret%3A%2Fwith%20signs").decode()
                right = self.headers["Authorization"] == f"Basic {wanted}"
                told = {"access_token": f"token-{len(endpoint.asked)}", "expires_in": 100, "token_type": "bearer"}
                status, body = endpoint.answer or ((200, json.dumps(told).encode()) if right else (401, b"{}"))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    serving = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def test_a_token_is_asked_for_once_and_replaced_before_it_expires(endpoint: Endpoint) -> None:
    clock = Clock()
    oauth = OAuth(token_url=endpoint.url, client_id="client", client_secret=SECRET, scope="kafka")
    source = TokenSource(oauth, clock)
    assert source.token() == ("token-1", NOW_S + 100)
    clock.now_s += 79
    assert source.token().value == "token-1"
    clock.now_s += 1
    assert source.token() == ("token-2", NOW_S + 180)
    assert endpoint.asked == [{"grant_type": ["client_credentials"], "scope": ["kafka"]}] * 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, b"{}"), "HTTP status 401"),
        ((500, b"broken: " + SECRET.encode()), "HTTP status 500"),
        ((302, b""), "HTTP status 302"),
        ((200, b"no JSON"), "DecodeError"),
        ((200, b'{"access_token": 7}'), "ValidationError"),
        ((200, b'{"error": "invalid_client"}'), "ValidationError"),
    ],
)
def test_what_gives_no_token_is_a_refused_login_that_quotes_nothing(
    endpoint: Endpoint, answer: tuple[int, bytes], told: str
) -> None:
    endpoint.answer = answer
    source = TokenSource(OAuth(token_url=endpoint.url, client_id="client", client_secret=SECRET))
    with pytest.raises(LoginError, match=told) as raised:
        source.token()
    assert SECRET not in str(raised.value)
    assert raised.value.cause == "oauth_token"
    endpoint.answer = None
    assert source.token().value == "token-2", "a refusal is not kept"


def test_nobody_at_the_endpoint_is_a_refused_login(endpoint: Endpoint) -> None:
    with pytest.raises(LoginError, match="no token was given"):
        TokenSource(OAuth(token_url="http://127.0.0.1:1/token", client_id="client")).token()


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://login.example.com/token", True),
        ("http://localhost:8080/token", True),
        ("http://127.0.0.1/token", True),
        ("http://login.example.com/token", False),
        ("http://127.0.0.1.example.com/token", False),
        ("ftp://login.example.com", False),
    ],
)
def test_a_secret_does_not_go_in_clear(url: str, fits: bool) -> None:
    if fits:
        assert SECRET not in repr(OAuth(token_url=url, client_id="client", client_secret=SECRET))
        return
    with pytest.raises(ConfigError, match="https"):
        OAuth(token_url=url, client_id="client")


@pytest.mark.parametrize("said", [{}, {"token_url": "https://login.example.com"}, {"client_id": "client"}])
def test_an_endpoint_and_a_client_are_needed_or_a_hook(said: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="oauth_token_hook"):
        OAuth(**said)


def in_seconds() -> tuple[str, float]:
    return "from-a-hook", NOW_S + 900


def in_ms() -> tuple[str, int]:
    return "from-a-hook", int(NOW_S + 900) * 1_000


def failing() -> tuple[str, int]:
    raise RuntimeError(SECRET)


def test_a_callable_gives_the_token_and_says_in_seconds_or_ms_when_it_expires() -> None:
    for name in ("in_seconds", "in_ms"):
        source = TokenSource(OAuth(hook=f"{__name__}:{name}"), Clock())
        assert source.token() == ("from-a-hook", NOW_S + 900)


@pytest.mark.parametrize(
    ("hook", "error"),
    [("nowhere:sign", ConfigError), (f"{__name__}:nobody", ConfigError), ("signs", ConfigError), (":", ConfigError)],
)
def test_a_hook_that_names_nothing_is_a_wrong_setting(hook: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="module:name"):
        TokenSource(OAuth(hook=hook)).token()


def test_a_hook_that_fails_is_told_by_its_type_alone() -> None:
    with pytest.raises(LoginError, match="RuntimeError") as raised:
        TokenSource(OAuth(hook=f"{__name__}:failing")).token()
    assert SECRET not in str(raised.value)


def test_both_clients_go_by_the_same_settings(endpoint: Endpoint) -> None:
    settings = Settings(
        bootstrap_servers="127.0.0.1:9092",
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        oauth_token_url=endpoint.url,
        oauth_client_id="client",
        oauth_client_secret=SECRET,
    )
    connection = Connection.of(settings, "tests")
    aio: dict[str, Any] = aio_options(connection)
    rd: dict[str, Any] = rd_options(connection)
    assert (aio["sasl_mechanism"], rd["sasl.mechanisms"]) == ("OAUTHBEARER", "OAUTHBEARER")
    assert callable(aio["sasl_oauth_token_provider"].token)
    assert rd["oauth_cb"]("")[0] == rd_options(connection.named("other"))["oauth_cb"]("")[0] == "token-1"
    assert len(endpoint.asked) == 1
    assert SECRET not in repr(connection)
