"""The dashboard in a real Chromium, over a real worker and the embedded broker.

One deployment and one Chromium serve all tests of the module; each test has a page of its own, with nothing stored.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from deid_stream.config import Settings
from deid_stream.dashboard.run import serving
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import AGGREGATES, REQUEST_STATUS
from deid_stream.worker.heartbeat import reported
from tests.browser.accessible import violations
from tests.support import chromium
from tests.support.calls import make_call
from tests.support.kafka import free_port
from tests.support.service import Service

pytest.importorskip("axe_playwright_python")
playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = chromium.find()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=chromium.REASON),
    pytest.mark.asyncio(loop_scope="module"),
]
TOKEN = "a token that is long enough"
PLACES = ("overview", "calls", "requests", "policies", "aggregates", "letters", "workers")
ASKED_MS = int(time.time() * 1000) - 40 * 86_400_000
HELD = {
    "request_id": "case-12",
    "kind": "deletion",
    "customer_id": "acme",
    "call_id": "call-1",
    "subject": "subject-77",
    "state": "held",
    "reason": "legal_hold",
    "requested_by": "desk-4",
    "verified_by": "id-check-2",
    "asked_ms": ASKED_MS,
    "due_ms": ASKED_MS + 30 * 86_400_000,
}
HOLD = {"request_id": "court-3", "kind": "hold", "customer_id": "acme", "state": "in_force", "requested_by": "counsel"}
DONE = HELD | {"request_id": "case-9", "state": "done", "reason": "", "finished_ms": ASKED_MS + 9_000, "records": 271}
HOUR_MS = 3_600_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service() -> AsyncIterator[Service]:
    with EmbeddedBroker() as broker:
        async with Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as running:
            yield running


def window(service: Service, customer_id: str | None, hour: int) -> OutRecord:
    """A row as the control plane publishes it; of the customer's, the third window is hidden."""
    start_ms, hidden = ASKED_MS // HOUR_MS * HOUR_MS + hour * HOUR_MS, customer_id is not None and hour == 2
    row = {
        "customer_id": customer_id,
        "window_start_ms": start_ms,
        "window_ms": HOUR_MS,
        "threshold": 10,
        "epsilon": None,
        "calls": None if hidden else 40 + 7 * hour,
        "minutes": None if hidden else 200,
        "values": {"PERSON": None if hidden else 30, "CREDIT_CARD": None},
        "withheld": None if hidden else 0,
        "opt_out_share": None if hidden else 0.25,
    }
    key = f"{customer_id or '*'}/{start_ms}".encode()
    return OutRecord(service.prefix + AGGREGATES.name, key, msgspec.json.encode(row))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address(service: Service) -> AsyncIterator[str]:
    """A dashboard over a deployment in which one call was made and one record could not be read."""
    await service.policy("acme")
    await service.policy("opted-out", training_opt_out=True)
    await service.policy("elsewhere", region="us")
    for status in (HELD, HOLD | {"asked_ms": ASKED_MS - 1}, DONE):
        value = msgspec.json.encode(status)
        await service.put(OutRecord(service.prefix + REQUEST_STATUS.name, status["request_id"].encode(), value))
    await service.put(*(window(service, name, hour) for name in (None, "acme") for hour in range(5)))
    worker = await service.work()
    made = make_call("call-1", "acme", 4, int(time.time() * 1000) - 60_000)
    await service.send(made)
    await service.put(OutRecord(service.names.audio, b"call-1", b"x"))
    await service.closed(1)
    settings = msgspec.structs.replace(service.settings, dashboard_port=free_port(), dashboard_token=TOKEN)
    async with reported(settings, worker.metrics, lambda: worker.ready), serving(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Any, address: str) -> AsyncIterator[Any]:
    """The open page; what it complained of and whom it asked is checked at the end."""
    complaints: list[str] = []
    asked: set[str] = set()
    context = await browser.new_context()
    opened = await context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.add(request.url))
    await opened.goto(address)
    await opened.wait_for_selector(".tiles")
    yield opened
    await context.close()
    assert [text for text in complaints if "401" not in text and "DISCONNECTED" not in text] == []
    assert [url for url in asked if not url.startswith((address, "blob:"))] == []


async def looks(service: Service) -> list[tuple[str, str]]:
    """(call, reason) of every look at what is not shown without the token, in the order of the audit."""
    audit = [msgspec.json.decode(record.value) for record in await service.read(service.names.audit)]
    return [(line["call_id"], line["reason"]) for line in audit if line["action"] == "accessed"]


async def test_every_section_shows_what_the_deployment_did(page: Any) -> None:
    shown = ("Live calls", "call-1", "legal hold", "no: opted out", "Calls by window", "calls.audio", "ready")
    for name, expected in zip(PLACES, shown, strict=True):
        await page.click(f"nav a[href='#{name}']")
        await page.wait_for_function(
            "expected => document.querySelector('#view').innerText.includes(expected)", arg=expected, timeout=20_000
        )
        assert await page.get_attribute(f"nav a[href='#{name}']", "aria-current") == "page"


