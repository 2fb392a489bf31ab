"""The commands of a privacy officer through a real broker and a control plane that is a process of its own."""

import asyncio
import json
import wave
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deid_stream.cli import cli
from deid_stream.kafka.record import OutRecord
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import reader_keys
from deid_stream.wire.partitions import partition_of
from tests.support.rights import SUBJECT, audited, call, comes_to, everywhere, published
from tests.support.rights import broker as broker
from tests.support.rights import service as service
from tests.support.service import KEY, Service


async def run(service: Service, *arguments: str) -> Any:
    settings = ("--bootstrap-servers", service.settings.bootstrap_servers, "--topic-prefix", service.prefix)
    return await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, *settings], standalone_mode=False)


async def test_the_commands_do_what_a_privacy_officer_needs(service: Service, tmp_path: Path) -> None:
    await published(service, call("a", 66, subject=SUBJECT), call("b", 67))
    who = ("--customer", "acme", "--verified-by", "desk-1", "--requested-by", "dpo")
    out = tmp_path / "held"
    exported = await run(service, "rights", "access", *who, "--call", "a", "--out", str(out), "--json")
    assert exported.return_value == 0, exported.output
    manifest = json.loads((out / "manifest.json").read_text())
    assert [one["call_id"] for one in manifest["calls"]] == ["a"]
    told = json.loads(exported.output)
    assert told["records"] == sum(manifest["records"].values()) - told["audit_lines"]
    assert told["audit_lines"] == manifest["records"]["audit.jsonl"]
    assert {json.loads(line)["call_id"] for line in (out / "transcripts.jsonl").read_text().splitlines()} == {"a"}
    with wave.open(str(out / manifest["calls"][0]["sound"])) as sound:
        assert sound.getnframes() > 8_000
    assert {path.stat().st_mode & 0o077 for path in (out, *out.iterdir())} == {0}
    again = await run(service, "rights", "access", *who, "--call", "b", "--out", str(out))
    assert "is not empty; give a new folder" in str(again.exception)
    answered = ("--call", "a", "--request-id", manifest["request"]["request_id"], "--out", str(tmp_path / "again"))
    again = await run(service, "rights", "access", *who, *answered)
    assert "was exported before, so nothing was written" in str(again.exception)
    assert not (tmp_path / "again").exists()
    dry = await run(service, "rights", "delete", *who, "--call", "a", "--raw")
    assert "nothing was deleted" in dry.output
    await comes_to(service, everywhere("a", "b"))
    deleted = await run(service, "rights", "delete", *who, "--call", "a", "--request-id", "d-1", "--json")
    assert (deleted.return_value, json.loads(deleted.output)["state"]) == (0, "done")
    shown = json.loads((await run(service, "rights", "status", "--json")).output)
    assert [(one["kind"], one["state"]) for one in shown] == [
        ("access", "done"),
        ("fulfilled", "done"),
        ("deletion", "done"),
    ]
    refused = await run(service, "rights", "delete", "--customer", "acme")
    assert refused.return_value == 1
    assert "not_verified" in refused.output
    assert "--verified-by" in refused.output
    nothing = await run(service, "rights", "delete", *who, "--call", "nobody-knows-it")
    assert "done" in nothing.output
    assert "0 records of 0 calls" in nothing.output
    assert "nothing is known of call nobody-knows-it" in nothing.output
    strangers = await run(service, "rights", "hold", "--customer", "acne", "--request-id", "h-1")
    assert (strangers.return_value, "is acme meant?" in strangers.output) == (0, True)
    assert "h-1: hold in_force" in (await run(service, "rights", "status", "--customer", "acne")).output
    assert "is acne meant?" in (await run(service, "rights", "status", "--customer", "acna")).output
    await run(service, "rights", "release", "h-1", "--customer", "acne")
    assert "fulfilled" not in (await run(service, "rights", "status")).output
    later = json.loads((await run(service, "rights", "retention", "--dry-run", "--days", "100", "--json")).output)
    assert [(row["purpose"], row["reason"], row["calls"]) for row in later] == [("analytics", "retention", 1)]
    await run(service, "rights", "hold", "--customer", "acme", "--requested-by", "dpo", "--request-id", "h-2")
    held = json.loads((await run(service, "rights", "retention", "--dry-run", "--days", "100", "--json")).output)
    assert [(row["purpose"], row["reason"], row["calls"]) for row in held] == [("analytics", "kept", 1)]
    await run(service, "rights", "withdraw", *who, "--request-id", "w-1")
    released = await run(service, "rights", "release", "w-1", "--customer", "acme")
    assert "the policy that w-1 wrote still stands: no training;" in released.output
    await run(service, "rights", "release", "h-2", "--customer", "acme")
    assert "in_force" in (await run(service, "rights", "object", *who, "--call", "b")).output
    await comes_to(service, {"analytics": set(), "training": set(), "summary": {"b"}})
    bare = await run(service, "rights", "access", *who, "--call", "b", "--out", str(tmp_path / "bare"))
    assert "1 call, 1 record and " in bare.output  # the summary
    manifest = json.loads((tmp_path / "bare" / "manifest.json").read_text())
    assert [(one["sound"], one["audio_records"]) for one in manifest["calls"]] == [(None, 0)]
    assert not list((tmp_path / "bare").glob("*.wav"))


