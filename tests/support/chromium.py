"""The browser of the browser tests: none is downloaded, one that is there is used."""

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
REASON = "no Chromium here: install Debian's `chromium`, run `playwright install chromium`, or name one in CHROMIUM"


def find() -> str | None:
    """The path of a Chromium: what CHROMIUM names, one of the system, or one that playwright was told to fetch."""
    if named := os.environ.get("CHROMIUM"):
        return named
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    fetched = sorted((Path.home() / ".cache" / "ms-playwright").glob("chromium-*/chrome-linux*/chrome"))
    return found or (str(fetched[-1]) if fetched else None)
