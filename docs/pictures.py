"""Makes the dashboard's pictures (``docs/pictures/dashboard-*.png``) of a service that runs.

    deid-stream serve                                  # prints the dashboard's token
    deid-stream play --repeat --bootstrap-servers 127.0.0.1:9092
    python -m docs.pictures http://127.0.0.1:8080 TOKEN

Needs the extra `browser` and a Chromium, as the browser tests do.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.support import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parent / "pictures"
SIZE = {"width": 1280, "height": 900}
CHARTS_MS = 60_000
"""The charts show this much time."""


def shown(page: "Page", name: str, height: int) -> None:
    """Save the page as it is, at most so many pixels high."""
    page.evaluate("scrollTo(0, 0)")
    full = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": SIZE["width"], "height": min(height, full)}
    page.screenshot(path=FOLDER / f"dashboard-{name}.png", full_page=True, clip=clip)


def main(address: str, token: str) -> None:
    """The overview in light and dark, the newest call, and the newest open request with its names."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        pages = {name: browser.new_context(viewport=SIZE, color_scheme=name).new_page() for name in ("light", "dark")}
        for page in pages.values():
            page.goto(address)
            page.wait_for_selector(".tiles")
        page.wait_for_timeout(CHARTS_MS)
        for name, page in pages.items():
            shown(page, name, 1_400)
        page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
        page.goto(f"{address}/#calls")
        # the longest of the sample calls, if it has closed
        cards = page.locator("table.list a", has_text="card-payment")
        page.wait_for_selector("table.list a")
        (cards.first if cards.count() else page.locator("table.list a").first).click()
        page.wait_for_selector("rect.mute")
        shown(page, "call", 1_400)
        page.fill("#token", token)
        page.goto(f"{address}/#requests")
        page.click("table.list a")
        page.click("#look")
        page.wait_for_selector(".facts")
        shown(page, "request", 1_200)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
