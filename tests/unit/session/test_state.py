"""The checkpoint's share of one call: copies, a version, and what cannot be read."""

from collections.abc import Callable

import msgspec
import pytest

from deid_stream.errors import StateError
from deid_stream.model.spans import AudioSpan
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session import state as states
from deid_stream.session.call import CallSession, Positions
from deid_stream.session.ledger import Ledger
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import Sound
from deid_stream.session.transcript import Transcript
from deid_stream.session.turns import Turn
from deid_stream.units import Interval
from tests.support.made_calls import SecretDetector, audio_chunks, make_timeline, segments, started
from tests.support.run_session import KEY, feed, new_session


def restored(snapshot: bytes) -> CallSession:
    return CallSession.restore(
        snapshot, Positions(0, 0), detector=SecretDetector(), key=KEY, settings=SessionSettings(), policy=UNKNOWN
    )


def halfway() -> CallSession:
    call = make_timeline(7, turns=5)
    events = sorted([started(call), *segments(call, [4]), *audio_chunks(call, [100])], key=lambda event: event.time_ms)
    session = new_session(call.call_id)
    feed(session, events[: len(events) // 2], close=False)
    return session


def test_what_was_written_is_what_is_read() -> None:
    snapshot = halfway().snapshot()
    assert states.encode(states.decode(snapshot)) == snapshot
    assert states.decode(restored(snapshot).snapshot()) == states.decode(snapshot)


def test_the_transcript_in_a_snapshot_is_as_it_is_now() -> None:
    """Its encoded form is kept while chunks leave, and no longer."""
    call = make_timeline(7, turns=5)
    said = [*segments(call, [4])]
    again = msgspec.structs.replace(said[0], revision=9, text="said again", words=(), time_ms=said[-1].time_ms + 1)
    events = sorted([started(call), *said, again, *audio_chunks(call, [100])], key=lambda event: event.time_ms)
    session = new_session(call.call_id)
    kept = 0
    for number, event in enumerate(events):
        before = session._encoded_transcript
        session.receive(event)
        if number == len(events) // 2:
            session.use(session._policy)
        session.advance(event.time_ms)
        snapshot = msgspec.json.decode(session.snapshot())
        assert snapshot["transcript"] == msgspec.json.decode(msgspec.json.encode(session._transcript.state()))
        kept += session._encoded_transcript is before
    assert kept > len(events) // 2


def sound() -> tuple[Sound, Callable[[], object]]:
    made = Sound()
    first, second, *_ = audio_chunks(make_timeline(7, channels=1), [100])
    made.add(first)
    made.cut(AudioSpan(10, 50, 0, "PERSON"))
    made.explain(0, [Interval(0, 60)])

    def change() -> None:
        made.add(second)
        made.cut(AudioSpan(60, 90, 0, "PERSON"))
        made.explain(0, [Interval(70, 90)])

    return made, change


def transcript() -> tuple[Transcript, Callable[[], object]]:
    made = Transcript(Ledger("c", "acme"), UNKNOWN, detector=SecretDetector(), key=KEY)
    first, second, *_ = segments(make_timeline(7, turns=5), [4])
    made.release(Turn(0, first.channel, (first,)), 0)
    return made, lambda: made.release(Turn(0, second.channel, (second,)), 0)


def ledger() -> tuple[Ledger, Callable[[], object]]:
    made = Ledger("c", "acme")
    made.silenced(AudioSpan(10, 50, 0, "PERSON"), 5)
    return made, lambda: made.silenced(AudioSpan(60, 90, 0, "PERSON"), 5)


@pytest.mark.parametrize("make", [sound, transcript, ledger])
def test_the_state_of_a_part_does_not_change_once_it_was_taken(make) -> None:
    part, change = make()
    state = part.state()
    written = msgspec.json.encode(state)
    change()
    assert msgspec.json.encode(state) == written
    assert msgspec.json.encode(part.state()) != written


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"call_id":"c"}',
        b'{"v":2,"call_id":"c"}',
        b'{"v":2,"call_id":"c","customer_id":"k","sound":{"holes":[{"start_ms":"x"}]}}',
        b'{"v":3,"call_id":"c","customer_id":"k"}',
        b'{"v":"2","call_id":"c","customer_id":"k"}',
        b'{"call_id":"c","customer_id":"k","released":[["s"]]}',
    ],
)
def test_what_cannot_be_read_is_an_error_of_ours(snapshot: bytes) -> None:
    with pytest.raises(StateError):
        restored(snapshot)


def test_the_error_shows_nothing_of_what_it_met() -> None:
    with pytest.raises(StateError) as caught:
        states.decode(b'{"v":2,"call_id":"4111111111111111","customer_id":4111111111111111}')
    assert "4111" not in str(caught.value)
    assert caught.value.__cause__ is None
