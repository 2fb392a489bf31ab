"""What one call's session promises, case by case. Cuts, orders and restarts are in tests/property."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from deid_stream.model.events import AudioChunk, Event, Segment, Word
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.policy.compile import compile_policy
from deid_stream.policy.policy import UNKNOWN, Policy
from deid_stream.session.call import CallSession, Positions
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from tests.support.made_calls import (
    EPOCH_MS,
    PLAIN,
    SECRET,
    SecretDetector,
    Timeline,
    audio_chunks,
    ended,
    make_timeline,
    segments,
    started,
)
from tests.support.run_session import KEY, Left, feed, new_session

SETTINGS = SessionSettings()


@pytest.fixture
def call() -> Timeline:
    return make_timeline(7, turns=5)


def everything(call: Timeline, *, minor: bool = False) -> list[Event]:
    events = [started(call, minor=minor), *segments(call, [4]), *audio_chunks(call, [100]), ended(call)]
    return sorted(events, key=lambda event: event.time_ms)


def drained(session: CallSession) -> Left:
    left = Left()
    left.take(session.outputs())
    return left


def revised(segment: Segment, **changes: object) -> Segment:
    return msgspec.structs.replace(segment, revision=segment.revision + 1, **changes)


def test_every_record_leaves_once_and_the_call_closes_without_waiting(call: Timeline) -> None:
    session = new_session(call.call_id)
    left = feed(session, everything(call), close=False)
    assert session.closed
    assert len(left.audio) == len(audio_chunks(call, [100]))
    assert len(left.segments) == len(segments(call, [4]))
    assert left.summaries[0].complete
    assert left.summaries[0].metadata == {"direction": "inbound"}


def late_starter() -> Timeline:
    """Nobody speaks for three seconds; then one of the two does."""
    call = make_timeline(7, turns=1)
    moved = [Word(word.text, (word.start_ms or 0) + 3_000, (word.end_ms or 0) + 3_000, 0.9) for word in call.words[0]]
    signal = {channel: np.concatenate([np.zeros(24_000, np.int16), sound]) for channel, sound in call.signal.items()}
    return replace(call, words={0: moved, 1: []}, signal=signal, duration_ms=call.duration_ms + 3_000)


def test_audio_waits_for_the_transcript() -> None:
    call = late_starter()
    session = new_session(call.call_id)
    left = feed(session, [started(call), *audio_chunks(call, [100])], close=False)
    first_word_ms = call.words[0][0].start_ms or 0
    released = {(seq + 1) * 100 for _, seq in left.audio}
    assert 0 < max(released) <= first_word_ms
    left.take(feed(session, segments(call, [100]), close=False).order)
    assert max((seq + 1) * 100 for _, seq in left.audio) > first_word_ms


def test_text_waits_for_the_context_window(call: Timeline) -> None:
    session = new_session(call.call_id)
    first = segments(call, [100])[0]
    silent = [msgspec.structs.replace(c, data=b"\xff" * len(c.data)) for c in audio_chunks(call, [100])]
    left = feed(session, [started(call), first, *silent[:2]], close=False)
    assert not left.segments
    finished = msgspec.structs.replace(
        first, segment_id="status", text="", words=(), start_ms=first.end_ms, transcribed_until_ms=60_000
    )
    left = feed(session, [finished, msgspec.structs.replace(finished, segment_id="status-1", channel=1)], close=False)
    assert left.segments[0, 0].segment_id == first.segment_id


def test_the_text_of_a_question_does_not_wait_for_the_end_of_the_answer() -> None:
    asked = [Word(word, 500 + at * 300, 750 + at * 300, 0.9) for at, word in enumerate(PLAIN[:5])]
    answered = [Word(word, 2_400 + at * 300, 2_700 + at * 300, 0.9) for at, word in enumerate(PLAIN * 2)]
    signal = {channel: np.zeros(16_000 * 8, np.int16) for channel in (0, 1)}
    for channel, words in enumerate((asked, answered)):
        for word in words:
            signal[channel][(word.start_ms or 0) * 8 : (word.end_ms or 0) * 8 : 2] = 8_000
    call = Timeline("call-1", "acme", {0: asked, 1: answered}, signal, 16_000)
    question, answer = segments(call, [100])
    before = [chunk for chunk in audio_chunks(call, [100]) if chunk.time_ms < answer.time_ms]
    session = new_session(call.call_id)
    left = feed(session, [started(call), *sorted([question, *before], key=lambda event: event.time_ms)], close=False)
    assert [segment.segment_id for segment in left.segments.values()] == [question.segment_id]
    # and of the sound all but what is so near to the answer that it may hold some of it
    assert 1_400 <= max((seq + 1) * 100 for _, seq in left.audio) <= 2_400


def test_speech_that_no_transcript_covers_is_silenced_at_the_deadline_and_silence_passes(call: Timeline) -> None:
    session = new_session(call.call_id)
    chunks = audio_chunks(call, [100])
    left = feed(session, [started(call), *chunks], close=False)
    session.advance(chunks[-1].time_ms + SETTINGS.holdback_ms + 1)
    left.take(session.outputs())
    assert len(left.audio) > len(chunks) * 0.9
    for channel in call.words:
        data = left.sound()[channel]
        for word in call.words[channel]:
            start, end = (word.start_ms or 0) * 8, (word.end_ms or 0) * 8
            assert set(data[start:end]) <= {0xFF}
    assert ("silenced", "UNTRANSCRIBED") in left.reasons()


def test_the_deadline_counts_in_record_time_of_each_chunk() -> None:
    call = late_starter()
    session = new_session(call.call_id)
    chunks = audio_chunks(call, [100])
    quiet = set(feed(session, [started(call), *chunks], close=False).audio)
    first_word_ms = call.words[0][0].start_ms or 0
    heard = next(chunk for chunk in chunks if chunk.offset_ms + 100 > first_word_ms)
    session.advance(heard.time_ms + SETTINGS.holdback_ms - 1_000)
    early = set(drained(session).audio)
    assert quiet
    assert not {seq for _, seq in quiet | early if (seq + 1) * 100 > first_word_ms}
    session.advance(chunks[-1].time_ms + SETTINGS.holdback_ms + 1)
    late = set(drained(session).audio)
    assert {seq for _, seq in late if (seq + 1) * 100 > first_word_ms}


def test_a_detector_that_raises_withholds_the_text_and_mutes_the_turn(call: Timeline) -> None:
    events = everything(call)
    target = next(event for event in events if isinstance(event, Segment))
    events[events.index(target)] = msgspec.structs.replace(target, text=target.text + " explode")
    left = feed(new_session(call.call_id), events)
    assert target.segment_id not in {segment.segment_id for segment in left.segments.values()}
    assert ("withheld", "detector") in left.reasons()
    data = left.sound()[target.channel]
    assert set(data[target.start_ms * 8 : target.end_ms * 8]) == {0xFF}
    assert left.summaries[0].withheld


def test_nothing_of_a_minors_call_leaves_but_its_audit(call: Timeline) -> None:
    left = feed(new_session(call.call_id), everything(call, minor=True))
    assert not left.audio
    assert not left.segments
    assert left.summaries[0].withheld
    assert ("closed", "minor") in left.reasons()


def test_a_revision_before_release_replaces(call: Timeline) -> None:
    first = segments(call, [100])[0]
    session = new_session(call.call_id)
    left = feed(session, [started(call), first, revised(first, text="just this", words=())])
    assert [s.text for s in left.segments.values()] == ["just this"]
    assert next(iter(left.segments.values())).revision == 1


def test_a_revision_after_release_corrects_the_same_record(call: Timeline) -> None:
    events = everything(call)
    first = next(event for event in events if isinstance(event, Segment))
    session = new_session(call.call_id)
    left = feed(session, events[:-1], close=False)
    released = left.segments[first.channel, 0]
    left.take(feed(session, [revised(first, text=first.text + " i am zorblax", words=())], close=False).order)
    corrected = left.segments[first.channel, 0]
    assert (released.revision, corrected.revision) == (0, 1)
    assert corrected.text == released.text + " i am [PERSON_1]"
    assert ("corrected", "revision") in left.reasons()


@pytest.mark.parametrize(("interims", "expected"), [("none", []), ("masked", ["** **** *******"])])
def test_interims_are_dropped_or_masked_never_raw(call: Timeline, interims: str, expected: list[str]) -> None:
    policy = compile_policy(Policy(customer_id="acme", version=1, interims=interims))  # type: ignore[arg-type]
    first = segments(call, [100])[0]
    interim = msgspec.structs.replace(first, is_final=False, text="my name zorblax", words=())
    left = feed(new_session(policy=policy), [started(call), interim], close=False)
    assert [s.text for s in left.segments.values()] == expected
    assert not any(s.is_final for s in left.segments.values())


def test_a_call_that_breaks_off_closes_after_the_idle_time_incomplete(call: Timeline) -> None:
    session = new_session(call.call_id)
    events = [event for event in everything(call)[:-1] if event.time_ms < EPOCH_MS + 3_000]
    left = feed(session, events, close=False)
    assert not session.closed
    session.advance(events[-1].time_ms + SETTINGS.idle_ms)
    left.take(session.outputs())
    assert session.closed
    assert not left.summaries[0].complete
    assert len(left.audio) == sum(isinstance(event, AudioChunk) for event in events)


def test_an_end_without_a_duration_waits_for_stragglers(call: Timeline) -> None:
    session = new_session(call.call_id)
    events = [*everything(call)[:-1], ended(call, said=False)]
    left = feed(session, events, close=False)
    assert not session.closed
    session.advance(EPOCH_MS + call.duration_ms + SETTINGS.end_grace_ms)
    left.take(session.outputs())
    assert session.closed
    assert left.summaries[0].complete


def test_after_the_end_a_late_transcript_is_waited_for_but_not_for_ever(call: Timeline) -> None:
    *events, last = [event for event in everything(call)[:-1] if isinstance(event, Segment)]
    audio = [event for event in everything(call) if isinstance(event, AudioChunk)]
    ended_ms = EPOCH_MS + call.duration_ms
    heard = [started(call), *events, *audio, ended(call, said=False)]

    session = new_session(call.call_id)
    left = feed(session, heard, close=False)
    session.advance(ended_ms + SETTINGS.end_grace_ms)
    assert not session.closed
    late = msgspec.structs.replace(last, time_ms=ended_ms + SETTINGS.end_grace_ms + 1_000)
    left.take(feed(session, [late], close=False).order)
    assert session.closed
    assert last.segment_id in {segment.segment_id for segment in left.segments.values()}

    session = new_session(call.call_id)
    left = feed(session, heard, close=False)
    session.advance(ended_ms + SETTINGS.holdback_ms)
    left.take(session.outputs())
    assert session.closed
    assert set(left.sound()[last.channel][last.start_ms * 8 + 4_000 : last.end_ms * 8]) <= {0xFF}


@pytest.mark.parametrize("late", [AudioChunk, Segment])
def test_what_comes_long_after_the_end_still_belongs_to_the_call(call: Timeline, late: type) -> None:
    """A topic whose partition has no leader takes in nothing for some 20 s, while the other topics go on."""
    *events, end = everything(call)
    session = new_session(call.call_id)
    left = feed(session, [*(event for event in events if not isinstance(event, late)), end], close=False)
    late_ms = end.time_ms + SETTINGS.end_grace_ms + 12_000
    session.advance(late_ms)
    stragglers = [msgspec.structs.replace(event, time_ms=late_ms) for event in events if isinstance(event, late)]
    left.take(session.outputs())
    left.take(feed(session, stragglers, close=False).order)
    assert session.closed
    assert left.summaries[0].complete
    assert len(left.audio) == sum(isinstance(event, AudioChunk) for event in events)
    assert len(left.segments) == sum(isinstance(event, Segment) for event in events)


def test_a_call_whose_stated_length_is_a_little_more_than_its_sound_waits_for_stragglers_and_is_whole(
    call: Timeline,
) -> None:
    *events, end = everything(call)
    session = new_session(call.call_id)
    left = feed(session, [*events, msgspec.structs.replace(end, duration_ms=call.duration_ms + 900)], close=False)
    assert not session.closed
    session.advance(end.time_ms + SETTINGS.end_grace_ms)
    left.take(session.outputs())
    assert session.closed
    assert left.summaries[0].complete


def test_a_full_buffer_counts_the_older_half_as_unheard(call: Timeline) -> None:
    session = new_session(call.call_id, settings=SessionSettings(max_held_bytes=20_000))
    left = feed(session, [started(call), *audio_chunks(call, [100])], close=False)
    assert session.held_bytes <= 20_000 + 1_600
    assert ("withheld", "buffer_full") in left.reasons()


def test_the_checkpoint_holds_nothing_that_was_said(call: Timeline) -> None:
    session = new_session(call.call_id)
    for event in everything(call)[:-1]:
        session.receive(event)
        snapshot = session.snapshot().decode()
        for word in (*SECRET, *(word for word in PLAIN if len(word) > 4)):
            assert word not in snapshot
        assert "+15550100" not in snapshot


def test_the_snapshot_is_kept_until_something_changes(call: Timeline) -> None:
    session = new_session(call.call_id)
    session.receive(started(call))
    session.receive(segments(call, [100])[0])
    before = session.snapshot()
    chunk = audio_chunks(call, [100])[0]
    session.receive(msgspec.structs.replace(chunk, data=bytes(len(chunk.data))))
    assert session.snapshot() is before


def test_policies_that_keep_a_type_leave_its_text_and_sound(call: Timeline) -> None:
    policy = compile_policy(Policy(customer_id="acme", version=1, entities={"PERSON": "keep"}))
    left = feed(new_session(call.call_id, policy=policy), everything(call))
    assert {text for _, _, text in left.clear_words()} & set(SECRET)
    assert not any("SILENCED" in entry.action.name for entry in left.audit)


def test_closing_is_final(call: Timeline) -> None:
    session = new_session(call.call_id)
    feed(session, everything(call))
    session.receive(segments(call, [4])[0])
    session.advance(FOREVER_MS)
    left = drained(session)
    assert (left.audio, left.segments, left.summaries) == ({}, {}, [])
    assert left.reasons() == {("dropped", "closed_call")}


def test_a_disguised_voice_goes_to_training_alone_and_holes_stay_silent(call: Timeline) -> None:
    plain = feed(new_session(call.call_id), everything(call))
    policy = compile_policy(Policy(customer_id="acme", version=1, voice_disguise=True))
    left = feed(new_session(call.call_id, policy=policy), everything(call))
    assert left.audio == plain.audio
    disguised = [output for output in left.order if isinstance(output, SanitizedAudio)]
    assert all(output.disguised is not None and len(output.disguised) == len(output.data) for output in disguised)
    assert any(output.disguised != output.data for output in disguised)


def test_without_the_policy_no_voice_is_disguised(call: Timeline) -> None:
    left = feed(new_session(call.call_id), everything(call))
    assert all(output.disguised is None for output in left.order if isinstance(output, SanitizedAudio))


def test_a_record_with_several_segments_is_read_again_whole(call: Timeline) -> None:
    """A provider's message may hold more than one segment: they share their source offset."""
    first, second, *_ = (s for s in segments(call, [2]) if s.channel == 0)
    both = [msgspec.structs.replace(s, offset=5, time_ms=EPOCH_MS) for s in (first, second)]
    session = new_session(call.call_id)
    uninterrupted = feed(session, [started(call), *both], close=False)
    assert not uninterrupted.segments
    restored = CallSession.restore(
        session.snapshot(),
        Positions(transcripts=6, audio=0),
        detector=SecretDetector(),
        key=KEY,
        settings=SETTINGS,
        policy=UNKNOWN,
    )
    left = feed(restored, both)
    assert {s.segment_id for s in left.segments.values()} == {first.segment_id, second.segment_id}


