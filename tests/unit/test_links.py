"""Every page can be reached from the readme, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """As the hosting pages make them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    asides = {ROOT / "CODE_OF_CONDUCT.md"}
    assert set(PAGES) - asides - reached == set()


def test_the_readme_is_one_screen():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert 40 < len(lines) <= 75


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("## How late it is", "how-late-it-is"), ("## Errors, `code` and all", "errors-code-and-all"), ("# A-B", "a-b")],
)
def test_an_anchor_is_made_as_hosting_pages_do(heading, anchor, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{heading}\n", encoding="utf-8")
    assert anchors(page) == {anchor}
