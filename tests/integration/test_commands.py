"""Commands against a broker: topics, policies, doctor."""

import asyncio
import json
import time

import pytest

from deid_stream import cli
from deid_stream.config import Settings
from deid_stream.kafka.connect import connect
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import TOPICS


@pytest.fixture(scope="module")
def servers():
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture
def run(servers, capsys, monkeypatch):
    monkeypatch.setenv("DEID_BOOTSTRAP_SERVERS", servers)
    monkeypatch.setenv("DEID_DIGEST_KEY", "00" * 32)

    def command(*arguments):
        status = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def test_topics_are_missed_created_and_then_right(run):
    prefix = ("--topic-prefix", "t1.")
    status, said, _ = run("topics", "check", *prefix)
    assert status == 1
    assert "t1.calls.audio: missing; run `deid-stream topics create`" in said
    assert run("doctor", *prefix)[0] == 1
    status, said, _ = run("topics", "create", *prefix, "--partitions", 2, "--json")
    assert status == 0
    assert len(json.loads(said)["created"]) == len(TOPICS)
    assert run("topics", "create", *prefix)[1].startswith("nothing to create: every topic is there;")
    assert run("topics", "check", *prefix)[:2] == (0, f"all {len(TOPICS)} topics are right\n")
    assert run("doctor", *prefix)[0] == 0


def test_a_policy_is_written_read_and_removed(run, tmp_path):
    prefix = ("--topic-prefix", "t2.")
    status, _, said = run("policy", "list", *prefix)
    assert status == 1
    assert "topics create" in said
    assert run("topics", "create", *prefix)[0] == 0
    assert "no policies" in run("policy", "list", *prefix)[1]

    file = tmp_path / "acme.json"
    file.write_text('{"customer_id": "acme", "version": 3, "audio": "tone"}')
    assert run("policy", "set", file, *prefix)[:2] == (0, "acme: version 3 is written\n")
    assert run("policy", "set", "--customer", "acme", "--opt-out", *prefix)[1] == "acme: version 4 is written\n"
    assert json.loads(run("policy", "get", "acme", *prefix)[1]) == {
        "customer_id": "acme",
        "version": 4,
        "audio": "tone",
        "training_opt_out": True,
    }
    assert run("policy", "list", *prefix)[1] == "acme  version 4  analytics, no training (opt_out)\n"

    status, _, said = run("policy", "set", file, *prefix)
    assert status == 1
    assert "version 4 is in force; version 3 would be stale" in said

    assert run("policy", "set", "--customer", "acme", "--remove", *prefix)[1] == "acme: removed\n"
    status, _, said = run("policy", "get", "acme", *prefix)
    assert status == 1
    assert "policy list" in said
    status, _, said = run("policy", "set", file, *prefix)
    assert status == 1
    assert "version 4 has been; version 3 would be stale" in said
    assert run("policy", "set", "--customer", "acme", "--no-opt-out", *prefix)[1] == "acme: version 5 is written\n"
    assert run("policy", "set", "--customer", "acme", "--no-opt-out", "--version", "5", *prefix)[0] == 0
    status, _, said = run("policy", "set", "--customer", "acme", "--opt-out", "--version", "5", *prefix)
    assert status == 1
    assert "needs a higher number" in said


def test_a_processor_is_told_what_of_a_policy_it_does_not_follow(run, tmp_path):
    prefix = ("--topic-prefix", "t2c.")
    assert run("topics", "create", *prefix)[0] == 0
    file = tmp_path / "acme.json"
    file.write_text('{"customer_id": "acme", "version": 1, "allow": ["Grace"], "retention_days": {"analytics": 900}}')
    assert run("policy", "set", file, *prefix)[0] == 0
    assert "not followed" not in run("policy", "list", *prefix)[1]
    said = run("policy", "list", "--processor", *prefix)[1]
    assert said.endswith("not followed, since they would widen: allow, retention_days.analytics\n")
    (row,) = json.loads(run("policy", "list", "--processor", "--json", *prefix)[1])
    assert row["not_followed"] == ["allow", "retention_days.analytics"]


