"""The audit through a real broker: chains carry on across restarts, crashes and writers; cuts and leftovers show."""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deid_stream.commands.exporting import Wanted, write_export
from deid_stream.commands.proving import Heads, heads_of, proven
from deid_stream.errors import ConfigError
from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.record import OutRecord
from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.policy.proof import Proof
from deid_stream.wire.chain import Chain
from deid_stream.wire.output import encode_audit
from tests.support.calls import MadeCall, make_call
from tests.support.service import Service


def call(name: str, seed: int, customer: str = "acme") -> MadeCall:
    return make_call(name, customer, seed, int(time.time() * 1000) - 60_000, turns=3)


async def verified(service: Service, known: Heads | None = None) -> dict[str, Any]:
    return await proven(service.kafka, service.prefix, Proof(), int(time.time() * 1000), known)


async def chains(service: Service, writer: str) -> dict[int, Any]:
    found = await verified(service)
    return {chain["partition"]: chain for chain in found["audit"]["chains"] if chain["writer"] == writer}


async def test_the_workers_chains_carry_on_across_restarts(service: Service) -> None:
    await service.policy("acme")
    worker = await service.work()
    await service.send(*(call(f"first{n}", n) for n in range(4)))
    await service.closed(4)
    await service.stop(worker)
    before = await chains(service, "worker")
    await service.work()
    await service.send(*(call(f"second{n}", n + 10) for n in range(4)))
    await service.closed(8)
    found = await verified(service)
    assert found["proven"]
    assert found["audit"]["breaks"] == []
    assert found["audit"]["ends_known"]
    after = await chains(service, "worker")
    assert before.keys() <= after.keys()
    assert all(after[number]["next"] >= chain["next"] for number, chain in before.items())
    assert sum(chain["next"] for chain in after.values()) > sum(chain["next"] for chain in before.values())
    assert all(chain["first"] == 0 for chain in after.values())


async def test_a_forged_line_a_stranger_and_a_lost_end_show(service: Service) -> None:
    await service.policy("acme")
    worker = await service.work()
    await service.send(call("c1", 1), call("c2", 2))
    await service.closed(2)
    await service.stop(worker)
    whole = await verified(service)
    assert whole["proven"]
    number = whole["audit"]["chains"][0]["partition"]
    entry = AuditEntry(call_id="c9", customer_id="acme", action=AuditAction.CLOSED, reason="ended", time_ms=1)
    line = encode_audit(entry, policy_version="1")
    forged = [*line.headers, *Chain("worker").headers(line.key, line.value or b"")]
    for headers in (line.headers, forged):
        await service.put(OutRecord(service.names.audit, line.key, line.value, headers, partition=number))
    found = await verified(service)
    assert not found["proven"]
    assert [broken["what"] for broken in found["audit"]["breaks"]] == ["unchained", "begun_again"]
    later = heads_of([{"partition": number, "writer": "worker", "next": 10_000, "head": "ab"}])
    assert "end_cut" in [broken["what"] for broken in (await verified(service, later))["audit"]["breaks"]]


async def test_a_process_without_a_checkpoint_carries_its_chain_on_from_the_topic(service: Service) -> None:
    entry = AuditEntry(call_id="c1", customer_id="acme", action=AuditAction.ACCESSED, reason="dashboard", time_ms=1)
    for _ in range(3):
        log = AuditLog(service.kafka, service.names.audit, "dashboard")
        await log.send([encode_audit(entry, policy_version="1")])
        await log.send([encode_audit(entry, policy_version="1")], 1)
    found = await chains(service, "dashboard")
    assert sum(chain["next"] for chain in found.values()) == 6
    assert (await verified(service))["audit"]["breaks"] == []


