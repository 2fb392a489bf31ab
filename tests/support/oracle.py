"""What must come out of a call: the pure session on the whole call, through the same gate, without a broker."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.session.call import FOREVER_MS, CallSession
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
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
    policy: CompiledPolicy,
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
    gate = Gate(names, None, version, Metrics())
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
                    policy=policy,
                )
            session.receive(event)
    assert session is not None
    if not session.closed:
        session.advance(FOREVER_MS)
    gate.publish(outbox, session.outputs(), policy, minor=session.minor, training=True)
    return sink
