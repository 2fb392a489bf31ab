"""How a call ends: complete or not and why, a minor's call that was known too late, and what tells segments apart."""

from random import Random

import msgspec
import pytest

from deid_stream.model.events import AudioChunk, Event, Segment
from deid_stream.model.outputs import CallSummary, Retraction
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from tests.support.made_calls import EPOCH_MS, Timeline, audio_chunks, ended, make_timeline, segments, started
from tests.support.run_session import Left, feed, new_session

SETTINGS = SessionSettings()


@pytest.fixture
def call() -> Timeline:
    return make_timeline(7, turns=5)


def everything(call: Timeline) -> list[Event]:
    events = [started(call), *segments(call, [4]), *audio_chunks(call, [100]), ended(call)]
    return sorted(events, key=lambda event: event.time_ms)


def summary(left: Left) -> CallSummary:
    (found,) = left.summaries
    return found


def without(events: list[Event], kind: type) -> list[Event]:
    return [event for event in events if not isinstance(event, kind)]


def test_a_call_of_which_everything_came_is_complete(call: Timeline) -> None:
    left = feed(new_session(call.call_id), everything(call))
    assert (summary(left).complete, summary(left).incomplete_reason) == (True, None)
    assert ("closed", "ended") in left.reasons()


def missing_chunks(events: list[Event]) -> list[Event]:
    return [event for event in events if not (isinstance(event, AudioChunk) and 40 <= event.seq < 60)]


def broken_off(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, AudioChunk) or event.seq < 60]


def one_channel(events: list[Event]) -> list[Event]:
    return [event for event in events if not (isinstance(event, AudioChunk) and event.channel == 1)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda events: events[:-1], "no_end"),
        (lambda events: without(events, Segment), "no_transcript"),
        (lambda events: without(events, AudioChunk), "no_audio"),
        (missing_chunks, "audio_missing"),
        (broken_off, "audio_missing"),
        (one_channel, "audio_missing"),
    ],
)
def test_a_call_that_lacks_something_says_what(call: Timeline, change, reason: str) -> None:
    left = feed(new_session(call.call_id), change(everything(call)))
    assert (summary(left).complete, summary(left).incomplete_reason) == (False, reason)
    assert ("closed", reason) in left.reasons()


def test_a_call_with_nothing_to_hear_is_complete(call: Timeline) -> None:
    left = feed(new_session(call.call_id), [started(call), msgspec.structs.replace(ended(call), duration_ms=0)])
    assert summary(left).complete


def test_refused_records_are_counted_in_the_summary(call: Timeline) -> None:
    session = new_session(call.call_id)
    session.refuse()
    session.refuse()
    assert summary(feed(session, everything(call))).refused == 2


def test_a_minor_known_too_late_is_taken_back_whole(call: Timeline) -> None:
    events = everything(call)
    session = new_session(call.call_id)
    left = feed(session, events[: len(events) * 2 // 3], close=False)
    assert left.audio
    assert left.segments
    said_ms = events[len(events) * 2 // 3].time_ms
    late = msgspec.structs.replace(started(call, minor=True), time_ms=said_ms)
    after = feed(session, [late, *events[len(events) * 2 // 3 :]])
    assert not after.audio
    assert not after.segments
    (retraction,) = [output for output in after.order if isinstance(output, Retraction)]
    named = {(known.channel, seq) for known in retraction.audio for seq in range(known.first, known.last + 1)}
    assert named == left.audio.keys()
    texts = {(known.channel, seq) for known in retraction.transcripts for seq in range(known.first, known.last + 1)}
    assert texts == left.segments.keys()
    assert ("retracted", "minor") in after.reasons()
    assert summary(after).withheld


def test_a_minor_known_from_the_start_leaves_nothing_to_take_back(call: Timeline) -> None:
    left = feed(new_session(call.call_id), [started(call, minor=True), *everything(call)[1:]])
    assert not [output for output in left.order if isinstance(output, Retraction)]
    assert not left.audio


def renamed(call: Timeline) -> list[Segment]:
    """Each channel counts its segments by itself, as recognisers with a session per channel do."""
    numbers: dict[int, int] = {}
    found = []
    for segment in segments(call, [4]):
        numbers[segment.channel] = numbers.get(segment.channel, -1) + 1
        found.append(msgspec.structs.replace(segment, segment_id=f"turn-{numbers[segment.channel]}"))
    return found


def test_segments_are_told_apart_by_channel_too(call: Timeline) -> None:
    own = without(everything(call), Segment)
    plain = feed(new_session(call.call_id), everything(call))
    both = feed(new_session(call.call_id), sorted([*own, *renamed(call)], key=lambda event: event.time_ms))
    assert both.segments.keys() == plain.segments.keys()
    assert both.clear_words() == plain.clear_words()
    assert both.sound() == plain.sound()


def test_a_revision_corrects_the_segment_of_its_own_channel(call: Timeline) -> None:
    events = sorted([*without(everything(call), Segment), *renamed(call)], key=lambda event: event.time_ms)
    session = new_session(call.call_id)
    left = feed(session, events[:-1], close=False)
    other = next(s for s in renamed(call) if s.channel == 1 and s.segment_id == "turn-0")
    before = left.segments[0, 0]
    left.take(feed(session, [msgspec.structs.replace(other, revision=1)], close=False).order)
    assert left.segments[0, 0] is before
    assert left.segments[1, 0].revision == 1


def test_a_call_of_text_alone_keeps_a_bounded_state() -> None:
    rng = Random(5)
    session = new_session("long")
    sizes = []
    for number in range(400):
        at_ms = number * 4_000
        segment = Segment(
            call_id="long", customer_id="acme", segment_id=f"s{number}", channel=number % 2, text="well " * 5,
            start_ms=at_ms, end_ms=at_ms + rng.randint(500, 1_500), time_ms=EPOCH_MS + at_ms, offset=number,
            transcribed_until_ms=at_ms + 3_000,
        )  # fmt: skip
        session.receive(segment)
        session.receive(msgspec.structs.replace(segment, segment_id="o", channel=1 - number % 2, is_final=False))
        session.outputs()
        sizes.append(len(session.snapshot()))
    assert max(sizes) < 60_000
    assert sizes[-1] <= sizes[200] * 1.1
    needed = session.needed_offsets().transcripts
    assert 400 - needed < 140


def test_sound_that_comes_long_after_its_text_was_forgotten_is_silenced(call: Timeline) -> None:
    session = new_session(call.call_id)
    many = []
    for number, segment in enumerate(segments(make_timeline(3, turns=300), [8])):
        at_ms = number * 3_000
        length_ms = segment.end_ms - segment.start_ms
        many.append(
            msgspec.structs.replace(
                segment, segment_id=f"s{number}", words=(), start_ms=at_ms, end_ms=at_ms + length_ms,
                transcribed_until_ms=at_ms + 2_900, time_ms=EPOCH_MS + at_ms, offset=number, channel=0,
            )
        )  # fmt: skip
    left = feed(session, many, close=False)
    assert ("withheld", "turn_without_audio") in left.reasons()
    chunks = [msgspec.structs.replace(chunk, time_ms=EPOCH_MS + 10**6) for chunk in audio_chunks(call, [100])]
    left.take(feed(session, [chunk for chunk in chunks if chunk.channel == 0], close=False).order)
    session.advance(FOREVER_MS)
    left.take(session.outputs())
    assert set(left.sound()[0]) <= {0xFF}
