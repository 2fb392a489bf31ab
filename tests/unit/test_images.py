"""Images that others make stand in one place, and are fixed by digest by command."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
DIGEST = "sha256:" + "0a" * 32


@pytest.fixture
def folder(tmp_path):
    """A copy that may be changed."""
    for name in (".env", "Dockerfile", "images.py"):
        shutil.copy(DOCKER / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


def tool(folder, script, name="crane"):
    """A stand-in for what asks a registry; without a script, for a machine that has none."""
    if script:
        path = folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def run(folder, *arguments):
    command = [sys.executable, str(folder / "images.py"), *arguments]
    return subprocess.run(command, env={"PATH": str(folder / "bin")}, capture_output=True, text=True, check=False)


def images():
    specification = importlib.util.spec_from_file_location("images", DOCKER / "images.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.images(DOCKER)


def test_the_dockerfile_has_the_base_that_is_listed():
    assert f"ARG BASE={images()['BASE_IMAGE']}\n" in (DOCKER / "Dockerfile").read_text()


def test_compose_names_no_image_of_others_itself():
    lines = [line.strip() for line in (DOCKER / "compose.yaml").read_text().splitlines()]
    named = {line.removeprefix("image: ") for line in lines if line.startswith("image: ")}
    assert named == {"deid-stream", *(f"${{{name}}}" for name in images() if name != "BASE_IMAGE")}
    assert any("BASE: '${BASE_IMAGE}'" in line for line in lines)


def test_what_has_a_tag_only_is_said(folder):
    (folder / ".env").write_text(f"BASE_IMAGE=python:3.12-slim@{DIGEST}\nKAFKA_IMAGE=apache/kafka:4.1.0\n")
    said = run(folder)
    assert said.returncode == 0
    assert "not by digest: apache/kafka:4.1.0;" in said.stderr
    assert run(folder, "--strict").returncode == 1
    (folder / ".env").write_text(f"BASE_IMAGE=python:3.12-slim@{DIGEST}\n")
    assert (run(folder, "--strict").returncode, run(folder).stderr) == (0, "")


@pytest.mark.parametrize("name", ["crane", "skopeo", "docker"])
def test_pinning_writes_what_the_registry_says_and_can_be_repeated(folder, name):
    tool(folder, f"echo {DIGEST}", name)
    for _ in range(2):
        assert run(folder, "pin").returncode == 0
    listed = (folder / ".env").read_text()
    assert listed.count(f"@{DIGEST}") == listed.count("_IMAGE=") == 4
    assert f"ARG BASE=python:3.12-slim@{DIGEST}\n" in (folder / "Dockerfile").read_text()
    assert run(folder, "--strict").returncode == 0


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("", "install one of"),
        ("echo no route >&2; exit 1", "no route"),
        ("echo latest", "has no digest"),
        ("echo sha256:0a0a", "has no digest"),
    ],
)
def test_without_an_answer_nothing_is_written(folder, script, says):
    before = (folder / ".env").read_text(), (folder / "Dockerfile").read_text()
    tool(folder, script)
    said = run(folder, "pin")
    assert said.returncode == 1
    assert says in said.stderr
    assert ((folder / ".env").read_text(), (folder / "Dockerfile").read_text()) == before
