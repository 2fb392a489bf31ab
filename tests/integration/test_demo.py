"""``deid-stream demo`` as a new user runs it."""

import subprocess
import sys

import msgspec
import pytest

from deid_stream.demo.stage import load_samples

pytestmark = pytest.mark.slow
FILES = {"before.wav", "after.wav", "transcript.md", "picture.png"}


def test_the_demo_passes_and_leaves_its_files(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "deid_stream", "demo", "--pace", "40", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    result = msgspec.json.decode(done.stdout)
    assert [check for check in result["checks"] if not check["ok"]] == []
    assert done.returncode == 0
    assert result == msgspec.json.decode((out / "report.json").read_bytes())
    for call in load_samples():
        assert {path.name for path in (out / call.name).iterdir()} == FILES
        secrets = [truth.text for truth in call.truth if len(truth.text) > 10]
        _, *rows = (out / call.name / "transcript.md").read_text().splitlines()
        published = "\n".join(row.split(" | ")[-1] for row in rows)
        assert not any(secret in published for secret in secrets)
