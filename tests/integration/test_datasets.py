"""A training job and an exporter against a broker: what they read, and what is gone after an opt-out."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deid_stream import cli
from deid_stream.config import Settings
from deid_stream.datasets.calls import clips
from deid_stream.datasets.training import Selection, TrainingSet
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from tests.support.calls import make_call
from tests.support.service import running

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_on_clips.py"


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as broker:
        yield Settings(bootstrap_servers=broker.bootstrap_servers)


@pytest.fixture
async def service(broker):
    """Three permitted calls of two customers and one of a customer without a policy, all closed."""
    async with running(broker, exactly_once=False) as service:
        for customer in ("acme", "bolt"):
            await service.policy(customer)
        await service.work()
        start_ms = int(time.time() * 1000) - 60_000
        customers = ("acme", "acme", "bolt", "none")
        await service.send(*[make_call(f"c-{n}", customer, n, start_ms) for n, customer in enumerate(customers)])
        await service.closed(4)
        yield service


async def ids(settings, **how):
    training = TrainingSet(settings=settings, **how)
    return sorted([call.call_id async for call in asynchronous(training)])


async def asynchronous(training):
    """The loop of a job runs in its own thread here, because the worker lives in this one."""
    loop = iter(training)
    while (call := await asyncio.to_thread(next, loop, None)) is not None:
        yield call


async def test_a_job_reads_permitted_closed_calls_whole(service):
    found = [call async for call in asynchronous(TrainingSet(settings=service.settings))]
    assert sorted(call.call_id for call in found) == ["c-0", "c-1", "c-2"]
    for call in found:
        assert call.audio.any()
        assert not call.partial
        assert all(permit.policy_version == "1" for permit in call.permits)
        assert list(clips(call))


async def test_selection_shards_and_resume(service):
    settings = service.settings
    assert await ids(settings, selection=Selection(customers=frozenset({"bolt"}))) == ["c-2"]
    assert await ids(settings, selection=Selection(until_ms=1)) == []
    shares = [await ids(settings, shard=(index, 3)) for index in range(3)]
    assert sorted(call_id for share in shares for call_id in share) == ["c-0", "c-1", "c-2"]
    training = TrainingSet(settings=settings)
    first = iter(training)
    before = next(first).call_id
    next(first)
    state = training.state()
    first.close()
    assert before in {"c-0", "c-1", "c-2"}
    assert len(await ids(settings, resume=state)) == 2
    everything = TrainingSet(settings=settings)
    assert len([call async for call in asynchronous(everything)]) == 3
    assert await ids(settings, resume=everything.state()) == []


async def test_an_opt_out_shrinks_the_next_export_and_prune_proves_it(service, tmp_path, monkeypatch, capsys):
    await service.control()
    for name in ("bootstrap_servers", "topic_prefix"):
        monkeypatch.setenv(f"DEID_{name.upper()}", getattr(service.settings, name))

    async def run(*arguments):
        status = await asyncio.to_thread(cli.run, ["dataset", *map(str, arguments), "--json"])
        return status, json.loads(capsys.readouterr().out or "{}")

    first, second = tmp_path / "first", tmp_path / "second"
    for target in (first, second):
        status, said = await run("export", target, "--format", "jsonl")
        assert status == 0
        assert said["counts"]["calls"] == 3
    status, said = await run("prune", first)
    assert (status, said["removed"]) == (0, {})

    await service.policy("acme", version=2, training_opt_out=True)

    async def retracted():
        return await ids(service.settings) == ["c-2"]

    async with asyncio.timeout(30):
        while not await retracted():  # noqa: ASYNC110 - looked up on the broker
            await asyncio.sleep(0.2)
    status, said = await run("prune", first)
    assert status == 0
    assert said["removed"] == {"c-0": "withdrawn", "c-1": "withdrawn"}
    assert said["problems"] == []
    assert not any("c-0" in path.read_text() for path in (first / "data").iterdir())
    status, said = await run("export", second, "--format", "jsonl")
    assert said["counts"]["calls"] == 1
    assert (await run("check", second))[0] == 0


async def test_the_example_trains_on_what_is_there(service):
    environment = {**os.environ, "DEID_TOPIC_PREFIX": service.settings.topic_prefix}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), service.settings.bootstrap_servers,
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    assert b"accuracy on unseen ones" in out
