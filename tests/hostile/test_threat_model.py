"""``docs/threat-model.md``: each protection has its test."""

import ast
import re
from pathlib import Path

import pytest

from tests.hostile.mutants import REMOVED, Removed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", PAGE)))
LEVEL = re.compile(r"^### (.+)$", re.MULTILINE)


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + d.name for d in inner if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef)}
    return found


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_test_exists(path: str, name: str) -> None:
    assert name in _tests_in(ROOT / path)


@pytest.mark.parametrize("removed", REMOVED, ids=lambda removed: removed.protection)
def test_a_protection_that_can_be_removed_stands_in_the_source_and_its_test_on_the_page(removed: Removed) -> None:
    text = (ROOT / "src" / "deid_stream" / removed.path).read_text(encoding="utf-8")
    assert text.count(removed.old) == 1
    assert removed.new != removed.old
    assert tuple(removed.test.split("::", 1)) in NAMED


def test_what_has_no_mutant_is_told() -> None:
    """Claims whose test runs brokers, reads deployment files, or measures; that what is right is allowed; and what two
    protections hold, each alone."""
    without = {f"{path}::{name}" for path, name in NAMED} - {removed.test for removed in REMOVED}
    slow = ("tests/chaos/", "tests/conformance/", "tests/integration/", "tests/hostile/", "tests/unit/test_deployment")
    assert {test for test in without if not test.startswith(slow)} == {
        "tests/unit/policy/test_proof.py::test_what_the_gate_permits_is_valid",
        "tests/unit/dashboard/test_pages.py::test_it_is_read_only",
    }


def test_every_kind_of_threat_has_protections_with_tests() -> None:
    kinds = re.split(LEVEL, PAGE.split("## What a thief gets")[0])[1:]
    named = {kind: body.count("::test_") for kind, body in zip(kinds[::2], kinds[1::2], strict=True)}
    assert set(named) == {
        "Spoofing",
        "Tampering",
        "Repudiation",
        "Information disclosure",
        "Denial of service",
        "Elevation of privilege",
    }
    assert min(named.values()) > 0
