"""``make`` runs every test: the folders that it looks for tests of brokers in are those that may hold some."""

import re

from tests.conftest import BROKER_FOLDERS, TESTS

MAKEFILE = (TESTS.parent / "Makefile").read_text(encoding="utf-8")


def test_the_targets_look_where_tests_of_brokers_may_be():
    (named,) = re.findall(r"^BROKER_TESTS := (.+)$", MAKEFILE, re.MULTILINE)
    assert named.split() == [f"tests/{folder}" for folder in BROKER_FOLDERS]
    assert all((TESTS / folder).is_dir() for folder in BROKER_FOLDERS)
    for target in ("test-live", "test-kafka"):
        (recipe,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        assert recipe.rstrip().endswith("$(BROKER_TESTS)"), target
