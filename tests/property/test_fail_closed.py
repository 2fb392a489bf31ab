"""Law 2: whatever fails, nothing passes that could not be judged, and the failure leaves a trace."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio.hear.unheard import EDGE_MS
from deid_stream.detect.detector import Detector
from deid_stream.errors import AlignmentError, DigestKeyError
from deid_stream.model.events import Event, Segment
from deid_stream.policy.compile import compile_policy
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session import placing
from deid_stream.session.settings import SessionSettings
from tests.support.bench import NAMES, START_MS, Bench, real_sessions
from tests.support.calls import Record, make_call
from tests.support.made_calls import (
    SECRET,
    SecretDetector,
    Timeline,
    audio_chunks,
    ended,
    make_timeline,
    segments,
    started,
)
from tests.support.run_session import Left, feed, new_session

DETECTOR = Detector.load()
TRAINING = (NAMES.training_audio, NAMES.training_transcripts)
PERMITS = compile_policy(b'{"customer_id":"someone","version":1}')
seeds = st.integers(0, 500)


def events_of(call: Timeline) -> list[Event]:
    events: list[Event] = [started(call), *segments(call, [4]), *audio_chunks(call, [100]), ended(call)]
    return sorted(events, key=lambda event: event.time_ms)


def assert_nothing_shows(call: Timeline, left: Left, heard_ms: int = 0) -> None:
    """No secret can be read, or heard for longer than ``heard_ms``."""
    assert not {text for _, _, text in left.clear_words()} & set(SECRET)
    for channel, data in left.sound().items():
        assert channel is not None
        for start_ms, end_ms in call.secrets[channel]:
            samples = data[start_ms * 8 : end_ms * 8]
            assert len(samples) - samples.count(0xFF) <= heard_ms * 8


# -- inside a session


class FailingDetector(SecretDetector):
    """Raises at the turns named, with an error that nobody declared."""

    def __init__(self, at: set[int]) -> None:
        self.at = at
        self.turns = 0

    def turn(self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None) -> list:
        self.turns += 1
        if self.turns - 1 in self.at:
            raise RuntimeError(text)
        return super().turn(text, speaker, prev)


@given(seed=seeds, at=st.sets(st.integers(0, 5), min_size=1))
@settings(max_examples=10)
def test_a_detector_that_fails(seed: int, at: set[int]) -> None:
    call = make_timeline(seed, turns=6)
    detector = FailingDetector(at)
    left = feed(new_session(call.call_id, detector=detector), events_of(call))
    assert_nothing_shows(call, left)
    failed = [entry for entry in left.audit if (entry.action, entry.reason) == ("withheld", "detector")]
    sent = segments(call, [4])
    assert len(left.segments) + len(failed) == len(sent)
    assert bool(failed) is bool({turn for turn in at if turn < detector.turns})
    # the whole turn is silent
    withheld = {s.segment_id for s in sent} - {s.segment_id for s in left.segments.values()}
    for segment in sent:
        if segment.segment_id in withheld:
            assert set(left.sound()[segment.channel][segment.start_ms * 8 : segment.end_ms * 8]) <= {0xFF}


@given(seed=seeds, nth=st.integers(0, 3))
@settings(max_examples=10)
def test_an_alignment_that_fails(seed: int, nth: int) -> None:
    call = make_timeline(seed, turns=6)
    located: list[int] = []
    locate = placing.locate

    def failing(*arguments):
        located.append(1)
        if len(located) - 1 == nth:
            raise AlignmentError("cannot be placed")
        return locate(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "locate", failing)
        left = feed(new_session(call.call_id), events_of(call))
    assert_nothing_shows(call, left)
    if len(located) > nth:
        assert ("silenced", "UNALIGNED") in left.reasons()


@given(seed=seeds, held_bytes=st.sampled_from([4_000, 10_000, 20_000]), lag_ms=st.sampled_from([300, 5_000]))
@settings(max_examples=10)
def test_a_buffer_that_is_full(seed: int, held_bytes: int, lag_ms: int) -> None:
    call = make_timeline(seed, turns=6)
    events: list[Event] = [started(call), *segments(call, [4], lag_ms), *audio_chunks(call, [100]), ended(call)]
    session = new_session(call.call_id, settings=SessionSettings(max_held_bytes=held_bytes))
    left = feed(session, sorted(events, key=lambda event: event.time_ms))
    assert_nothing_shows(call, left)
    assert ("withheld", "buffer_full") in left.reasons() or held_bytes > 10_000


@given(seed=seeds, missing=st.sets(st.integers(0, 8), min_size=1))
@settings(max_examples=10)
def test_transcripts_that_never_come(seed: int, missing: set[int]) -> None:
    call = make_timeline(seed, turns=6)
    sent = segments(call, [4])
    lost = {segment.segment_id for number, segment in enumerate(sent) if number in missing}
    events = [e for e in events_of(call) if not (isinstance(e, Segment) and e.segment_id in lost)]
    left = feed(new_session(call.call_id), events)
    # sound just beside a transcribed word counts as its end
    assert_nothing_shows(call, left, EDGE_MS)
    if lost:
        assert ("silenced", "UNTRANSCRIBED") in left.reasons()


# -- around a session


def run(records: list[Record], **options) -> Bench:
    bench = Bench(**({"sessions": real_sessions(DETECTOR), "policy": PERMITS} | options))
    bench.source(records)
    bench.run()
    return bench


def readable(bench: Bench) -> str:
    """Everything that is text, of every record that came out, keys and headers included."""
    parts = []
    for out in bench.out:
        if not out.topic.endswith("audio"):
            parts.append(out.value or b"")
        parts += [out.key or b"", *(value for _, value in out.headers)]
    return b" ".join(parts).decode()


def call_with_secrets(seed: int):
    return next(call for n in range(50) if (call := make_call("call", "someone", seed + n, START_MS)).secrets)


def without_header(record: Record) -> Record:
    return replace(record, headers=[h for h in record.headers if h[0] not in ("ce_type", "ce_seq")])


def garbage(record: Record) -> Record:
    return replace(record, value=b"{" + record.value)


def empty(record: Record) -> Record:
    return replace(record, value=b"")


@given(
    seed=seeds,
    spoil=st.sampled_from([without_header, garbage, empty]),
    where=st.sets(st.floats(0, 1), min_size=1, max_size=5),
)
@settings(max_examples=10)
def test_a_record_that_cannot_be_decoded(seed: int, spoil: Callable[[Record], Record], where: set[float]) -> None:
    made = call_with_secrets(seed)
    records = list(made.records)
    at = {int(share * (len(records) - 1)) for share in where}
    at = {n for n in at if not (spoil is garbage and records[n].kind == "audio")}
    for number in at:
        records[number] = spoil(records[number])
    bench = run(records)
    assert len(bench.outputs(NAMES.dead_letters)) == len(at)
    assert sum(bench.metrics.dead_letters.values.values()) == len(at)
    text = readable(bench)
    assert not [secret for secret in made.secrets if secret in text]
    # nothing leaves that was not sent, and nothing of what could not be read
    assert len(bench.outputs(NAMES.analytics_audio)) <= made.chunks - sum(records[n].kind == "audio" for n in at)


class Broken:
    """A detector that cannot open a conversation: as a digest key that is unusable."""

    def conversation(self, *arguments, **keywords):
        raise DigestKeyError("the digest key is unusable")


def broken_gate(bench: Bench) -> None:
    def failing(*arguments, **keywords):
        if arguments[1] and type(arguments[1][0]).__name__ != "AuditEntry":
            raise RuntimeError("4111 1111 1111 1111")
        publish(*arguments, **keywords)

    publish, bench.gate.publish = bench.gate.publish, failing  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", range(6))
def test_a_key_that_fails(seed: int) -> None:
    bench = run(call_with_secrets(seed).records, sessions=real_sessions(Broken()))
    assert bench.released() == []
    assert [(out.fields["action"], out.fields["reason"]) for out in bench.outputs(NAMES.audit)] == [
        ("quarantined", "session_failed")
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_gate_that_fails(seed: int) -> None:
    made = call_with_secrets(seed)
    bench = Bench(real_sessions(DETECTOR), policy=PERMITS)
    broken_gate(bench)
    bench.source(made.records)
    bench.run()
    assert bench.released() == []
    assert ("quarantined", "session_failed") in [
        (out.fields["action"], out.fields["reason"]) for out in bench.outputs(NAMES.audit)
    ]


@pytest.mark.parametrize(
    ("policy", "fresh"),
    [(UNKNOWN, True), (PERMITS, False), (msgspec.structs.replace(UNKNOWN, version="unreadable"), True)],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_policy_that_is_not_there(seed: int, policy, fresh: bool) -> None:
    made = call_with_secrets(seed)
    bench = run(made.records, policy=policy, fresh=fresh)
    assert bench.outputs(*TRAINING) == []
    assert bench.outputs(NAMES.analytics_audio)
    reasons = [out.fields["reason"] for out in bench.outputs(NAMES.audit)]
    assert sum(reason.startswith("training_") for reason in reasons) == 1
    assert run(made.records).outputs(*TRAINING), "with a policy there is something"
