"""Which input record lets each output go: the pure session is played a script once, and says.

So the probe needs nothing from the worker: it knows when the allowing record was due, and measures from there."""

from functools import lru_cache

from aiokafka import ConsumerRecord

from benchmarks.load import AUDIO, CALL_ID, EVENTS, TRANSCRIPTS, Record, Script, Shape, make_scripts, parse_call_id
from benchmarks.probe import Allowed, header
from deid_stream.detect.detector import Detector
from deid_stream.model.events import Event
from deid_stream.model.outputs import SanitizedAudio, SanitizedSegment
from deid_stream.policy.compile import compile_policy
from deid_stream.session.settings import SessionSettings
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.cloudevents import Limits
from deid_stream.wire.events import decode_event
from deid_stream.wire.transcript import decode_transcript
from deid_stream.worker.sessions import SessionFactory

KEY = bytes(range(32))
_ORDER = {EVENTS: 0, TRANSCRIPTS: 1, AUDIO: 2}
_BASE_MS = 1_700_000_000_000


@lru_cache(maxsize=1)
def sessions() -> SessionFactory:
    return SessionFactory(Detector.load(), KEY, SessionSettings())


def events(record: Record, offset: int, limits: Limits = Limits()) -> list[Event]:  # noqa: B008 - a frozen value
    """The record as the worker decodes it, with the placeholder for its call id."""
    key = CALL_ID.encode()
    headers = (("ce_id", key + record.id_suffix), ("ce_subject", key), *record.headers)
    time_ms = _BASE_MS + record.at_ms
    if record.topic == TRANSCRIPTS:
        return list(decode_transcript(key, record.value, headers, time_ms, offset, limits))
    decode = decode_audio if record.topic == AUDIO else decode_event
    return [decode(key, record.value, headers, time_ms, offset, limits)]


def allowing(script: Script) -> dict[bytes, int]:
    """Output ``ce_id`` without the call id, prefixed by its kind, to the moment (ms from the call's start) at which the
    allowing record is due."""
    session = sessions().open(CALL_ID, script.customer_id, compile_policy(None))
    found: dict[bytes, int] = {}
    ordered = sorted(script.records, key=lambda record: (record.at_ms, _ORDER[record.topic]))
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
        script, _, start_ms = parse_call_id(call.decode())
        kind = b"a/" if record.topic.endswith("audio") else b"t/"
        at_ms = tables[script].get(kind + rest)
        return None if at_ms is None else start_ms + at_ms

    return allowed
