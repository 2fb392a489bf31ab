"""What must come out of a call: the pure session on the whole call, through the same gate, without a broker."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy import Standing
from deid_stream.session.call import CallSession
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.worker.consent import CallConsent, CallFacts
from deid_stream.worker.gate import Gate
from tests.support.calls import Record


class Expected(NamedTuple):
    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    time_ms: int


def expected_records(
    records: Sequence[Record],
    standing: Standing,
    *,
    names: TopicNames,
    detector: ConversationFactory,
    key: bytes,
    settings: SessionSettings | None = None,
    version: str,
) -> list[Expected]:
    """Output records of one call, in the order in which they would be published."""
    sink: list[Expected] = []
    outbox: Any = SimpleNamespace(
        append=lambda topic, key, value, headers, time_ms: sink.append(
            Expected(topic, key, value, tuple(headers), time_ms)
        )
    )
    gate = Gate(names, _Always(standing), version, Metrics())
    consent = CallConsent(CallFacts(records[0].key.decode(), records[0].time_ms, standing.customer_id))
    session: CallSession | None = None
    limits = Limits()
    offsets = dict.fromkeys(("events", "transcripts", "audio"), 0)
    for record in records:
        offset = offsets[record.kind]
        offsets[record.kind] += 1
        decoded = decode(record.kind, record.key, record.value, record.headers, record.time_ms, offset, limits)
        for event in decoded.sound():
            if session is None:
                session = CallSession(
                    event.call_id,
                    event.customer_id,
                    detector=detector,
                    key=key,
                    settings=settings or SessionSettings(),
                    policy=standing.policy,
                )
            session.receive(event)
    assert session is not None
    if not session.closed:
        session.advance(FOREVER_MS)
    gate.publish(outbox, session.outputs(), consent, minor=session.minor)
    return sink


class _Always:
    """One customer's policies, and they are fresh."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def standing(self, customer_id: str) -> Standing:
        return self._standing

    def fresh(self) -> bool:
        return True