async def test_a_call_is_inspected_and_listened_to_with_the_token_only(page: Any, service: Service) -> None:
    before = await looks(service)
    await page.click("nav a[href='#calls']")
    await page.click("table.list a")
    await page.wait_for_selector(".said mark")
    assert await page.locator("svg[aria-label*='Sound of channel']").count() == 2
    assert await page.locator("rect.mute").count() > 0
    await page.click("#listen")
    assert "token" in await page.inner_text("#heard")
    await page.fill("#token", "a wrong token, that is")
    await page.click("#listen")
    await page.wait_for_function("() => document.querySelector('#heard').innerText.includes('not right')")
    await page.fill("#token", TOKEN)
    await page.click("#listen")
    await page.wait_for_function("() => document.querySelector('audio')?.duration > 1")
    assert await looks(service) == [*before, ("call-1", "dashboard")]


async def test_a_request_is_shown_without_a_name_and_with_the_token_whom_it_is_about(
    page: Any, service: Service
) -> None:
    before = await looks(service)
    await page.click("nav a[href='#requests']")
    await page.wait_for_selector("table.list a")
    rows = await page.locator("table.list tbody tr").all_inner_texts()
    assert [("overdue" in row, "271" in row) for row in rows] == [(True, False), (False, False), (False, True)]
    content = await page.content()
    assert [name for name in ("case-12", "subject-77", "desk-4", "acme", "counsel") if name in content] == []
    await page.click("table.list a")
    await page.click("#look")
    assert "token" in await page.inner_text("#told")
    await page.fill("#token", "a wrong token, that is")
    await page.click("#look")
    await page.wait_for_function("() => document.querySelector('#told').innerText.includes('not right')")
    assert await looks(service) == before
    await page.fill("#token", TOKEN)
    await page.click("#look")
    await page.wait_for_selector("#names .facts")
    told = await page.inner_text("#names")
    names = ("case-12", "acme", "call-1", "subject-77", "desk-4", "id-check-2", "court-3", "counsel")
    assert [name for name in names if name not in told] == []
    assert await violations(page) == []
    assert await looks(service) == [*before, ("call-1", "privacy_request")]


async def test_aggregates_of_a_customer_show_what_is_hidden_as_hidden(page: Any) -> None:
    await page.click("nav a[href='#aggregates']")
    await page.wait_for_selector("rect.column")
    assert (await page.locator("rect.column").count(), await page.locator("rect.untold").count()) == (5, 0)
    await page.focus("#customer")
    await page.select_option("#customer", "acme")
    await page.wait_for_selector("rect.untold")
    assert (await page.locator("rect.column").count(), await page.locator("rect.untold").count()) == (4, 1)
    hidden = await page.locator("table.list tbody tr").nth(2).inner_text()
    assert (hidden.count("hidden"), "0" in hidden.split("\t", 1)[1]) == (5, False)
    assert await page.evaluate("document.activeElement.id") == "customer", "whoever chooses stays at the list"
    await page.wait_for_timeout(1_500)
    assert await page.input_value("#customer") == "acme"


async def test_policies_say_why_there_is_no_training(page: Any) -> None:
    await page.click("nav a[href='#policies']")
    await page.wait_for_selector("table.list")
    rows = await page.locator("table.list tbody tr").all_inner_texts()
    training = {row.split("\t")[0]: row.split("\t")[4] for row in rows}
    assert training == {
        "acme": "yes",
        "elsewhere": "no: the policy is for another region",
        "opted-out": "no: opted out",
    }


async def test_it_is_used_by_keyboard_alone(page: Any) -> None:
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#filter")
    await page.focus("#filter")
    await page.keyboard.type("no such call")
    await page.wait_for_selector("text=No call has closed yet")
    await page.wait_for_timeout(1_500)
    assert await page.evaluate("document.activeElement.id") == "filter"
    assert await page.input_value("#filter") == "no such call"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_section_can_be_read_by_everybody(page: Any, scheme: str) -> None:
    """Contrast, names, landmarks: axe-core, in both colour schemes."""
    await page.emulate_media(color_scheme=scheme)
    for name in PLACES:
        await page.click(f"nav a[href='#{name}']")
        await page.wait_for_selector(f"nav a[href='#{name}'][aria-current=page]")
        await page.wait_for_selector("#view h2")
        if name in ("requests", "policies", "aggregates"):
            await page.wait_for_selector("table.list tbody tr")
        assert await violations(page) == [], name
    await page.click("nav a[href='#requests']")
    await page.click("table.list a")
    await page.wait_for_selector("#look")
    assert await violations(page) == []
    await page.click("nav a[href='#calls']")
    await page.click("table.list a")
    await page.wait_for_selector(".said mark")
    assert await violations(page) == []
    await page.evaluate("document.documentElement.style.setProperty('--soft', getComputedStyle(document.body).color)")
    await page.evaluate("document.documentElement.style.setProperty('--ink', '#888')")
    assert any("color-contrast" in line for line in await violations(page)), "what is hard to read is found"


async def test_it_says_when_the_server_is_gone(page: Any) -> None:
    await page.context.set_offline(True)
    await page.wait_for_selector("#state.bad")
    await page.context.set_offline(False)
    await page.wait_for_selector("#state:not(.bad)")
