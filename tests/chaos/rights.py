"""What people ask for while calls run, calls that are too old to be kept, and what must be left of each at the end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from deid_stream.kafka.ports import Kafka
from deid_stream.model.topics import REQUEST_STATUS, REQUESTS, TopicNames
from tests.chaos.verify import Gone
from tests.support.calls import MadeCall
from tests.support.topics import read_all

OLD_CUSTOMER: Final = "customer-old"
OLD_MS: Final = 2 * 86_400_000
"""How old its calls are when they come. It keeps them for a month at first, and for a day in the end."""
ASKED_AFTER_S: Final = (0.5, 15.0)
"""So long after a call's beginning something is asked about it: while it goes on, or later."""
BETWEEN_S: Final = (0.2, 3.0)
_SCRIPTS: Final[tuple[tuple[float, tuple[str, ...]], ...]] = (
    (0.08, ("deletion",)),
    (0.04, ("objection",)),
    (0.04, ("withdrawal",)),
    (0.02, ("restriction",)),
    (0.02, ("access",)),
    (0.02, ("hold", "deletion")),
    (0.03, ("hold", "deletion", "release")),
)
"""What is asked of one call, one after the other, with the share of the calls that it is asked of."""
_ENDS: Final = {
    ("deletion",): {"deletion": "done"},
    ("objection",): {"objection": "in_force"},
    ("withdrawal",): {"withdrawal": "in_force"},
    ("restriction",): {"restriction": "in_force"},
    ("access",): {"access": "granted"},
    ("hold", "deletion"): {"hold": "in_force", "deletion": "held"},
    ("hold", "deletion", "release"): {"hold": "released", "deletion": "done", "release": "done"},
}
"""Where each request stands when everything has been done."""
_LEAVES_NOTHING_IN: Final = {
    ("deletion",): ("analytics", "training", "summary"),
    ("hold", "deletion", "release"): ("analytics", "training", "summary"),
    ("objection",): ("analytics", "training"),
    ("withdrawal",): ("training",),
    ("restriction",): ("training",),
}


@dataclass(frozen=True)
class _Asked:
    customer_id: str
    call_id: str
    script: tuple[str, ...]

    def request_id(self, kind: str) -> str:
        return f"{kind}-{self.call_id}"


class Rights:
    """``ask`` for some of the calls; then ``waiting`` and ``gone``."""

    def __init__(self, prefix: str, rng: random.Random) -> None:
        self._prefix = prefix
        self._rng = rng
        self._asked: list[_Asked] = []
        self._old: list[str] = []
        self.counts: Counter[str] = Counter()

    async def ask(self, producer: AIOKafkaProducer, call: MadeCall) -> None:
        """Perhaps something, some time after the call has begun."""
        script = self._chosen()
        waits_s = [self._rng.uniform(*ASKED_AFTER_S), *(self._rng.uniform(*BETWEEN_S) for _ in script)]
        if not script:
            return
        asked = _Asked(call.customer_id, call.call_id, script)
        self._asked.append(asked)
        await asyncio.sleep(max(0.0, call.records[0].time_ms / 1000 - time.time()))
        for kind, wait_s in zip(script, waits_s, strict=False):
            await asyncio.sleep(wait_s)
            await producer.send_and_wait(
                self._prefix + REQUESTS.name, key=asked.customer_id.encode(), value=_request(asked, kind)
            )
            self.counts[kind] += 1

    def old(self, call: MadeCall) -> None:
        """A call that its customer does not keep for so long."""
        self._old.append(call.call_id)

    async def waiting(self, kafka: Kafka, *, exactly_once: bool) -> list[str]:
        """Requests that do not stand where they have to."""
        records = await read_all(kafka, self._prefix + REQUEST_STATUS.name, exactly_once=exactly_once)
        states = {record.key.decode(): _state(record.value) for record in records if record.key}
        return [
            f"{asked.request_id(kind)} is {states.get(asked.request_id(kind), 'not answered')}, not {state}"
            for asked in self._asked
            for kind, state in _ENDS[asked.script].items()
            if states.get(asked.request_id(kind)) != state
        ]

    def gone(self, names: TopicNames) -> Gone:
        """By topic, the calls of which nothing may be readable, and what it would be if something were."""
        topics = {
            "analytics": (names.analytics_transcripts, names.analytics_audio),
            "training": (names.training_transcripts, names.training_audio),
            "summary": (names.calls,),
        }
        found: dict[str, dict[str, str]] = {}

        def add(call_id: str, purposes: Iterable[str], what: str) -> None:
            for topic in (topic for purpose in purposes for topic in topics[purpose]):
                found.setdefault(topic, {})[call_id] = what

        for asked in self._asked:
            add(asked.call_id, _LEAVES_NOTHING_IN.get(asked.script, ()), "resurrected")
        for call_id in self._old:
            add(call_id, ("analytics", "training", "summary"), "expired")
        return found

    def _chosen(self) -> tuple[str, ...]:
        chance = self._rng.random()
        for share, script in _SCRIPTS:
            if chance < share:
                return script
            chance -= share
        return ()


def old_policy(version: int, days: int) -> bytes:
    policy = {"customer_id": OLD_CUSTOMER, "version": version, "retention_days": {"analytics": days, "training": days}}
    return msgspec.json.encode(policy)


def _request(asked: _Asked, kind: str) -> bytes:
    request = {"request_id": asked.request_id(kind), "kind": kind, "customer_id": asked.customer_id}
    request |= {"requested_by": "desk-1", "verified_by": "desk-2"}
    request |= {"target": asked.request_id("hold")} if kind == "release" else {"call_id": asked.call_id}
    return msgspec.json.encode(request)


def _state(value: bytes | None) -> str:
    fields: Mapping[str, Any] = msgspec.json.decode(value) if value else {}
    return str(fields.get("state", ""))
