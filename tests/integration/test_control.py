"""People's rights through a real broker: the control plane is a process of its own, and is killed half-way."""

import asyncio
import json
import time
import urllib.request
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from deid_stream.cli import cli
from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import reader_keys
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.wire.chain import PartitionCheck
from tests.support.calls import MadeCall, Record, make_call
from tests.support.kafka import KafkaCluster
from tests.support.service import KEY, Service

SETTLE_S = 40.0
DAY_MS = 86_400_000


@pytest.fixture(scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    if request.param == "embedded":
        with EmbeddedBroker() as embedded:
            yield embedded.bootstrap_servers, False
    else:
        with KafkaCluster() as cluster:
            yield cluster.bootstrap, True


@pytest.fixture
async def service(broker: tuple[str, bool]) -> AsyncIterator[Service]:
    bootstrap, exactly_once = broker
    async with Service(Settings(bootstrap_servers=bootstrap), exactly_once=exactly_once) as running:
        yield running


def call(name: str, seed: int, *, ago_ms: int = 60_000, subject: str = "", turns: int = 3) -> MadeCall:
    made = make_call(name, "acme", seed, int(time.time() * 1000) - ago_ms, turns=turns)
    if subject:
        start = made.records[0]
        value = json.dumps(json.loads(start.value) | {"subject": subject}).encode()
        made.records[0] = Record(start.kind, start.key, value, start.headers, start.time_ms)
    return made


async def held(service: Service) -> dict[str, set[str]]:
    """Calls of which a record is readable, by what the topic is for."""
    names = service.names
    topics = {
        "analytics": (names.analytics_audio, names.analytics_transcripts),
        "training": (names.training_audio, names.training_transcripts),
        "summary": (names.calls,),
    }
    found: dict[str, set[str]] = {}
    for purpose, own in topics.items():
        latest: dict[Any, Any] = {}
        for topic in own:
            latest |= {(topic, record.key): record.value for record in await service.read(topic)}
        found[purpose] = {key.decode().split("/")[0] for (_, key), value in latest.items() if value is not None}
    return found


def everywhere(*calls: str) -> dict[str, set[str]]:
    return {purpose: set(calls) for purpose in ("analytics", "training", "summary")}


async def comes_to(service: Service, expected: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {}
    try:
        async with asyncio.timeout(SETTLE_S):
            while (found := await held(service)) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"{found} is not {expected}") from None


async def tombstones(service: Service) -> int:
    topics = (service.names.analytics_audio, service.names.training_audio)
    read = [await service.read(topic) for topic in topics]
    return sum(record.value is None for records in read for record in records)


async def ask(service: Service, kind: str, **fields: str) -> str:
    request = {"kind": kind, "customer_id": "acme", "verified_by": "desk-1", "requested_by": "dpo"} | fields
    request.setdefault("request_id", f"r-{kind}")
    topic = service.prefix + "privacy.requests"
    await service.put(OutRecord(topic, b"acme", json.dumps(request).encode()))
    return request["request_id"]


async def status(service: Service, request_id: str) -> dict[str, Any]:
    latest = {record.key: record.value for record in await service.read(service.prefix + "privacy.status")}
    value = latest.get(request_id.encode())
    return json.loads(value) if value else {}


async def becomes(service: Service, request_id: str, state: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(SETTLE_S):
            while (found := await status(service, request_id)).get("state") != state:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"{request_id} is {found}, not {state}") from None
    return found


async def audited(service: Service, action: str) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(record.value) for record in await service.read(service.names.audit)]
    return [line for line in lines if line["action"] == action]


async def killed_half_way(service: Service, control: Any) -> None:
    """As soon as the first tombstone is there; then another one goes on."""
    async with asyncio.timeout(SETTLE_S):
        while not await tombstones(service):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    service.kill_control(control)
    await service.control()


async def published(service: Service, *calls: MadeCall, **policy: Any) -> Any:
    """A control plane and a worker that have worked on these calls."""
    control = await service.control()
    await service.policy("acme", version=1, **policy)
    await service.work()
    await service.send(*calls)
    await service.closed(len(calls))
    return control


