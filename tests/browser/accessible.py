"""What axe-core finds on the page as it stands: contrast, names, landmarks, order of headings, keyboard."""

from importlib import resources
from typing import Any

import axe_playwright_python

# run as it is: a script element would be refused by the page's own policy
_AXE = resources.files(axe_playwright_python).joinpath("axe.min.js").read_text(encoding="utf-8")
# what is right is only counted: all of it, with its elements, would be most of the work
_RUN = """tags => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
    .then(found => ({ passes: found.passes.length, violations: found.violations }))"""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Any) -> list[str]:
    """One line for each element and rule that it breaks."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(_AXE)
    found = await page.evaluate(_RUN, _TAGS)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
