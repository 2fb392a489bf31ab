"""The spot check on either broker, with a recogniser that hears whatever sounds."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec.pcm import has_sound
from deid_stream.errors import BrokerError, TopicError
from deid_stream.kafka.record import OutRecord
from deid_stream.model.events import Word
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.observe.metrics import Counter
from deid_stream.spotcheck import records as records_of
from deid_stream.spotcheck.run import SpotCheck
from deid_stream.wire.output import encode_audit
from tests.support.calls import MadeCall, make_call
from tests.support.kafka import free_port
from tests.support.oracle import Expected
from tests.support.service import Service, until

WORD_MS = 200


class HearsAll:
    """A word for every 200 ms in which something sounds throughout."""

    def words(self, pcm: np.ndarray, rate_hz: int, start_ms: int = 0) -> list[Word]:
        frame = rate_hz // 100
        return [
            Word("heard", start_ms + at_ms, start_ms + at_ms + WORD_MS)
            for at_ms in range(0, len(pcm) * 1000 // rate_hz - WORD_MS, WORD_MS)
            if all(
                has_sound(pcm[at : at + frame])
                for at in range(at_ms * rate_hz // 1000, (at_ms + WORD_MS) * rate_hz // 1000, frame)
            )
        ]


def call(name: str, customer: str = "acme") -> MadeCall:
    """Of a minute ago; of this seed a caller gives a telephone number."""
    made = make_call(name, customer, 1, int(time.time() * 1000) - 60_000)
    assert made.secrets
    return made


def leaking(made: MadeCall, records: list[Expected]) -> Iterator[Expected]:
    """A fault of the plant: what was silenced leaves as it came."""
    source = {}
    for record in made.records:
        if record.kind == "audio":
            headers = dict(record.headers)
            source[b"/".join((record.key, headers["ce_channel"], headers["ce_seq"]))] = record.value
    for record in records:
        yield record._replace(value=source[record.key]) if record.topic.endswith(".audio") else record


async def publish(service: Service, records: list[Expected], partition: int) -> None:
    """As a worker would: the summary becomes visible last."""
    for record in sorted(records, key=lambda r: r.topic == service.names.calls):
        await service.put(OutRecord(record.topic, record.key, record.value, record.headers, record.time_ms, partition))


class Fails:
    def words(self, pcm: np.ndarray, rate_hz: int, start_ms: int = 0) -> list[Word]:
        raise RuntimeError("jane doe")


def spot_check(service: Service, recogniser: Any = None, **changes: Any) -> SpotCheck:
    settings = msgspec.structs.replace(service.settings, spotcheck_share=1.0, session_timeout_ms=2_000, **changes)
    if service.exactly_once:
        settings = msgspec.structs.replace(settings, session_timeout_ms=10_000)
    return SpotCheck(settings, recogniser or HearsAll(), kafka=service.connected(settings))


async def live(service: Service, topic: str, call_id: str) -> int:
    """Records of a call that no tombstone has removed."""
    newest = {r.key: r.value for r in await service.read(topic)}
    return sum(1 for key, value in newest.items() if value and key.split(b"/")[0] == call_id.encode())


def nonzero(counter: Counter) -> dict[str, float]:
    return {label: value for label, value in counter.values.items() if value}


def published_topics(service: Service) -> list[str]:
    names = service.names
    return [
        names.analytics_audio,
        names.analytics_transcripts,
        names.training_audio,
        names.training_transcripts,
        names.calls,
    ]


async def test_a_call_that_leaks_is_taken_back_and_another_left_alone(service: Service) -> None:
    await service.policy("acme")
    clean, leaks = call("clean"), call("leaks")
    await publish(service, service.expected(clean), partition=0)
    await publish(service, list(leaking(leaks, service.expected(leaks))), partition=1)
    before = {topic: await live(service, topic, "clean") for topic in published_topics(service)}
    assert min(before.values()) > 0
    assert {topic: await live(service, topic, "leaks") for topic in published_topics(service)} == before

    check = spot_check(service)
    await check.run_once()

    assert (check.totals.calls, check.totals.quarantined) == (2, ["leaks"])
    assert {name: count for name, count in check.totals.results.items() if count} == {"clean": 1, "found": 1}
    assert {topic: await live(service, topic, "clean") for topic in published_topics(service)} == before
    for topic in published_topics(service):
        assert await live(service, topic, "leaks") == 0, topic
        assert {r.partition for r in await service.read(topic) if r.value is None} == {1}
    (entry,) = [e for r in await service.read(service.names.audit) if b"quarantined" in (e := r.value)]
    said = msgspec.json.decode(entry)
    assert (said["call_id"], said["customer_id"], said["reason"]) == ("leaks", "acme", "spot_check")
    assert sum(said["counts"].values()) > 1
    assert not any(secret.encode() in entry for secret in leaks.secrets)
    assert nonzero(check.metrics.spotcheck_calls) == {"clean": 1, "found": 1}
    assert nonzero(check.metrics.spotcheck_finds) == said["counts"]
    assert check.metrics.quarantined.values == {"": 1}

    again = spot_check(service)
    await again.run_once()
    assert again.totals.calls == 0


async def test_calls_are_followed_as_they_close(service: Service) -> None:
    await service.policy("acme")
    old, new = call("before-it-began"), call("new")
    await publish(service, list(leaking(old, service.expected(old))), partition=0)
    check = spot_check(service)
    running = asyncio.create_task(check.run())
    await until(lambda: check.ready or running.done())
    await publish(service, list(leaking(new, service.expected(new))), partition=1)
    await until(lambda: check.totals.calls or running.done())
    await until(lambda: sum(check.totals.results.values()) or running.done())
    check.stop()
    await running
    assert check.totals.quarantined == ["new"]
    assert await live(service, service.names.analytics_audio, "before-it-began") > 0


@pytest.mark.parametrize(
    ("why", "result"),
    [
        pytest.param((AuditAction.QUARANTINED, "spot_check"), "withdrawn", id="crash"),
        pytest.param((AuditAction.DELETED, "deletion"), "deleted", id="deletion"),
        pytest.param((AuditAction.EXPIRED, "retention"), "unreadable", id="retention"),
        pytest.param(None, "unreadable", id="nobody knows"),
    ],
)
async def test_what_a_crash_left_half_withdrawn_is_finished_and_what_was_deleted_by_request_counted_apart(
    service: Service, why: tuple[AuditAction, str] | None, result: str
) -> None:
    await service.policy("acme")
    made = call("half")
    records = service.expected(made)
    await publish(service, records, partition=0)
    audio = [r for r in records if r.topic == service.names.analytics_audio]
    now_ms = int(time.time() * 1000)
    begun = []
    if why is not None:
        action, reason = why
        entry = AuditEntry(call_id="half", customer_id="acme", action=action, reason=reason, time_ms=now_ms)
        line = encode_audit(entry, policy_version="1")
        begun = [Expected(service.names.audit, line.key, line.value, tuple(line.headers), now_ms)]
    removed = [r._replace(value=None, time_ms=now_ms) for r in audio[:3]]
    await publish(service, [*begun, *removed], partition=0)
    check = spot_check(service)
    await check.run_once()
    assert {name for name, count in check.totals.results.items() if count} == {result}
    for topic in set(published_topics(service)) - {service.names.analytics_audio}:
        assert (await live(service, topic, "half") == 0) is (result == "withdrawn"), topic


async def test_a_deleted_call_of_which_nothing_is_left_is_no_unreadable_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the tombstones are gone, too, only the audit tells."""
    monkeypatch.setattr(records_of, "BETWEEN_S", 0)
    made = call("deleted")
    records = [r for r in service.expected(made) if not r.topic.endswith(".audio")]
    now_ms = int(time.time() * 1000)
    entry = AuditEntry(
        call_id="deleted", customer_id="acme", action=AuditAction.DELETED, reason="deletion", time_ms=now_ms
    )
    line = encode_audit(entry, policy_version="1")
    told = Expected(service.names.audit, line.key, line.value, tuple(line.headers), now_ms)
    await publish(service, [*records, told], partition=0)
    check = spot_check(service)
    await check.run_once()
    assert nonzero(check.metrics.spotcheck_calls) == {"deleted": 1}


