"""A process that cannot open its keys ends before anything can be reached of it from outside."""

import socket

import pytest

from deid_stream.config import Settings
from deid_stream.worker.run import run_worker

BAD = {"not hex": {"digest_key": "four"}, "missing file": {"digest_key_file": "/nowhere/key"}}


def control(settings):
    pytest.importorskip("faust")
    from deid_stream.control.run import run_control

    return run_control(settings)


@pytest.fixture
def port():
    """A port that is taken: whoever asks for it logs a warning."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.mark.parametrize("run", [run_worker, control], ids=["worker", "control plane"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_bad_keys_are_named_before_the_metrics_port_is_asked_for(run, bad, port, caplog):
    assert await run(Settings(bootstrap_servers="127.0.0.1:1", metrics_port=port, **bad)) == 1
    (ends,) = caplog.records
    assert ends.message.endswith(" ends")
    assert "digest" in ends.deid_fields["detail"]


@pytest.mark.parametrize("run", [run_worker, control], ids=["worker", "control plane"])
async def test_with_good_keys_it_is_asked_for(run, port, caplog):
    settings = Settings(bootstrap_servers="127.0.0.1:1", metrics_port=port, digest_key="00" * 16, broker_wait_ms=0)
    assert await run(settings) == 1
    assert "metrics are not served" in caplog.messages
