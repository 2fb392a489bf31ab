"""``doctor`` before a broker that says nothing: told within the probe's own waits, not a client's 40 seconds."""

import json
import socket
import time

import pytest

from deid_stream import cli
from deid_stream.commands import doctor
from deid_stream.kafka import probe


@pytest.mark.parametrize(("protocol", "says"), [("PLAINTEXT", "does not speak Kafka"), ("SSL", "no broker answers")])
def test_a_broker_that_says_nothing_is_told_soon(protocol, says, capsys, monkeypatch):
    monkeypatch.setattr(probe, "STEP_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began_s = time.monotonic()
        status = cli.run(["doctor", "--json", "--bootstrap-servers", address, "--security-protocol", protocol])
        took_s = time.monotonic() - began_s
    found = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert status == 1
    assert found["broker"]["state"] == "error"
    assert says in found["broker"]["found"]
    assert took_s < 10  # the model is loaded, too


async def test_a_broker_that_is_slow_once_is_asked_again(monkeypatch):
    asked = []

    async def diagnose(connection):
        asked.append(connection)
        return probe.Fault(probe.Cause.SILENT, "b:1") if len(asked) == 1 else None

    class Kafka:
        connection = object()

    monkeypatch.setattr(probe, "diagnose", diagnose)
    await doctor._answers(Kafka())
    assert asked == [Kafka.connection] * 2