async def test_policy_list_says_what_the_workers_do(servers, run):
    prefix = "t2b."
    assert (await asyncio.to_thread(run, "topics", "create", "--topic-prefix", prefix))[0] == 0
    now_ms = time.time_ns() // 1_000_000

    def record(customer, **fields):
        value = json.dumps({"customer_id": customer, "version": 1, **fields}).encode()
        return OutRecord(f"{prefix}customers.policies", customer.encode(), value, timestamp_ms=now_ms - 1_000)

    later = "2100-01-01T00:00:00Z"
    written = [
        record("fine", colour="red"),
        record("india", region="in"),
        record("later", effective_from=later),
        record("mistyped", training_optout=True),
        record("stale", version=5, analytics=False),
        record("stale", version=4),
        record("wrong")._replace(key=b"other"),
    ]
    async with connect(Settings(bootstrap_servers=servers), "test").sender() as sender:
        await sender.send(written)
    where = ("--topic-prefix", prefix)
    _, said, _ = await asyncio.to_thread(run, "policy", "list", "--region", "eu", *where)
    assert said.splitlines() == [
        "fine  version 1  analytics, training  1 unknown fields are ignored",
        "india  version 1  analytics, no training (region)",
        "later  version 1  analytics, no training (not_in_effect) until 2100-01-01T00:00:00.000Z",
        "mistyped  no readable version  analytics, no training (unreadable_policy)  a later record is unreadable: "
        "an unknown field; did you mean training_opt_out? The record counts as unreadable",
        "other  no readable version  analytics, no training (unreadable_policy)  a later record is unreadable: "
        "customer_id in the policy differs from the record key",
        "stale  version 5  no analytics, no training (stale_policy)  a later record is stale",
    ]
    _, said, _ = await asyncio.to_thread(run, "policy", "list", "--json", "--region", "in", *where)
    assert {row["customer_id"]: row["training"] for row in json.loads(said)} == {
        "fine": True,
        "india": True,
        "later": False,
        "mistyped": False,
        "other": False,
        "stale": False,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either a FILE or --customer"),
        (("--customer", "acme"), "one of --opt-out"),
        (("--customer", "acme", "--opt-out", "--remove"), "one of --opt-out"),
    ],
)
def test_policy_set_says_what_it_needs(run, arguments, says):
    status, _, said = run("policy", "set", *arguments)
    assert status == 1
    assert says in said


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ('{"customer_id": "acme"}', "version"),
        ('{"customer_id": "acme", "version": 1, "training_optout": true}', "did you mean training_opt_out"),
        ('{"customer_id": "acme", "version": 1, "colour": "red"}', "colour is no field of a policy"),
        ('{"customer_id": "acme", "version": 1, "audio": "jane"}', "audio"),
        ('{"customer_id": "acme", "version": 1, "entities": {"PERSON": "jane"}}', "entities.PERSON"),
        ("jane", "not a JSON object"),
    ],
)
def test_a_policy_that_cannot_be_applied_is_not_written(run, tmp_path, policy, says):
    file = tmp_path / "acme.json"
    file.write_text(policy)
    status, _, said = run("policy", "set", file)
    assert status == 1
    assert says in said
    assert "jane" not in said


@pytest.mark.parametrize(("ahead_s", "status", "says"), [(-60, 0, "s old"), (900, 1, "in the future")])
async def test_doctor_notices_a_clock_that_runs_ahead(servers, run, ahead_s, status, says):
    prefix = f"t3.{status}."
    assert (await asyncio.to_thread(run, "topics", "create", "--topic-prefix", prefix))[0] == 0
    kafka = connect(Settings(bootstrap_servers=servers), "test")
    now_ms = time.time_ns() // 1_000_000
    records = [
        OutRecord(f"{prefix}calls.events", b"call", b"{}", timestamp_ms=now_ms - 120_000),
        OutRecord(f"{prefix}calls.events", b"call", b"{}", timestamp_ms=now_ms + ahead_s * 1_000),
    ]
    async with kafka.sender() as sender:
        await sender.send(records)
    got, said, _ = await asyncio.to_thread(run, "doctor", "--topic-prefix", prefix)
    assert got == status
    assert says in said