async def test_a_broker_that_cannot_delete_raw_records_is_named(service: Service, broker: tuple[str, bool]) -> None:
    if broker[1]:
        pytest.skip("Apache Kafka can")
    await service.control()
    await service.put(OutRecord(service.prefix + "calls.events", b"a", b"{}"))
    who = ("--customer", "acme", "--verified-by", "desk-1", "--call", "a")
    forced = await run(service, "rights", "delete", *who, "--raw", "--yes")
    assert "the embedded one cannot" in str(forced.exception)
    assert "deletion done" in (await run(service, "rights", "status")).output


async def test_encrypted_outputs_are_exported_in_clear_to_who_may_read_them(service: Service, tmp_path: Path) -> None:
    await service.control()
    await service.policy("acme", version=1)
    await service.work(encrypt_outputs=True)
    await service.send(call("a", 73))
    await service.closed(1)
    who = ("--customer", "acme", "--verified-by", "desk-1", "--call", "a")
    asked = ("--request-id", "a-1")
    refused = await run(service, "rights", "access", *who, *asked, "--out", str(tmp_path / "no"))
    assert "DEID_READ_KEY" in str(refused.exception), refused.output
    assert "a-1 stays open" in str(refused.exception)
    key = tmp_path / "key"
    key.write_text(" ".join(one.hex() for one in reader_keys(KeyRing(KEY))))
    key.chmod(0o600)
    out = tmp_path / "held"
    exported = await run(service, "rights", "access", *who, *asked, "--out", str(out), "--read-key-file", str(key))
    assert exported.return_value == 0, exported.output
    assert {json.loads(line)["call_id"] for line in (out / "transcripts.jsonl").read_text().splitlines()} == {"a"}
    with wave.open(str(out / "call-0.wav")) as sound:
        assert sound.getnframes() > 8_000


