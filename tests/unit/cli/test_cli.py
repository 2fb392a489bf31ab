"""The command line as a user meets it: help at once, one clear line for an error, no payload in it."""

import errno
import os
import resource
import subprocess
import sys

import click
import pytest

from deid_stream import cli
from deid_stream.errors import ConfigError

SECRET = "jane doe"


NOBODY = ("--bootstrap-servers", "127.0.0.1:1")


def run(*arguments, capsys):
    status = cli.run(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def commands():
    """Every command and subcommand, as the words that name it."""
    context = click.Context(cli.cli)
    for name in cli.cli.list_commands(context):
        command = cli.cli.get_command(context, name)
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, sub) for sub in command.list_commands(context))


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_every_command_explains_itself(words, capsys):
    status, out, err = run(*words, "--help", capsys=capsys)
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: {' '.join(('deid-stream', *words))}")


def test_the_overview_names_every_command(capsys):
    _, out, _ = run("--help", capsys=capsys)
    for words in commands():
        assert words[0] in out


def test_the_overview_comes_at_once():
    taken_s = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "deid_stream", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken_s) < 0.3


@pytest.mark.parametrize("module", ["numpy", "aiokafka", "onnxruntime", "rich", "matplotlib"])
def test_the_overview_imports_nothing_heavy(module):
    code = f"import sys; from deid_stream.cli import run; run(['--help']); sys.exit('{module}' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nonsense"], 2, "No such command"),
        (["serv"], 2, "No such command 'serv'; did you mean serve?"),
        (["audit", "export", "--from", "2026-11-30", "--to", "2026-11-01", "--out", "x"], 1, "--from is after --to"),
        (
            ["dataset", "export", "x", "--format", "jsonl", "--since", "2026-11-30", "--until", "2026-11-01"],
            1,
            "--since is after --until",
        ),
        (["policy", "set", "--customer", "a", "--opt-out", "--no-opt-out"], 1, "give one of --opt-out"),
        (["policy", "set", "--customer", "a", "--opt-out", "--remove"], 1, "give one of --opt-out"),
        (["policy", "set", "--customer", "a"], 1, "give one of --opt-out"),
        (["replay"], 2, "Missing argument"),
        (["replay", "/nowhere.wav", "--out", "x"], 2, "does not exist"),
        (["topics", "check"], 1, "--bootstrap-servers"),
        (["policy", "list"], 1, "--bootstrap-servers"),
        (["worker"], 1, "deid-stream serve"),
        (["serve", *NOBODY], 1, "no embedded broker was started, because bootstrap_servers (DEID_BOOTSTRAP_SERVERS)"),
        (["topics", "check", "--bootstrap-servers", "127.0.0.1:1"], 1, "the connection is refused (127.0.0.1:1)"),
        (["policy", "get", "acme", "--bootstrap-servers", "127.0.0.1:1"], 1, "the connection is refused (127.0.0.1:1)"),
        (["rights", "delete", "--customer", "", *NOBODY], 1, "customer_id is missing; name the customer"),
        (["rights", "hold", "--customer", "a b", *NOBODY], 1, "customer_id is no name; send text"),
        (
            ["rights", "access", "--customer", "a", "--request-id", "r 1", "--out", "x", *NOBODY],
            1,
            "request_id is no name",
        ),
        (["rights", "release", "r 1", "--customer", "a", *NOBODY], 1, "target is no name; send text"),
        (["policy", "set", "--customer", "a b", "--opt-out", *NOBODY], 1, "customer_id is no identifier; must have"),
        (["policy", "set", "--customer", "", "--opt-out", *NOBODY], 1, "customer_id is no identifier; must have"),
        (["topics", "check", "--bootstrap-servers", "kafka"], 1, "bootstrap_servers: address 1 of 1 is not HOST:PORT"),
        (["topics", "create", "--partitions", "none"], 1, "partitions, from the flags, must be a whole number"),
        (["topics", "create", "--config", "/nowhere.toml"], 1, "cannot read the settings file /nowhere.toml"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(arguments, status, says, capsys, monkeypatch):
    for name in ("DEID_BOOTSTRAP_SERVERS", "DEID_DIGEST_KEY"):
        monkeypatch.delenv(name, raising=False)
    got, out, err = run(*arguments, capsys=capsys)
    assert (got, out) == (status, "")
    assert says in err
    if status == 1:
        assert err.startswith("deid-stream: ")
        assert err.count("\n") == 1


def failing(error):
    @click.command()
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (ConfigError("set the thing"), 1, "deid-stream: set the thing"),
        (ValueError(SECRET), 70, "internal error, ValueError in test_cli.py:"),
        (KeyError(SECRET), 70, "internal error, KeyError"),
        (OSError(28, "No space left on device", "/out/x.wav"), 1, "/out/x.wav: No space left on device"),
        (click.Abort(), 130, "stopped"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_whatever_is_raised_ends_in_a_status_and_shows_no_payload(error, status, says, capsys, monkeypatch):
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing(error))
    got, out, err = run("doctor", capsys=capsys)
    assert (got, out) == (status, "")
    assert says in err
    assert SECRET not in err
    assert "Traceback" not in err


def test_a_status_that_a_command_returns_is_the_exit_status(capsys, monkeypatch):
    @click.command()
    def command():
        return 3

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: command)
    assert run("doctor", capsys=capsys)[0] == 3


BLAS_THREADS = """
import os, sys
from deid_stream import cli
cli.run = lambda: 0
try:
    cli.main()
except SystemExit:
    pass
import numpy as np
wide = np.ones((700, 700))
wide @ wide
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
@pytest.mark.parametrize(("said", "threads"), [(None, 1), ("2", 2)], ids=["by itself", "where the operator says so"])
def test_numpy_takes_one_thread_for_its_products(said, threads):
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= {} if said is None else {"OPENBLAS_NUM_THREADS": said}
    done = subprocess.run(
        [sys.executable, "-c", BLAS_THREADS], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == min(threads, os.cpu_count() or 1)


def test_a_full_disk_is_told_with_the_folder_and_what_to_do(monkeypatch, tmp_path, capsys):
    async def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("deid_stream.commands.exporting.write_export", full)
    out = tmp_path / "report"
    assert cli.run(["audit", "export", "--customer", "acme", "--out", str(out), *NOBODY]) == 1
    assert f"cannot write {out}: No space left on device; make room" in capsys.readouterr().err