SUBJECT = "+44 7700 900123"


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        pytest.param({}, set(), id="customer"),
        pytest.param({"call_id": "a"}, {"b", "c"}, id="call"),
        pytest.param({"subject": "0044 (7700) 900-123"}, {"c"}, id="subject"),
        pytest.param(
            {"subject": IdPseudonyms(KeyRing(KEY)).subject("acme", SUBJECT)}, {"c"}, id="subject by pseudonym"
        ),
    ],
)
async def test_a_deletion_leaves_nothing_of_its_scope_although_the_control_plane_is_killed_half_way(
    service: Service, scope: dict[str, str], left: set[str]
) -> None:
    calls = [call("a", 51, subject=SUBJECT), call("b", 52, subject=SUBJECT), call("c", 53)]
    control = await published(service, *calls)
    await comes_to(service, everywhere("a", "b", "c"))
    asked = await ask(service, "deletion", **scope)
    await killed_half_way(service, control)
    done = await becomes(service, asked, "done")
    await comes_to(service, everywhere(*left))
    gone = {"a", "b", "c"} - left
    assert {line["call_id"] for line in await audited(service, "deleted")} == gone
    assert done["due_ms"] - done["asked_ms"] == 30 * DAY_MS
    assert [line["reason"] for line in await audited(service, "requested")][-1] == "deletion_done"
    before = len(await audited(service, "deleted"))
    await ask(service, "deletion", **scope)
    marker = await ask(service, "access", request_id="r-after")
    await becomes(service, marker, "granted")
    assert len(await audited(service, "deleted")) == before, "asked twice, done once"


