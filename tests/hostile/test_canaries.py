"""A small garden of canaries through the real service (``python -m tests.hostile.canaries`` plants thousands)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deid_stream.config import Settings
from deid_stream.kafka.record import InRecord
from tests.conformance.conftest import Broker
from tests.conformance.conftest import apache as apache
from tests.conformance.conftest import broker as broker
from tests.hostile.canaries import search
from tests.hostile.canaries.plant import Garden
from tests.hostile.canaries.scenario import run
from tests.support.service import Service

ON = [pytest.param("embedded", marks=pytest.mark.live), pytest.param("apache", marks=pytest.mark.kafka)]
PLACES = (
    "deid.analytics.transcripts value",
    "deid.analytics.audio header ce_id",
    "deid.calls value",
    "deid.audit value",
    "deid.dlq value",
    "deid.checkpoints value",
    "deid.status value",
    "metrics",
    "cmdline",
    "environ",
    "file workers.log",
    "file traces.jsonl",
    "error undecodable",
    "error call file",
    "repr",
    "bridge environ",
    "bridge answer to transcripts",
    "dashboard environ",
    *(
        f"command {name}"
        for name in ("doctor", "validate", "policy list", "audit verify", "fetch", "fetch --sanitized")
    ),
    *(f"command {name}" for name in ("rights status", "rights access", "rights withdraw", "audit export", "keys list")),
    "command dataset export",
    *(f"dashboard {page}" for page in ("calls", "dead-letters", "requests", "request?reference", "sound")),
    "dashboard answer to api/request",
    "control metrics",
    "control cmdline",
    "control environ",
    "privacy.status value",
    "deid.index value",
    "deid.control.calls value",
    "deid.control.customers value",
    "repr request",
    "repr output",
    "error of a request",
)


@pytest.fixture
async def service(broker: Broker) -> AsyncIterator[Service]:
    async with Service(Settings(bootstrap_servers=broker.bootstrap), exactly_once=broker.exactly_once) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("broker", ON, indirect=True)
async def test_no_canary_is_seen_but_ids(service: Service, tmp_path: Path) -> None:
    result = await run(service, tmp_path, calls=2, every=40)
    assert [str(seen) for seen in result.unsanctioned] == []
    assert set(PLACES) <= result.places
    assert result.seen > 20, "ids come out, so the rest would have been found"
    assert result.free_text > 0, "free text comes out redacted, so it was looked at"
    assert result.letters > 40
    assert result.planted > 700


def record(value: bytes, key: bytes = b"k", headers: tuple[tuple[str, bytes], ...] = ()) -> InRecord:
    return InRecord("t", 0, 0, 0, key, value, headers)


@pytest.mark.parametrize(
    ("kind", "an_id", "made", "place"),
    [
        ("card", False, lambda c: record(b'{"text": "%s"}' % c), "value"),
        ("card", False, lambda c: record(b'{"text": "%s"}' % b" ".join((c[:4], c[4:8], c[8:12], c[12:]))), "value"),
        ("name", False, lambda c: record(b"\x00" + c.upper()), "value"),
        ("email", False, lambda c: record(b"{}", key=c), "key"),
        ("id", False, lambda c: record(b"{}", headers=(("x", c),)), "header x"),
        ("id", False, lambda c: record(b"{}", headers=((c.decode(), b""),)), "header"),
        ("id", True, lambda c: record(b'{"segment_id": "%s"}' % c), None),
        ("id", True, lambda c: record(b'{"call_id": "%s"}' % c), None),
        ("id", False, lambda c: record(b'{"segment_id": "s", "call_id": "%s"}' % c), "value"),
    ],
)
def test_the_search_finds(kind: str, an_id: bool, made: object, place: str | None) -> None:
    garden = Garden(1)
    canary = garden.canary("somewhere", kind, an_id=an_id).encode()
    found, seen = search.search(garden, search.in_record(made(canary)))  # type: ignore[operator]
    assert seen == 1
    assert [one.place.startswith(place or "-") for one in found] == ([True] if place else [])
