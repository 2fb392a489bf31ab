"""Which input record lets each output go: the pure session is played a script once, and says.

So the probe needs nothing from the worker: it knows when the allowing record was due, and measures from there."""

from functools import lru_cache

from aiokafka import ConsumerRecord

from benchmarks.load import AUDIO, CALL_ID, EVENTS, TRANSCRIPTS, Record, Script, Shape, make_scripts, parse_call_id
from benchmarks.probe import Allowed, header
from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.model.events import Event
from deid_stream.model.outputs import SanitizedAudio, SanitizedSegment
from deid_stream.policy.compile import compile_policy
from deid_stream.session.settings import SessionSettings
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.worker.sessions import SessionFactory

KEY = bytes(range(32))
_BASE_MS = 1_700_000_000_000


@lru_cache(maxsize=1)
def sessions() -> SessionFactory:
    return SessionFactory(Detector.load(), KeyRing(KEY), SessionSettings())


def events(record: Record, offset: int, limits: Limits = Limits()) -> list[Event]:  # noqa: B008 - a frozen value
    """The record as the worker decodes it, with the placeholder for its call id."""
    key = CALL_ID.encode()
    headers = (("ce_id", key + record.id_suffix), ("ce_subject", key), *record.headers)
    time_ms = _BASE_MS + record.at_ms
    kind = record.topic.removeprefix("calls.")
    return list(decode(kind, key, record.value, headers, time_ms, offset, limits).sound())


_ORDERS = (
    ((EVENTS, TRANSCRIPTS, AUDIO), 0),
    ((AUDIO, EVENTS, TRANSCRIPTS), 0),
    ((AUDIO, EVENTS, TRANSCRIPTS), 40),
    ((AUDIO, EVENTS, TRANSCRIPTS), 80),
)
"""How the topics may meet in the worker: either first at one moment, or the text a little late. What is looked at in
steps of media time can then fall into the next step, and is allowed by another record."""


def allowing(script: Script) -> dict[bytes, int]:
    """Output ``ce_id`` without the call id, prefixed by its kind, to the moment (ms from the call's start) at which the
    allowing record is due, whichever way the topics meet."""
    first, *others = (_released(script, order, late_ms) for order, late_ms in _ORDERS)
    return {name: max(at_ms, *(other.get(name, 0) for other in others)) for name, at_ms in first.items()}


def _released(script: Script, order: tuple[str, ...], late_ms: int) -> dict[bytes, int]:
    session = sessions().open(CALL_ID, script.customer_id, compile_policy(None))
    found: dict[bytes, int] = {}

    def met(record: Record) -> tuple[int, int]:
        return record.at_ms + (late_ms if record.topic == TRANSCRIPTS else 0), order.index(record.topic)

    ordered = sorted(script.records, key=met)
    for offset, record in enumerate(ordered):
        if offset and session.next_deadline_ms <= _BASE_MS + record.at_ms:
            session.advance(session.next_deadline_ms)
        for event in events(record, offset):
            session.receive(event)
        for output in session.outputs():
            if isinstance(output, SanitizedAudio):
                chunk = output.chunk
                tag = b"x" if chunk.channel is None else b"%d" % chunk.channel
                found[b"a/%s/%d" % (tag, chunk.seq)] = record.at_ms
            elif isinstance(output, SanitizedSegment):
                found[b"t/%d/%d" % (output.channel, output.seq)] = record.at_ms
    return found


@lru_cache(maxsize=8)
def _tables(shape: Shape, scripts: int) -> list[dict[bytes, int]]:
    return [allowing(script) for script in make_scripts(shape, scripts)]


def by_oracle(shape: Shape, scripts: int) -> Allowed:
    """For the probe: looks the output's allowing record up by its id."""
    tables = _tables(shape, scripts)

    def allowed(record: ConsumerRecord) -> int | None:
        identity = header(record, "ce_id")
        if identity is None:
            return None
        call, _, rest = identity.partition(b"/")
        script, start_ms, lives_ms = parse_call_id(call.decode())
        kind = b"a/" if record.topic.endswith("audio") else b"t/"
        at_ms = tables[script].get(kind + rest)
        # a call cut short lets the rest go by its end grace, which no record allows
        return None if at_ms is None or at_ms > lives_ms - 200 else start_ms + at_ms

    return allowed