async def test_a_call_that_goes_on_while_it_is_deleted_leaves_nothing(service: Service) -> None:
    made, other = call("live", 54, turns=8), call("other", 55)
    control = await service.control()
    await service.policy("acme", version=1)
    worker = await service.work()
    middle = len(made.records) // 2
    await service.send(made.records[:middle])
    async with asyncio.timeout(SETTLE_S):
        while "live" not in (await held(service))["analytics"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    asked = await ask(service, "deletion", call_id="live")
    await killed_half_way(service, control)
    await service.send(made.records[middle:], other)
    await service.closed(2)
    await becomes(service, asked, "done")
    await comes_to(service, everywhere("other"))
    assert worker.ready


async def test_a_hold_keeps_a_deletion_waiting_and_is_seen_with_who_and_when(service: Service) -> None:
    control = await published(service, call("a", 56))
    hold = await ask(service, "hold", call_id="a", requested_by="legal-2")
    in_force = await becomes(service, hold, "in_force")
    asked = await ask(service, "deletion")
    await becomes(service, asked, "held")
    service.kill_control(control)
    control = await service.control()
    await comes_to(service, everywhere("a"))
    assert (in_force["requested_by"], in_force["call_id"]) == ("legal-2", "a")
    assert abs(in_force["asked_ms"] - time.time() * 1000) < 120_000
    release = await ask(service, "release", target=hold, requested_by="legal-3")
    await killed_half_way(service, control)
    await becomes(service, asked, "done")
    assert (await status(service, release))["state"] == "done"
    assert (await status(service, hold))["released_by"] == "legal-3"
    await comes_to(service, everywhere())


async def test_what_a_person_withdraws_goes_from_training_their_later_calls_too(service: Service) -> None:
    control = await published(service, call("a", 57, subject=SUBJECT), call("b", 58))
    asked = await ask(service, "withdrawal", subject=SUBJECT)
    await killed_half_way(service, control)
    await becomes(service, asked, "in_force")
    await comes_to(service, everywhere("a", "b") | {"training": {"b"}})
    await service.send(call("later", 59, subject=SUBJECT, ago_ms=30_000))
    await service.closed(3)
    await comes_to(service, everywhere("a", "b", "later") | {"training": {"b"}})


@pytest.mark.parametrize(
    ("kind", "kept", "later", "policy"),
    [
        ("withdrawal", True, True, {"training_opt_out": True}),
        ("objection", False, False, {"training_opt_out": True, "analytics": False}),
        ("restriction", True, False, {"training_opt_out": True, "analytics": False}),
    ],
)
async def test_what_a_whole_customer_asks_for_stands_in_its_policy(
    service: Service, kind: str, kept: bool, later: bool, policy: dict[str, Any]
) -> None:
    control = await published(service, call("a", 60), interims="masked")
    await ask(service, kind)
    await killed_half_way(service, control)
    await comes_to(service, {"analytics": {"a"} if kept else set(), "training": set(), "summary": {"a"}})
    written = json.loads((await service.read(service.names.policies))[-1].value)
    assert written == {"customer_id": "acme", "version": 2, "interims": "masked"} | policy
    await service.send(call("later", 61, ago_ms=1_000))
    async with asyncio.timeout(SETTLE_S):
        while not [line for line in await audited(service, "closed") if line["call_id"] == "later"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    analytics = ({"a"} if kept else set()) | ({"later"} if later else set())
    await comes_to(service, {"analytics": analytics, "training": set(), "summary": {"a", "later"} if later else {"a"}})


async def test_what_has_expired_is_gone_within_a_minute_and_what_is_held_is_not(service: Service) -> None:
    """Two days old, kept for one day in analytics and for longer in training; one of the two is held."""
    old = [call("old", 62, ago_ms=2 * DAY_MS), call("kept", 63, ago_ms=2 * DAY_MS)]
    control = await service.control()
    await service.policy("acme", version=1, retention_days={"analytics": 30, "training": 40})
    await service.work()
    await service.send(*old, call("new", 64))
    await service.closed(3)
    hold = await ask(service, "hold", call_id="kept")
    await becomes(service, hold, "in_force")
    service.kill_control(control)
    now_ms = int(time.time() * 1000)
    await service.policy("acme", version=2, retention_days={"analytics": 1, "training": 40}, at_ms=now_ms)
    asked_s = time.monotonic()
    control = await service.control()
    left = {"old", "kept", "new"}
    await comes_to(service, {"analytics": {"kept", "new"}, "training": left, "summary": left})
    assert time.monotonic() - asked_s < 60
    assert {(line["call_id"], line["reason"]) for line in await audited(service, "expired")} == {("old", "retention")}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "deletion", "verified_by": ""}, "not_verified"),
        ({"kind": "hold", "requested_by": ""}, "not_named"),
        ({"kind": "release", "target": "nothing"}, "unknown_target"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    service: Service, fields: dict[str, str], reason: str
) -> None:
    await published(service, call("a", 65))
    asked = await ask(service, **fields)
    refused = await becomes(service, asked, "refused")
    assert refused["reason"] == reason
    await comes_to(service, everywhere("a"))
    assert [line["reason"] for line in await audited(service, "requested")] == [f"{fields['kind']}_refused"]


@pytest.mark.parametrize(("answer", "state"), [(0, "done"), (3, "refused")])
async def test_the_deployments_own_program_checks_who_asks(
    service: Service, tmp_path: Path, answer: int, state: str
) -> None:
    hook = tmp_path / "check"
    hook.write_text(f'#!/bin/sh\ngrep -q \'"request_id":"r-deletion"\' && exit {answer}\nexit 9\n')
    hook.chmod(0o700)
    await service.control(identity_check=str(hook))
    asked = await ask(service, "deletion", verified_by="")
    await becomes(service, asked, state)