async def test_where_ids_are_hidden_a_customers_own_id_finds_its_requests(service: Service, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    await service.control(hash_ids=True)
    held = await run(service, "rights", "hold", "--customer", "acme", "--request-id", "h-1", "--requested-by", "dpo")
    assert "nothing is known of customer acme" in held.output
    without = await run(service, "rights", "status", "--customer", "acme")
    assert (without.return_value, "h-1" in without.output, "--hash-ids" in without.output) == (0, False, True)
    ids = ("--hash-ids", "--digest-key-file", str(key))
    assert "h-1: hold in_force" in (await run(service, "rights", "status", "--customer", "acme", *ids)).output
    others = await run(service, "rights", "status", "--customer", "acne", *ids)
    assert "no request of customer acne is known\n" in others.output, "no pseudonym is offered as its nearest name"


async def test_an_id_that_is_another_requests_is_not_taken_for_done(service: Service) -> None:
    await published(service, call("a", 71), call("b", 72))
    who = ("--customer", "acme", "--verified-by", "desk-1", "--request-id", "r-1")
    assert (await run(service, "rights", "delete", *who, "--call", "a")).return_value == 0
    again = await run(service, "rights", "delete", *who, "--call", "a")
    assert (again.return_value, again.output.count("deletion done")) == (0, 1)
    for other in (("delete", "--call", "b"), ("withdraw",), ("delete",)):
        refused = await run(service, "rights", other[0], *who, *other[1:])
        assert "another request's id" in str(refused.exception), refused.output
    empty = await run(service, "rights", "delete", "--customer", "acme", "--verified-by", "desk-1", "--call", "")
    assert "leave it out" in str(empty.exception), empty.output
    await comes_to(service, everywhere("b"))
    letters = [json.loads(record.value)["path"] for record in await service.read(service.names.dead_letters)]
    assert letters == ["$.request_id"] * 3
    proof = await run(service, "audit", "verify", "--json")
    shown = json.loads(proof.output)
    assert (proof.return_value, shown["withdrawn_calls"], shown["audit"]["unchained"]) == (0, 1, 0)


async def test_what_is_done_to_a_customers_keys_is_in_the_audit_and_a_hold_keeps_them(
    service: Service, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    await service.control()
    await service.policy("acme", version=1)
    await service.work(encrypt_outputs=True)
    await service.send(call("a", 74))
    await service.closed(1)

    async def keys(*arguments: str) -> Any:
        return await run(service, "keys", *arguments, "--digest-key-file", str(key))

    assert "is acme meant?" in str((await keys("rotate", "--customer", "acne")).exception)
    assert "new key" in (await keys("rotate", "--customer", "acme")).output
    assert "keys wrapped anew for 0 of 1 customer" in (await keys("rotate")).output
    who = ("--customer", "acme", "--verified-by", "desk-1", "--requested-by", "dpo")
    await run(service, "rights", "hold", *who, "--call", "a", "--request-id", "case-7")
    kept = await keys("destroy", "--customer", "acme", "--yes")
    assert "legal hold (case-7)" in str(kept.exception)
    await run(service, "rights", "release", "case-7", "--customer", "acme", "--requested-by", "dpo")
    destroyed = await keys("destroy", "--customer", "acme", "--yes")
    assert "2 keys destroyed" in destroyed.output, destroyed.exception
    lines = [json.loads(record.value) for record in await service.read(service.names.audit)]
    said = [(one["customer_id"], one["reason"], one["counts"]) for one in lines if one["action"] == "keys"]
    assert said == [
        ("acme", "rotated", {"keys": 1}),
        ("", "wrapped_anew", {"customers": 0}),
        ("acme", "destroyed", {"keys": 2}),
    ]
    verified = json.loads((await run(service, "audit", "verify", "--json")).output)["audit"]
    assert (verified["breaks"], verified["unchained"]) == ([], 0)
    # the key of a call that comes later ends with the customer's deletion
    await service.send(call("b", 75))
    await service.closed(2)
    deleted = await run(service, "rights", "delete", *who)
    assert "1 key destroyed" in deleted.output, deleted.output
    await comes_to(service, everywhere())
    listed = json.loads((await keys("list", "--json")).output)["customers"]
    assert [(len(one["keys"]), len(one["destroyed"])) for one in listed] == [(1, 3)]


async def test_raw_records_go_up_to_the_calls_last_with_what_lies_before_and_nothing_behind(
    service: Service, broker: tuple[str, bool]
) -> None:
    if not broker[1]:
        pytest.skip("the embedded broker cannot delete records")
    before, behind = [name for name in map("n{}".format, range(50)) if same_partition(name, "a")][:2]
    await published(service, call(before, 76, turns=1))
    await service.send(call("a", 77, turns=1))
    await service.send(call(behind, 78, turns=1))
    await service.closed(3)
    raw = (service.names.events, service.names.transcripts, service.names.audio)

    async def there() -> list[set[str]]:
        return [{(record.key or b"").decode() for record in await service.read(topic)} for topic in raw]

    assert await there() == [{before, "a", behind}] * 3
    who = ("--customer", "acme", "--verified-by", "desk-1", "--call", "a", "--raw")
    shown = await run(service, "rights", "delete", *who)
    assert f"with it go records of 1 other call: {before}" in shown.output
    assert shown.output.count("below offset") == 3
    assert await there() == [{before, "a", behind}] * 3, "only shown"
    done = await run(service, "rights", "delete", *who, "--yes")
    assert (done.return_value, "raw records deleted" in done.output) == (0, True), done.output
    assert await there() == [{behind}] * 3
    (line,) = [line for line in await audited(service, "deleted") if line["reason"] == "raw"]
    assert (line["call_id"], line["customer_id"], line["counts"]["other_calls"]) == ("a", "acme", 1)
    assert 0 < line["counts"]["asked_for"] < line["counts"]["records"]
    assert f"{line['counts']['records']} raw records deleted" in done.output
    await comes_to(service, everywhere(before, behind))
    again = await run(service, "rights", "delete", *who, "--yes")
    assert "the raw topics hold no record of it" in again.output
    assert len([line for line in await audited(service, "deleted") if line["reason"] == "raw"]) == 1


def same_partition(one: str, other: str) -> bool:
    return partition_of(one.encode(), 2) == partition_of(other.encode(), 2)
