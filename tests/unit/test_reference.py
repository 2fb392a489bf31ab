"""The reference pages are what the code says."""

import pytest
from docs import generate


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_the_code_makes(name):
    page = (generate.FOLDER / name).read_text(encoding="utf-8")
    assert page == generate.PAGES[name](), "run `python -m docs.generate`"


@pytest.mark.parametrize("name", generate.COPIES)
def test_a_copy_is_what_it_is_a_copy_of(name):
    assert (generate.ROOT / name).read_text(encoding="utf-8") == generate.COPIES[name](), (
        "run `python -m docs.generate`"
    )


def test_every_setting_is_explained():
    page = generate.settings_page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(generate.Settings.__struct_fields__)
    assert [row for row in rows if row.endswith("|  |")] == []