async def test_what_is_left_of_a_call_that_was_taken_back_is_a_missing_tombstone(service: Service) -> None:
    await service.policy("acme")
    worker = await service.work()
    await service.send(call("c1", 1), call("c2", 2))
    await service.closed(2)
    await service.stop(worker)
    log = AuditLog(service.kafka, service.names.audit, "control")
    entry = AuditEntry(call_id="c1", customer_id="acme", action=AuditAction.RETRACTED, reason="minor", time_ms=1)
    await log.send([encode_audit(entry, policy_version="1")])
    found = await verified(service)
    assert not found["consent"]
    held = {"analytics_transcripts", "analytics_audio", "training_transcripts", "training_audio"}
    keys = set()
    for kind in held:
        topic = getattr(service.names, kind)
        left = [record for record in await service.read(topic) if record.key.startswith(b"c1/")]
        keys |= {(topic, record.key) for record in left}
        await service.put(*(OutRecord(topic, record.key, None, partition=record.partition) for record in left))
    assert found["verdicts"]["missing_tombstone"] == len(keys)
    found = await verified(service)
    assert found["consent"]
    assert "missing_tombstone" not in found["verdicts"]


async def test_an_export_for_a_customer(service: Service, tmp_path: Path) -> None:
    await service.policy("acme")
    worker = await service.work()
    made = [call("c1", 1), call("c2", 2), call("c3", 3, "other")]
    await service.send(*made)
    await service.closed(3)
    await service.stop(worker)
    wanted = Wanted(customers=("acme",))
    manifest = await write_export(service.kafka, service.prefix, wanted, tmp_path, int(time.time() * 1000))
    assert manifest["breaks"] == []
    assert manifest["calls"] == 2
    assert manifest["customers"] == ["acme"]
    rows = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_bytes().splitlines()]
    assert len(rows) == manifest["lines"] >= 2
    assert {row["entry"]["customer_id"] for row in rows} == {"acme"}
    for row in rows:
        value = json.dumps(row["entry"], separators=(",", ":"), ensure_ascii=False).encode()
        assert recomputed(row, value) == row["hash"], "whoever has the file can recompute the hashes"
    page = (tmp_path / "report.html").read_text()
    assert "The audit is whole" in page
    assert "c1" in page
    assert "other" not in page
    assert [policy["customer_id"] for policy in manifest["policies"]] == ["acme"]
    written = msgspec.json.decode((tmp_path / "manifest.json").read_bytes())
    assert written["chains"] == manifest["chains"]
    assert (await verified(service, heads_of(written["chains"])))["proven"]


async def test_an_export_for_nobody_is_an_error_with_the_nearest_names(service: Service, tmp_path: Path) -> None:
    await service.policy("acme")
    await service.policy("silent")
    worker = await service.work()
    await service.send(call("call-1", 1))
    await service.closed(1)
    await service.stop(worker)

    async def exported(wanted: Wanted) -> Any:
        there, new = Path(tempfile.mkdtemp(dir=tmp_path)), tmp_path / "new"
        try:
            return await write_export(service.kafka, service.prefix, wanted, there, int(time.time() * 1000))
        except ConfigError as error:
            with pytest.raises(ConfigError):
                await write_export(service.kafka, service.prefix, wanted, new, int(time.time() * 1000))
            assert not new.exists(), "a folder that was made for it goes"
            return str(error), os.listdir(there)

    for wanted, said in (
        (Wanted(customers=("amce",)), "neither the audit nor a policy knows a customer amce; is acme meant?"),
        (Wanted(customers=("nobody",)), "neither the audit nor a policy knows a customer nobody; check the name"),
        (Wanted(calls=("cal-1",)), "the audit knows nothing of a call cal-1; is call-1 meant?"),
    ):
        assert await exported(wanted) == (said, [])
    for wanted, lines in (
        (Wanted(calls=("call-1",)), True),
        (Wanted(customers=("silent",)), False),
        (Wanted(customers=("acme",), since_ms=1 << 45), False),
        (Wanted(customers=("silent",), calls=("call-1",)), False),
    ):
        assert bool((await exported(wanted))["lines"]) is lines, "there may be no lines of those who are known"
    ids = IdPseudonyms(KeyRing(bytes(32)))
    hidden = Wanted(customers=ids.customers("amce"))
    with pytest.raises(ConfigError, match=r"; check the name$"):
        await write_export(service.kafka, service.prefix, hidden, tmp_path / "hidden", int(time.time() * 1000), ids)


def recomputed(row: dict[str, Any], value: bytes) -> str:
    """As the manifest says it."""
    import hashlib

    digest = hashlib.sha256()
    for part in (row["writer"], str(row["position"]), row["previous"], row["key"]):
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    digest.update(len(value).to_bytes(8, "big") + value)
    return digest.hexdigest()