@pytest.mark.parametrize(("word", "at_least_ms", "at_most_ms"), [(SECRET[0], 0, 110), (PLAIN[0], 0, 110)])
def test_another_word_after_a_pause_is_silenced_where_nothing_was_read(
    word: str, at_least_ms: int, at_most_ms: int
) -> None:
    noise = np.random.default_rng(7)
    sound = np.zeros(3_000 * 8, np.int16)
    for start_ms, end_ms in ((1_000, 1_400), (1_480, 1_750)):  # the second is in no transcript
        sound[start_ms * 8 : end_ms * 8] = noise.integers(-8_000, 8_000, (end_ms - start_ms) * 8)
    call = Timeline("call-1", "acme", {0: [Word(word, 1_000, 1_400, 0.9)]}, {0: sound}, 3_000)
    left = feed(new_session(call.call_id), everything(call))
    heard = np.frombuffer(left.sound()[0], np.uint8)[1_480 * 8 : 1_750 * 8].reshape(-1, 8) != 0xFF
    assert at_least_ms <= heard.any(axis=1).sum() <= at_most_ms


def test_sound_that_outlasts_a_last_word_waits_for_a_transcript_of_its_own_and_then_counts_as_that_word() -> None:
    noise = np.random.default_rng(7)
    sound = np.zeros(6_000 * 8, np.int16)
    sound[1_000 * 8 : 1_600 * 8] = noise.integers(-8_000, 8_000, 600 * 8)
    call = Timeline("call-1", "acme", {0: [Word(PLAIN[0], 1_000, 1_400, 0.9)]}, {0: sound}, 6_000)
    session = new_session(call.call_id)
    left = feed(session, [event for event in everything(call) if event != ended(call)], close=False)
    due_ms = EPOCH_MS + 1_800 + 5_000  # the chunk with the last of what may be a word's end, and the wait
    assert session.next_deadline_ms == due_ms
    session.advance(due_ms - 1)
    left.take(session.outputs())
    assert not left.segments
    session.advance(due_ms)
    left.take(session.outputs())
    assert set(left.segments) == {(0, 0)}
    assert left.sound()[0][1_000 * 8 : 1_600 * 8].count(0xFF) < 100