async def test_what_is_no_request_is_a_dead_letter_and_the_next_one_is_worked_on(service: Service) -> None:
    await service.control()
    topic = service.prefix + "privacy.requests"
    await service.put(OutRecord(topic, b"acme", b'{"kind":"forget ann lee","customer_id":"acme"}'))
    await becomes(service, await ask(service, "access"), "granted")
    letters = [record.value for record in await service.read(service.names.dead_letters)]
    assert [json.loads(value)["path"] for value in letters] == ["$.kind"]
    assert b"ann lee" not in b"".join(letters)


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
    assert {json.loads(line)["call_id"] for line in (out / "transcripts.jsonl").read_text().splitlines()} == {"a"}
    with wave.open(str(out / manifest["calls"][0]["sound"])) as sound:
        assert sound.getnframes() > 8_000
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
    assert "fulfilled" not in (await run(service, "rights", "status")).output
    later = json.loads((await run(service, "rights", "retention", "--dry-run", "--days", "100", "--json")).output)
    assert [(row["purpose"], row["reason"], row["calls"]) for row in later] == [("analytics", "retention", 1)]
    await run(service, "rights", "hold", "--customer", "acme", "--requested-by", "dpo")
    held = json.loads((await run(service, "rights", "retention", "--dry-run", "--days", "100", "--json")).output)
    assert [(row["purpose"], row["reason"], row["calls"]) for row in held] == [("analytics", "kept", 1)]


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
    refused = await run(service, "rights", "access", *who, "--out", str(tmp_path / "no"))
    assert "DEID_READ_KEY" in str(refused.exception), refused.output
    key = tmp_path / "key"
    key.write_text(" ".join(one.hex() for one in reader_keys(KeyRing(KEY))))
    key.chmod(0o600)
    out = tmp_path / "held"
    exported = await run(service, "rights", "access", *who, "--out", str(out), "--read-key-file", str(key))
    assert exported.return_value == 0, exported.output
    assert {json.loads(line)["call_id"] for line in (out / "transcripts.jsonl").read_text().splitlines()} == {"a"}
    with wave.open(str(out / "call-0.wav")) as sound:
        assert sound.getnframes() > 8_000


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


async def test_an_opt_out_is_measured_and_the_audit_is_one_chain_across_a_kill(service: Service) -> None:
    control = await published(service, call("a", 68), call("b", 69))
    await service.policy("acme", version=2, training_opt_out=True)
    await killed_half_way(service, control)
    await comes_to(service, everywhere("a", "b") | {"training": set()})
    checks: dict[int, PartitionCheck] = {}
    for record in await service.read(service.names.audit):
        check = checks.setdefault(record.partition, PartitionCheck(expired=False))
        check.take(record.offset, record.key, record.value, record.headers)
    assert not [found for check in checks.values() for found in check.breaks]
    assert "control" in {report.writer for check in checks.values() for report in check.reports()}


async def test_the_numbers_say_what_was_done(service: Service) -> None:
    await published(service, call("a", 70))
    await service.policy("acme", version=2, training_opt_out=True)
    await comes_to(service, everywhere("a") | {"training": set()})

    def numbers() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.control_ports[-1]}/metrics", timeout=5) as answer:
            return answer.read().decode()

    async with asyncio.timeout(SETTLE_S):
        while "deid_retraction_seconds_count 1.0" not in (shown := await asyncio.to_thread(numbers)):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert 'deid_taken_back_total{reason="opt_out"} 0.0' not in shown
    for line in ("deid_index_calls 1.0", "deid_requests_open 0.0", "deid_requests_overdue 0.0"):
        assert line in shown


async def test_a_window_is_published_with_small_cells_hidden_once_and_not_again_after_a_kill(service: Service) -> None:
    """Twelve calls of one customer and one of another, counted by a control plane and published by the next one."""
    control = await service.control(aggregates_window_ms=60_000)
    for customer in ("acme", "small"):
        await service.policy(customer, version=1)
    await service.work()
    now_ms = int(time.time() * 1000) - 60_000
    calls = [make_call(f"w{n}", "acme" if n < 12 else "small", 80 + n, now_ms, turns=1) for n in range(13)]
    await service.send(*calls)
    await service.closed(13)
    async with asyncio.timeout(SETTLE_S):
        while await service.number("deid_index_calls") < 13:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    service.kill_control(control)
    control = await service.control(aggregates_window_ms=60_000)

    async def rows() -> list[tuple[str, Any]]:
        records = await service.read(service.prefix + "deid.aggregates")
        return [(record.key.decode().split("/")[0], json.loads(record.value)) for record in records]

    async with asyncio.timeout(60 + SETTLE_S):
        while len(found := await rows()) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    told = {name: row["calls"] for name, row in found}
    assert told.keys() == {"acme", "small", "*"}
    assert told["small"] is None, "one call"
    assert None in (told["acme"], told["*"]), "or it could be worked out"
    service.kill_control(control)
    await service.control(aggregates_window_ms=60_000)
    await becomes(service, await ask(service, "access"), "granted")
    assert await rows() == found
