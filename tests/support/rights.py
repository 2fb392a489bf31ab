"""What the tests of the control plane share: a broker for each file, calls, requests, and what is readable after them.

The control plane is a process of its own, and is killed half-way."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.kafka.record import OutRecord
from tests.support.calls import MadeCall, Record, make_call
from tests.support.kafka import KafkaCluster
from tests.support.service import Service

SETTLE_S = 120.0


@pytest.fixture(
    scope="module",
    params=[pytest.param("embedded", marks=pytest.mark.live), pytest.param("apache", marks=pytest.mark.kafka)],
)
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
