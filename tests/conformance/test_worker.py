"""What the worker promises, on either broker."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deid_stream.errors import TopicError
from deid_stream.kafka.record import Place
from deid_stream.policy.permit import decode_permit
from tests.support.calls import MadeCall, Record, make_call
from tests.support.service import SETTLE_S, Service, until


def call(name: str, customer: str, seed: int = 1, **options: Any) -> MadeCall:
    """A call that took place a minute ago, so that nothing has to be waited for."""
    return make_call(name, customer, seed, int(time.time() * 1000) - 60_000, **options)


async def until_async(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    async with asyncio.timeout(SETTLE_S):
        while await look() != wanted:  # noqa: ASYNC110 - the state of a broker
            await asyncio.sleep(0.2)


async def matches_oracle(service: Service, *calls: MadeCall) -> None:
    """Every expected record is there with its bytes and headers, nothing else is; once each where that is promised."""
    by_topic = defaultdict(dict)
    for record in service.expected(*calls):
        if record.topic != service.names.audit:
            by_topic[record.topic][record.key] = (record.value, record.headers)
    names = service.names
    for topic in (
        names.analytics_transcripts,
        names.analytics_audio,
        names.training_transcripts,
        names.training_audio,
        names.calls,
    ):
        found = await service.read(topic)
        got = {r.key: (r.value, tuple(r.headers)) for r in found}
        want = by_topic[topic]
        assert sorted(got) == sorted(want), topic
        assert [key for key in want if got[key] != want[key]] == [], topic
        if service.exactly_once:
            assert max(Counter(r.key for r in found).values(), default=1) == 1
        else:
            assert len({(r.key, r.value) for r in found}) == len({r.key for r in found})


async def test_calls_come_out_as_the_pure_session_says(service: Service) -> None:
    await service.policy("permits")
    await service.policy("opted-out", training_opt_out=True)
    await service.policy("transcripts-only-by-us", analytics=False)
    await service.work()
    calls = [
        call("a", "permits", 1),
        call("b", "opted-out", 2),
        call("c", "nobody-knows", 3),
        call("d", "permits", 4),
        call("e", "transcripts-only-by-us", 5),
    ]
    await service.send(*calls)
    await service.closed(4)
    await until(lambda: service.workers[0][0].metrics.live_calls.values[""] == 0)
    await matches_oracle(service, *calls)
    trained = {r.key.split(b"/")[0] for r in await service.read(service.names.training_audio)}
    assert trained == {b"a", b"d", b"e"}
    for record in await service.read(service.names.training_audio):
        permit = decode_permit(dict(record.headers)["ce_permit"])
        standing = service.policies.standing(permit.customer_id)
        assert (permit.policy_version, permit.position) == ("1", str(standing.position))
        assert not permit.partial


async def test_a_call_keeps_its_partition_and_its_order(service: Service) -> None:
    await service.work()
    made = call("ordered", "someone", 6)
    await service.send(made)
    await service.closed(1)
    (source,) = {r.partition for r in await service.read(service.names.audio)}
    out = await service.read(service.names.analytics_audio)
    assert {r.partition for r in out} == {source}
    for channel in (b"0", b"1"):
        sequence = [int(dict(r.headers)["ce_seq"]) for r in out if dict(r.headers)["ce_channel"] == channel]
        assert sequence == sorted(sequence)
        assert len(sequence) == made.chunks // 2


async def test_no_secret_is_in_any_topic(service: Service) -> None:
    await service.policy("someone")
    await service.work()
    calls = [call(f"secret-{seed}", "someone", seed, turns=6) for seed in range(4)]
    await service.send(*calls)
    await service.closed(4)
    secrets = [secret.encode() for made in calls for secret in made.secrets if len(secret) > 20]
    assert secrets
    names = service.names
    for topic in (
        names.analytics_transcripts,
        names.training_transcripts,
        names.calls,
        names.audit,
        names.dead_letters,
        names.checkpoints,
    ):
        for record in await service.read(topic):
            assert not any(secret in (record.value or b"") for secret in secrets), topic


POISON = {
    "undecodable": ("transcripts", b"{not json", [("ce_type", b"call.transcript.v1")]),
    "unknown_type": ("events", b"{}", [("ce_type", b"call.moved.v9")]),
    "oversized": ("transcripts", b'"' + b"x" * 200_000 + b'"', [("ce_type", b"call.transcript.v1")]),
    "no_customer": ("events", b'{"call_id":"p"}', [("ce_type", b"call.started.v1")]),
    "audio_format": (
        "audio",
        b"\xff" * 160,
        [
            ("ce_type", b"call.audio.v1"),
            ("ce_customerid", b"someone"),
            ("ce_channel", b"0"),
            ("ce_seq", b"0"),
            ("ce_offsetms", b"0"),
            ("content-type", b"audio/mystery"),
        ],
    ),
}


async def test_poison_goes_to_the_dead_letters_and_work_goes_on(service: Service) -> None:
    await service.work(max_transcript_bytes=100_000)
    now_ms = int(time.time() * 1000) - 61_000
    await service.send(
        [Record(kind, b"p", value, headers, now_ms) for kind, value, headers in POISON.values()],
        call("healthy", "someone", 9),
    )
    await service.closed(1)
    letters = await service.read(service.names.dead_letters)
    found = [msgspec.json.decode(letter.value) for letter in letters]
    assert Counter(letter["error"] for letter in found) == Counter(POISON.keys())
    for letter in found:
        assert letter["value_bytes"] == len(POISON[letter["error"]][1])
        assert letter["path"] in ("$", "value", "ce_type", "ce_customerid", "content-type")
        assert set(letter) - {"mend"} == {
            "error",
            "path",
            "source_topic",
            "source_partition",
            "source_offset",
            "timestamp_ms",
            "key_bytes",
            "value_bytes",
        }


async def test_a_record_of_another_customer_does_not_enter_the_call(service: Service) -> None:
    await service.policy("mine")
    worker = await service.work()
    made = call("claimed", "mine", 10)
    stolen = make_call("claimed", "theirs", 10, made.records[0].time_ms + 1).records[1:3]
    await service.send(made, stolen)
    await service.closed(1)
    await matches_oracle(service, made)
    assert worker.metrics.customer_conflicts.values[""] == len(stolen)
    lines = [msgspec.json.decode(r.value) for r in await service.read(service.names.audit)]
    assert [line["reason"] for line in lines].count("customer_conflict") == 1
    # what is read before call.started says whose the call is (the topics come as they come) is held apart and counted;
    # what is read after it is a dead letter as well
    letters = [msgspec.json.decode(r.value)["error"] for r in await service.read(service.names.dead_letters)]
    assert letters == ["customer_mismatch"] * len(letters)
    assert len(letters) <= len(stolen)


async def test_stragglers_of_a_closed_call_are_counted_drops(service: Service) -> None:
    worker = await service.work()
    made = call("done", "someone", 11)
    await service.send(made)
    await service.closed(1)
    late = [r for r in made.records if r.kind == "audio"][:3]
    await service.send(late)
    await until(lambda: worker.metrics.dropped.values.get("closed_call", 0) == 3)
    await matches_oracle(service, made)


@pytest.mark.parametrize("cut", [0.3, 0.7])
async def test_a_stop_in_the_middle_of_calls_is_not_heard(service: Service, cut: float) -> None:
    await service.policy("someone")
    calls = [call(f"cut-{seed}", "someone", seed) for seed in range(12, 16)]
    records = sorted((r for made in calls for r in made.records), key=lambda r: r.time_ms)
    border = int(len(records) * cut)
    first = await service.work()
    await service.send(records[:border])
    await until(lambda: sum(first.metrics.records_in.values.values()) == border)
    await service.stop(first)
    await service.work()
    await service.send(records[border:])
    await service.closed(len(calls))
    await matches_oracle(service, *calls)


async def test_a_worker_on_its_way_out_takes_no_partition_over(service: Service) -> None:
    worker = await service.work()
    pump = worker._pump
    assert pump is not None
    await service.stop(worker)
    await pump.assigned([Place(service.names.audio, 0)])
    assert not pump._owners


@pytest.mark.usefixtures("over_the_network")
async def test_committed_offsets_stay_behind_what_is_still_needed(service: Service) -> None:
    worker = await service.work()
    made = call("held", "someone", 17)
    border = next(i for i, r in enumerate(made.records) if r.kind == "transcripts")
    await service.send(made.records[:border])
    await until(lambda: sum(worker.metrics.records_in.values.values()) == border)
    await service.stop(worker)
    (place,) = {TopicPartition(r.topic, r.partition) for r in await service.read(service.names.audio)}
    released = await service.read(service.names.analytics_audio)
    consumer = AIOKafkaConsumer(**service.options, group_id=service.settings.group_id)
    await consumer.start()
    committed = await consumer.committed(place)
    await consumer.stop()
    assert committed is not None
    assert committed <= len(released)
    assert len(released) < sum(r.kind == "audio" for r in made.records[:border])


async def test_two_workers_share_the_partitions(service: Service) -> None:
    first = await service.work()
    second = await service.work()
    await until(lambda: first.ready and second.ready)
    assigned = [worker.metrics.assigned_partitions for worker in (first, second)]
    await until(lambda: [gauge.values[""] for gauge in assigned] == [1, 1])
    calls = [call(f"shared-{seed}", "someone", seed) for seed in range(20, 26)]
    await service.send(*calls)
    await service.closed(len(calls))
    await matches_oracle(service, *calls)


@pytest.mark.usefixtures("over_the_network")
async def test_an_opt_out_stops_training_and_takes_back_what_was_published(service: Service) -> None:
    await service.control()
    await service.policy("leaves", version=1)
    await service.policy("stays", version=1)
    await service.work()
    before = [call("before", "leaves", 30), call("other", "stays", 31)]
    await service.send(*before)
    await service.closed(2)
    names = service.names
    assert {r.key.split(b"/")[0] for r in await service.read(names.training_audio)} == {b"before", b"other"}
    await service.policy("leaves", version=2, training_opt_out=True)

    async def left() -> set[bytes]:
        latest = {}
        for topic in (names.training_audio, names.training_transcripts):
            latest |= {(topic, r.key): r.value for r in await service.read(topic)}
        return {key.split(b"/")[0] for (_, key), value in latest.items() if value is not None}

    await until_async(left, {b"other"})
    await service.send(call("after", "leaves", 32))
    await service.closed(3)
    assert await left() == {b"other"}
    retracted = [
        line for r in await service.read(names.audit) if (line := msgspec.json.decode(r.value))["action"] == "retracted"
    ]
    assert [(line["call_id"], line["customer_id"]) for line in retracted] == [("before", "leaves")]


async def test_a_minor_s_call_leaves_nothing_but_its_audit(service: Service) -> None:
    await service.policy("someone")
    await service.work()
    made = call("young", "someone", 34)
    started = made.records[0]
    value = msgspec.json.encode(msgspec.json.decode(started.value) | {"minor": True})
    made.records[0] = Record(started.kind, started.key, value, started.headers, started.time_ms)
    await service.send(made)
    await service.closed(1)
    names = service.names
    for topic in (names.analytics_audio, names.training_audio, names.analytics_transcripts):
        assert await service.read(topic) == []
    actions = {msgspec.json.decode(r.value)["reason"] for r in await service.read(names.audit)}
    assert "training_minor" in actions


@pytest.mark.usefixtures("over_the_network")
async def test_missing_topics_are_named_with_the_mend(service: Service) -> None:
    with pytest.raises(TopicError, match=r"missing topics: .*elsewhere\.calls\.audio.*topics create"):
        await service.work(topic_prefix="elsewhere.")


@pytest.mark.usefixtures("over_the_network")
async def test_unequal_partition_counts_are_refused(service: Service) -> None:
    admin = AIOKafkaAdminClient(**service.options)
    await admin.start()
    from deid_stream.model import topics

    made = [NewTopic(f"odd{service.prefix}{t.name}", 3 if t.name == "calls.audio" else 2, 1) for t in topics.TOPICS]
    await admin.create_topics(made)
    await admin.close()
    with pytest.raises(TopicError, match="unequal partition counts"):
        await service.work(topic_prefix=f"odd{service.prefix}")
