"""A call out of the topics again: what `replay` makes of it is what the service made."""

import asyncio
import json
import os
import time

import msgspec
import pytest

from deid_stream import cli
from deid_stream.commands.proving import proven
from deid_stream.config import Settings
from deid_stream.datasets.callfile import Pace, read_call
from deid_stream.datasets.wav import read_wav
from deid_stream.demo.player import TOPIC_OF, play, script
from deid_stream.demo.stage import load_samples
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.outputs import AuditAction
from deid_stream.policy.proof import Proof
from tests.support.service import KEY, running

SAMPLES = load_samples()[:2]
LIVE = Pace(chunk_ms=100, transcript_delay_ms=700)


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as broker:
        yield Settings(bootstrap_servers=broker.bootstrap_servers, timing_profile="exact", idle_ms=4_000)


def run(service, capsys):
    """`fetch` with the service's settings."""
    flags = ("--bootstrap-servers", service.settings.bootstrap_servers, "--topic-prefix", service.prefix)

    async def command(*arguments):
        status = await asyncio.to_thread(cli.run, ["fetch", *map(str, arguments), *flags, "--json"])
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return command


async def played(service):
    """The samples went through the service."""
    for call in SAMPLES:
        await service.policy(call.header.customer_id)
    await service.work()
    start_ms = time.time_ns() // 1_000_000 - 300_000
    await play(service.kafka, script(SAMPLES, LIVE), start_ms=start_ms, pace=1e9, prefix=service.prefix)
    await service.closed(len(SAMPLES))


async def accesses(service):
    entries = [json.loads(record.value) for record in await service.read(service.names.audit)]
    return [(e["call_id"], e["reason"]) for e in entries if e["action"] == AuditAction.ACCESSED]


async def test_replay_of_a_fetched_call_gives_what_the_service_gave(broker, tmp_path, capsys):
    raw, released, again = (tmp_path / name for name in ("raw", "released", "again"))
    async with running(broker, exactly_once=False) as service:
        await played(service)
        fetch = run(service, capsys)
        for sample in SAMPLES:
            call_id = sample.header.call_id
            status, said, _ = await fetch(call_id, "--out", raw)
            broke_off = ["there is no call.ended: the call is written as one that broke off"]
            assert (status, said["notes"]) == (0, [] if sample.header.complete else broke_off)
            assert said["records"]["segments"] == len(sample.header.segments)
            sound = tmp_path / "raw" / f"{call_id}.wav"
            assert read_wav(sound) == sample.wav
            assert (await fetch(call_id, "--out", released, "--sanitized"))[0] == 0
            replaying = ["replay", str(sound), "--out", str(again), "--timing-profile", "exact"]
            assert await asyncio.to_thread(cli.run, replaying) == 0
            capsys.readouterr()
            ours, theirs = (json.loads((folder / f"{call_id}.call.json").read_bytes()) for folder in (again, released))
            assert [(s["segment_id"], s["text"], s["words"], s["entities"]) for s in ours["segments"]] == [
                (s["segment_id"], s["text"], s["words"], s["entities"]) for s in theirs["segments"]
            ]
            assert any(segment["entities"] for segment in theirs["segments"])
            assert (again / f"{call_id}.wav").read_bytes() == (released / f"{call_id}.wav").read_bytes()
            assert (released / f"{call_id}.wav").read_bytes() != sound.read_bytes()
        found = await proven(service.kafka, service.prefix, Proof(), time.time_ns() // 1_000_000)
        assert (found["audit"]["unchained"], found["audit"]["breaks"]) == (0, [])
        assert sorted(await accesses(service)) == sorted(
            (sample.header.call_id, reason) for sample in SAMPLES for reason in ("fetch", "fetch_sanitized")
        )
    assert {path.stat().st_mode & 0o077 for path in raw.iterdir()} == {0}


async def test_a_call_is_found_by_its_pseudonym(broker, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEID_DIGEST_KEY", KEY.hex())
    ids = IdPseudonyms(msgspec.structs.replace(broker, digest_key=KEY.hex()).key_ring())
    call_id = SAMPLES[0].header.call_id
    async with running(msgspec.structs.replace(broker, hash_ids=True), exactly_once=False) as service:
        await played(service)
        fetch = run(service, capsys)
        for name in (call_id, ids.call(call_id)):
            status, said, _ = await fetch(name, "--out", tmp_path / "raw", "--hash-ids")
            assert (status, said["call_id"]) == (0, call_id)
            status, said, _ = await fetch(name, "--out", tmp_path / "released", "--hash-ids", "--sanitized")
            assert (status, said["call_id"]) == (0, ids.call(call_id))
        assert {found for found, _ in await accesses(service)} == {ids.call(call_id)}


async def test_what_is_missing_is_said(broker, tmp_path, capsys):
    async with running(broker, exactly_once=False) as service:
        fetch = run(service, capsys)
        status, _, error = await fetch("nobody", "--out", tmp_path)
        assert status == 1
        assert "no record of this call in calls.events, calls.transcripts and calls.audio" in error
        assert "--any-partition" in error
        sample = SAMPLES[0]
        sent = [cue.record for cue in script([sample], LIVE)]
        records = [
            OutRecord(service.prefix + TOPIC_OF[r.kind], r.key, r.value, r.headers, 1_000_000 + r.time_ms)
            for r in sent
            if r.kind != "events"
        ]
        broken = records[0]._replace(headers=[h for h in records[0].headers if h[0] != "ce_id"])
        other = records[1]._replace(
            headers=[(n, b"someone-else" if n == "ce_customerid" else v) for n, v in records[1].headers]
        )
        await service.put(broken, *records[:1], *records[2:], other)
        status, said, _ = await fetch(sample.header.call_id, "--out", tmp_path)
        assert status == 0
        notes = "\n".join(said["notes"])
        for part in ("no call.started", "no call.ended", "1 record of another customer", "missing", "lacks 100 ms"):
            assert part in notes
        call = read_call(tmp_path / f"{sample.header.call_id}.wav", tmp_path / f"{sample.header.call_id}.call.json")
        assert not call.header.complete


async def test_without_the_topics_it_says_what_to_do(broker, tmp_path, capsys):
    command = ["fetch", "c", "--out", str(tmp_path), "--topic-prefix", "none."]
    assert await asyncio.to_thread(cli.run, [*command, "--bootstrap-servers", broker.bootstrap_servers]) == 1
    assert "topic none.calls.events is missing" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
