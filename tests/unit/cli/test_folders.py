"""What is handed over about a person goes into a folder of its own, which nobody else may read."""

import os

import pytest

from deid_stream.commands.folders import new_folder
from deid_stream.errors import ConfigError


def test_what_is_written_is_this_users_alone(tmp_path):
    umask = os.umask(0o022)
    try:
        with new_folder(tmp_path / "made" / "here"):
            (tmp_path / "made" / "here" / "calls.jsonl").write_text("{}")
        assert {path.stat().st_mode & 0o077 for path in (tmp_path / "made").rglob("*")} == {0}
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)


@pytest.mark.parametrize("there", [False, True], ids=["made", "there before"])
def test_a_folder_into_which_nothing_came_is_as_it_was(tmp_path, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()
    with pytest.raises(ValueError, match="refused"), new_folder(out):
        raise ValueError("refused")
    assert out.exists() is there


def test_another_persons_export_is_not_handed_over_too(tmp_path):
    (tmp_path / "call-1.wav").write_bytes(b"another person's")
    with pytest.raises(ConfigError, match="is not empty; give a new folder"), new_folder(tmp_path):
        pytest.fail("entered")
    assert (tmp_path / "call-1.wav").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(ConfigError, match=r"cannot write .*file/out: Not a directory; give another folder")
    with refused, new_folder(tmp_path / "file" / "out"):
        pytest.fail("entered")