async def test_a_call_whose_audio_is_gone_is_counted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_of, "BETWEEN_S", 0)
    made = call("gone")
    records = [r for r in service.expected(made) if not r.topic.endswith(".audio")]
    await publish(service, records, partition=0)
    check = spot_check(service)
    await check.run_once()
    assert check.totals.results["unreadable"] == 1
    assert nonzero(check.metrics.spotcheck_calls) == {"unreadable": 1}
    assert await live(service, service.names.calls, "gone") == 1


async def test_a_recogniser_that_fails_spoils_one_call(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    made = call("any")
    await publish(service, service.expected(made), partition=0)
    check = spot_check(service, Fails())
    await check.run_once()
    assert check.totals.results["unreadable"] == 1
    assert "call cannot be listened to" in caplog.messages
    assert "jane" not in caplog.text


@pytest.mark.usefixtures("over_the_network")
async def test_a_broker_that_is_away_is_waited_for(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    away = spot_check(service, bootstrap_servers=f"127.0.0.1:{free_port()}")
    with pytest.raises(BrokerError, match="no broker answers"):
        await away.run_once()
    running = asyncio.create_task(away.run())
    await until(lambda: "spot check tried again" in caplog.messages)
    away.stop()
    await running


async def test_missing_topics_end_it(service: Service) -> None:
    check = spot_check(service, topic_prefix="nowhere.")
    with pytest.raises(TopicError, match="topics create"):
        await check.run()
