"""The dashboard in a real Chromium, over a real worker and the embedded broker."""

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.dashboard.run import serving
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.worker.heartbeat import reported
from tests.browser.accessible import violations
from tests.support import chromium
from tests.support.calls import make_call
from tests.support.kafka import free_port
from tests.support.service import Service

pytest.importorskip("axe_playwright_python")
playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = chromium.find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=chromium.REASON)
TOKEN = "a token that is long enough"
PLACES = ("overview", "calls", "policies", "letters", "workers")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    with EmbeddedBroker() as broker:
        async with Service(Settings(bootstrap_servers=broker.bootstrap_servers), exactly_once=False) as running:
            yield running


@pytest.fixture
async def address(service: Service) -> AsyncIterator[str]:
    """A dashboard over a deployment in which one call was made and one record could not be read."""
    await service.policy("acme")
    await service.policy("opted-out", training_opt_out=True)
    worker = await service.work()
    made = make_call("call-1", "acme", 4, int(time.time() * 1000) - 60_000)
    await service.send(made)
    await service.put(OutRecord(service.names.audio, b"call-1", b"x"))
    await service.closed(1)
    settings = msgspec.structs.replace(service.settings, dashboard_port=free_port(), dashboard_token=TOKEN)
    async with reported(settings, worker.metrics, lambda: worker.ready), serving(settings) as running:
        yield running


@pytest.fixture
async def page(address: str) -> AsyncIterator[Any]:
    """The open page; what it complained of and whom it asked is checked at the end."""
    complaints: list[str] = []
    asked: set[str] = set()
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = await browser.new_page()
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("request", lambda request: asked.add(request.url))
        await opened.goto(address)
        await opened.wait_for_selector(".tiles")
        yield opened
        await browser.close()
    assert [text for text in complaints if "401" not in text and "DISCONNECTED" not in text] == []
    assert [url for url in asked if not url.startswith((address, "blob:"))] == []


async def test_every_section_shows_what_the_deployment_did(page: Any) -> None:
    for name, expected in zip(PLACES, ("Live calls", "call-1", "opted-out", "calls.audio", "ready"), strict=True):
        await page.click(f"nav a[href='#{name}']")
        await page.wait_for_function(
            "expected => document.querySelector('#view').innerText.includes(expected)", arg=expected, timeout=20_000
        )
        assert await page.get_attribute(f"nav a[href='#{name}']", "aria-current") == "page"


async def test_a_call_is_inspected_and_listened_to_with_the_token_only(page: Any, service: Service) -> None:
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
    audit = [msgspec.json.decode(record.value) for record in await service.read(service.names.audit)]
    assert [(line["call_id"], line["reason"]) for line in audit if line["action"] == "accessed"] == [
        ("call-1", "dashboard")
    ]


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
        assert await violations(page) == [], name
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
