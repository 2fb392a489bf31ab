"""Files are there in full or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from deid_stream.datasets.files import atomic_writer
from deid_stream.errors import ConfigError


def test_a_file_appears_when_all_of_it_has_been_written(tmp_path):
    path = tmp_path / "call.wav"
    with atomic_writer(path) as out:
        out.write(b"first ")
        out.flush()
        assert not path.exists()
        out.write(b"second")
    assert path.read_bytes() == b"first second"
    assert os.listdir(tmp_path) == ["call.wav"]


def test_a_full_disk_leaves_nothing_new_and_what_was_there(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(b"before")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ConfigError, match=r"cannot write .*call\.wav: No space left"):
        write_and_fail(path, full)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["call.wav"]


def test_whatever_goes_wrong_meanwhile_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_and_fail(tmp_path / "call.wav", ZeroDivisionError())
    assert os.listdir(tmp_path) == []


def write_and_fail(path, error):
    with atomic_writer(path) as out:
        out.write(b"first")
        out.flush()
        raise error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_device_is_written_as_it_is():
    with atomic_writer(Path("/dev/null")) as out:
        out.write(b"gone")
    assert Path("/dev/null").is_char_device()
    with (
        pytest.raises(ConfigError, match="cannot write /dev/full: No space left"),
        atomic_writer(Path("/dev/full")) as out,
    ):
        out.write(b"gone")


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_is_written_is_this_users_alone_while_it_grows_and_after(tmp_path):
    path = tmp_path / "call.wav"
    before = os.umask(0)
    try:
        with atomic_writer(path):
            (part,) = tmp_path.iterdir()
            assert mode(part) == 0o600
        assert mode(path) == 0o600
    finally:
        os.umask(before)


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(b"before")
    path.chmod(0o640)
    with atomic_writer(path) as out:
        out.write(b"after")
    assert (mode(path), path.read_bytes()) == (0o640, b"after")


@pytest.mark.parametrize("target", ["secret", "nowhere"])
def test_no_link_is_followed(tmp_path, target):
    (tmp_path / "secret").write_bytes(b"secret")
    path = tmp_path / "call.wav"
    path.symlink_to(tmp_path / target)
    # where a name made of the process could be guessed, a link would wait there
    (tmp_path / f".call.wav.{os.getpid()}.part").symlink_to(tmp_path / "secret")
    with atomic_writer(path) as out:
        out.write(b"call")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert path.read_bytes() == b"call"
    assert not path.is_symlink()
