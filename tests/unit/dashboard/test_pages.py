"""What every request passes, what a page may load, and who may listen."""

import re
from importlib import resources

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from deid_stream.dashboard import pages
from deid_stream.dashboard.board import Board
from deid_stream.dashboard.pages import MAX_REQUESTS, MAX_WRONG_TOKENS, Guard, application, hosts_of
from deid_stream.errors import BrokerError

TOKEN = "a token that is long enough"
SAID = "my card is 4111 1111 1111 1111"
STATIC = resources.files("deid_stream.dashboard").joinpath("static")


class Calls:
    """Answers as a feed does; ``heard`` is what the audit would say."""

    def __init__(self):
        self.heard = []

    async def inspect(self, call_id):
        if call_id == "away":
            raise BrokerError(SAID)
        if call_id == "broken":
            raise ValueError(SAID)
        return {"call": {"call_id": "c1"}} if call_id == "c1" else None

    async def sound(self, call_id):
        self.heard.append(call_id)
        return b"RIFF" if call_id == "c1" else None

    async def request(self, reference):
        self.heard.append(reference)
        return {"names": {"customer_id": "acme"}} if reference == "r1" else None


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
async def client(calls):
    app = application(Board(), calls, Guard(TOKEN, hosts_of("127.0.0.1", "")), lambda: 0)
    async with TestClient(TestServer(app)) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/app.js", 200),
        ("/views.js", 200),
        ("/charts.js", 200),
        ("/privacy.js", 200),
        ("/style.css", 200),
        ("/icon.svg", 200),
        ("/api/overview", 200),
        ("/api/calls", 200),
        ("/api/policies", 200),
        ("/api/dead-letters", 200),
        ("/api/call?id=c1", 200),
        ("/api/call?id=c2", 404),
        ("/api/call", 404),
        ("/api/call?id=away", 503),
        ("/api/call?id=broken", 500),
        ("/api/sound?id=c1", 401),
        ("/api/requests", 200),
        ("/api/request?reference=r1", 401),
        ("/api/aggregates", 200),
        ("/api/aggregates?customer=nobody", 200),
        ("/../config.py", 404),
        ("/static/app.js", 404),
        ("/index.html", 200),
    ],
)
async def test_every_answer_has_the_headers_and_no_message_of_an_error(client, path, status):
    response = await client.get(path)
    assert response.status == status
    for name, value in pages.HEADERS.items():
        assert response.headers[name] == value
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "4111" not in await response.text()


def test_the_content_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    assert "unsafe" not in pages.HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in pages.HEADERS["Content-Security-Policy"]
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//\w+\.\w+/", text), file.name
        assert not re.search(r"\son\w+=\"|\sstyle=\"|<style|innerHTML|insertAdjacentHTML|eval\(", text), file.name
    assert not re.search(r"<script(?![^>]*\bsrc=)", STATIC.joinpath("index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
async def test_it_is_read_only(client, method):
    assert (await getattr(client, method)("/api/calls")).status == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example:8080", 421),
        ("", 421),
    ],
)
async def test_only_names_of_ours_are_answered(client, host, status):
    assert (await client.get("/api/calls", headers={"Host": host})).status == status


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403)])
async def test_pages_of_other_sites_are_not(client, site, status):
    assert (await client.get("/api/calls", headers={"Sec-Fetch-Site": site})).status == status


@pytest.mark.parametrize(
    ("bind", "extra", "allowed", "refused"),
    [
        ("127.0.0.1", "", "localhost", "deid.example"),
        ("127.0.0.1", "deid.example, Other.Example", "other.example", "x.example"),
        ("10.0.0.7", "", "10.0.0.7", "10.0.0.8"),
        ("0.0.0.0", "deid.example", "deid.example", "10.0.0.7"),
    ],
)
def test_names_that_the_deployment_gives(bind, extra, allowed, refused):
    guard = Guard("", hosts_of(bind, extra))
    assert guard.known_host(allowed + ":8080")
    assert not guard.known_host(refused + ":8080")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        (f"Bearer {TOKEN}x", 401),
        (None, 401),
    ],
)
@pytest.mark.parametrize(("path", "asked"), [("/api/sound?id=c1", "c1"), ("/api/request?reference=r1", "r1")])
async def test_sound_and_names_need_the_token(client, calls, authorization, status, path, asked):
    headers = {"Authorization": authorization} if authorization is not None else {}
    response = await client.get(path, headers=headers)
    assert response.status == status
    assert calls.heard == ([asked] if status == 200 else [])


@pytest.mark.parametrize("path", ["/api/sound?id=c2", "/api/request?reference=r2", "/api/request"])
async def test_with_the_token_what_is_not_there_is_said_so(client, path):
    assert (await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})).status == 404


def test_without_a_token_nobody_may_listen():
    guard = Guard("", frozenset())
    assert not guard.admits("Bearer ", "a")
    assert not guard.admits("", "a")


def test_an_address_that_guesses_is_shut_out_for_a_minute_and_others_are_not():
    now = [0.0]
    guard = Guard(TOKEN, frozenset(), lambda: now[0])
    for _ in range(MAX_WRONG_TOKENS):
        assert not guard.admits("Bearer guess", "a")
    assert not guard.admits(f"Bearer {TOKEN}", "a")
    assert guard.admits(f"Bearer {TOKEN}", "b")
    now[0] = 61
    assert guard.admits(f"Bearer {TOKEN}", "a")


def test_requests_are_counted_by_address_and_minute():
    now = [0.0]
    guard = Guard("", frozenset(), lambda: now[0])
    assert [guard.too_many("a") for _ in range(MAX_REQUESTS + 1)].count(True) == 1
    assert not guard.too_many("b")
    now[0] = 61
    assert not guard.too_many("a")


async def test_overview_is_json(client):
    response = await client.get("/api/overview")
    assert response.content_type == "application/json"
    assert msgspec.json.decode(await response.read())["totals"]["workers"] == 0


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("ink", "ground", 7),
        ("ink", "panel", 7),
        ("soft", "ground", 4.5),
        ("soft", "panel", 4.5),
        ("accent", "ground", 4.5),
        ("accent", "panel", 3),
        ("second", "panel", 3),
        ("good", "panel", 4.5),
        ("bad", "ground", 4.5),
        ("bad", "panel", 4.5),
        ("mask-ink", "mask", 4.5),
        ("muted", "ground", 3),
    ],
)
def test_contrast_is_enough_to_read(scheme, ink, ground, least):
    blocks = re.findall(r":root \{(.*?)\}", STATIC.joinpath("style.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least
